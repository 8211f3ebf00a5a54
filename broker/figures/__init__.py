"""Figures that owners see of their data, worked out in one way for every dataset."""

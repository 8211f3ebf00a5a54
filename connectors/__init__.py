"""Connectors: where changes come from."""

"""Agreements: who promised what to whom."""

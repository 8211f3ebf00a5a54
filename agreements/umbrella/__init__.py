"""Umbrellas: an agreement meets the one that it stands under, and can only narrow it (NARROW-ONLY)."""

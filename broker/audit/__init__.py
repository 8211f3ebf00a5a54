"""The audit log: segments, their trees, verification and search."""

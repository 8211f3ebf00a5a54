"""The HTTP service: schema registry, health and metrics."""

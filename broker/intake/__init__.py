"""Intake: runs connectors and writes their changes and positions in one transaction."""

"""Connectors: where changes come from.  What an author of one needs is here; `connectors.protocol` says what it promises."""

from connectors.protocol import Away, Batch, Change, CheckReport, Connector, Options, Position, Signal

__all__ = ["Away", "Batch", "Change", "CheckReport", "Connector", "Options", "Position", "Signal"]

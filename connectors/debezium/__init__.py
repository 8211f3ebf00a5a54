"""The Debezium connector."""

from connectors.debezium.connector import DebeziumConnector

__all__ = ["DebeziumConnector"]

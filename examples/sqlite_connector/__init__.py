"""A connector for SQLite, written from docs/guides/write-a-connector.md alone."""

from .connector import SqliteConnector

__all__ = ["SqliteConnector"]

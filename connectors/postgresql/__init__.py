"""The PostgreSQL connector: logical replication with a snapshot that is handed over without loss or repeat."""

from connectors.postgresql.connector import PostgresqlConnector

__all__ = ["PostgresqlConnector"]

"""Files of a directory: CSV, JSON Lines, Avro and Parquet; read once, as they grow, or compared with the extract before."""

from connectors.files.connector import FilesConnector

__all__ = ["FilesConnector"]

"""A connector to begin from: it reads a log of changes in a file.  Replace what it reads by your store."""

from .connector import TemplateConnector

__all__ = ["TemplateConnector"]

"""HTTP stores: one that is asked page by page, and one that sends what happened."""

from connectors.http.poll import HttpPollConnector
from connectors.http.push import HttpPushConnector

__all__ = ["HttpPollConnector", "HttpPushConnector"]

"""What a running process tells: structured logs without personal data, and metrics.

A log line is an event's name and facts under names from `KEYS`; a fact under any other name is replaced by `withheld`, so that
no value of the data can reach a log by accident.  Logs go to standard error, one JSON object per line.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog
from prometheus_client import start_http_server

from broker.settings import Settings

KEYS = frozenset(
    {
        "attempt",
        "bytes",
        "code",
        "command",
        "connector",
        "count",
        "dataset",
        "decisions",
        "error",
        "event",
        "faults",
        "group",
        "instance",
        "job",
        "kind",
        "level",
        "logger",
        "milliseconds",
        "mode",
        "name",
        "offset",
        "outcome",
        "partition",
        "partitions",
        "path",
        "pid",
        "port",
        "position",
        "principal",
        "purpose",
        "reason",
        "records",
        "reference",
        "remedy",
        "seconds",
        "segment",
        "sequence",
        "share",
        "signal",
        "status",
        "store",
        "timestamp",
        "topic",
        "topics",
        "tree_size",
        "worker",
    },
)
"""Every name under which a log line may state a fact; none of them is for data."""

_WITHHELD = "withheld"


def configure(level: str = "INFO") -> None:
    """Set up logging for this process; call once, before the first line."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            withhold_unknown,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _StandardError())),
        cache_logger_on_first_use=False,
    )


class _StandardError:
    """Standard error as it is when a line is written: who replaces `sys.stderr` and closes what stood there loses no line."""

    def write(self, text: str) -> int:
        """Write `text` to what is standard error now."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush what is standard error now."""
        sys.stderr.flush()


def withhold_unknown(_: Any, __: str, facts: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace every fact whose name is not in `KEYS`."""
    for name in facts:
        if name not in KEYS:
            facts[name] = _WITHHELD
    return facts


def logger(name: str) -> Any:
    """A logger whose lines carry `logger=name`."""
    return structlog.get_logger().bind(logger=name)


def serve_metrics(settings: Settings) -> None:
    """Answer Prometheus on `settings.metrics_port` of the service's host, if one is set."""
    if settings.metrics_port is not None:
        start_http_server(settings.metrics_port, addr=settings.serve_host)

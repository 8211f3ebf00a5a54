"""The name of every topic, made in one place; how each is kept is `broker.cluster.topics`' to say.

References and share identifiers are lower case once lowered and hold no dot, so no two shares have one topic.
"""

from __future__ import annotations

REGISTER = "concordat.register"
AUDIT_SEGMENTS = "concordat.audit.segments"
AUDIT_HEADERS = "concordat.audit.headers"
AUDIT_CHECKPOINTS = "concordat.audit.checkpoints"
POSITIONS = "concordat.positions"
QUARANTINE = "concordat.quarantine"
WORKERS = "concordat.workers"
COUNTERS = "concordat.counters"
SIGNALS = "concordat.signals"

_SOURCE = "source."
_SHARE = "share."
_NOTICES = "concordat.notices."


def source(dataset: str) -> str:
    """Where the connector of `dataset` writes: `source.<dataset>`."""
    return _SOURCE + dataset


def share(reference: str, identifier: str) -> str:
    """What a department receives under one share: `share.<reference>.<share>`, in lower case."""
    return f"{_SHARE}{reference.lower()}.{identifier}"


def receipts(reference: str, identifier: str) -> str:
    """The proofs for one share's records: its topic's name and `.receipts`."""
    return share(reference, identifier) + ".receipts"


def notices(organisation: str) -> str:
    """What the broker tells one organisation: `concordat.notices.<organisation>`."""
    return _NOTICES + organisation


def is_ours(topic: str) -> bool:
    """Whether the name is one that the broker gives its own topics, or Kafka its."""
    return topic.startswith(("concordat.", _SOURCE, _SHARE, "__"))


def dataset_of(topic: str) -> str | None:
    """The dataset whose source topic this is; None for any other topic."""
    return topic.removeprefix(_SOURCE) if topic.startswith(_SOURCE) else None


def share_of(topic: str) -> tuple[str, str] | None:
    """The reference (upper case) and share identifier whose topic this is; None for any other, receipts included."""
    parts = topic.split(".")
    return (parts[1].upper(), parts[2]) if len(parts) == 3 and parts[0] == "share" else None

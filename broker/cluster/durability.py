"""What a cluster must promise so that nothing that was decided is forgotten (pure): offsets, copies, leaders.

The committed offsets are where deciding goes on and hold the chain's tail: Kafka forgets those of a group that was idle for
`offsets.retention.minutes`.  Fewer than three copies, or a leader that lacks what was committed, can lose acts and leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from broker.cluster.objects import TopicState

YEAR_MINUTES = 365 * 24 * 60
COPIES_MIN = 3
_RETENTION = "offsets.retention.minutes"
_UNCLEAN = "unclean.leader.election.enable"
_INTERNAL = ("offsets.topic.replication.factor", "transaction.state.log.replication.factor")
SETTINGS = (_RETENTION, _UNCLEAN, *_INTERNAL)
"""The brokers' settings that `weaknesses` looks at."""
_OURS = ("concordat.", "source.", "share.")
_NAMED_MAX = 3


class Weakness(NamedTuple):
    """One promise that the cluster does not give, and what to do."""

    found: str
    remedy: str


def weaknesses(
    brokers: Mapping[str, Mapping[str, str]], topics: Mapping[str, TopicState], copies: int
) -> Iterator[Weakness]:
    """What is weak, given each broker's `SETTINGS`, the topics that are there, and the copies a new topic would get."""
    for broker, settings in sorted(brokers.items()):
        yield from _of_broker(broker, settings)
    ours = {name: state for name, state in topics.items() if name.startswith(_OURS)}
    if few := [name for name, state in ours.items() if state.replication_factor < COPIES_MIN]:
        remedy = "reassign their partitions with Kafka's own tools"
        yield Weakness(f"fewer than {COPIES_MIN} copies of {_named(few)}", remedy)
    if unclean := [name for name, state in ours.items() if state.configuration.get(_UNCLEAN) == "true"]:
        yield Weakness(
            f"{_UNCLEAN} is on for {_named(unclean)}", "run `concordat provision apply`, which sets it to false"
        )
    if copies < COPIES_MIN:
        remedy = f"set CONCORDAT_REPLICATION_FACTOR to {COPIES_MIN} or more"
        yield Weakness(f"new topics would have fewer than {COPIES_MIN} copies: {copies}", remedy)


def _of_broker(broker: str, settings: Mapping[str, str]) -> Iterator[Weakness]:
    minutes = settings.get(_RETENTION, "")
    if minutes.isdecimal() and int(minutes) < YEAR_MINUTES:
        remedy = f"set it to {YEAR_MINUTES} or more on every broker: what is forgotten stops the workers"
        yield Weakness(f"broker {broker}: {_RETENTION} is {minutes}, less than a year", remedy)
    if settings.get(_UNCLEAN) == "true":
        yield Weakness(f"broker {broker}: {_UNCLEAN} is on", "set it to false on every broker")
    for name in _INTERNAL:
        copies = settings.get(name, "")
        if copies.isdecimal() and int(copies) < COPIES_MIN:
            remedy = f"set it to {COPIES_MIN}, and reassign the internal topic that exists"
            yield Weakness(f"broker {broker}: {name} is {copies}", remedy)


def _named(names: Iterable[str]) -> str:
    found = sorted(names)
    more = f" and {len(found) - _NAMED_MAX} more" if len(found) > _NAMED_MAX else ""
    return ", ".join(found[:_NAMED_MAX]) + more

"""Waiting until an act has taken effect at every worker, with the measured time and the worst case (BOUNDED-STOP).

A worker acknowledges a register position for a source partition when the last transaction begun under an older snapshot has
ended.  One that is dead or paused cannot: nothing it began commits after the transaction timeout.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from broker import clock
from broker.cluster.admin import Admin
from broker.cluster.client import Connection
from broker.cluster.reader import Reader
from broker.delivery.board import ProgressBoard
from contracts import topics

GROUP = "concordat.enforce"
TRANSACTION_TIMEOUT_SECONDS = 10.0
_POLL_SECONDS = 0.02
_ASK_GROUP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Stop:
    """What was seen of an act's taking effect.

    `seconds` is from the moment the command began to the confirmation, or to giving up.  `workers` are the instances in the
    worker group when it was last asked.  When `confirmed` is False and no worker runs, nothing flows anyway.
    """

    position: int
    confirmed: bool
    seconds: float
    partitions: int
    workers: tuple[str, ...]
    unconfirmed: tuple[str, ...]
    worst_case_seconds: float


def await_stop(
    connection: Connection,
    position: int,
    datasets: Iterable[str],
    *,
    began_at: float,
    age_milliseconds_max: int = 500,
) -> Stop:
    """Wait until every partition of the datasets is decided under `position` or newer, no worker runs, or the worst case.

    `began_at` is monotonic seconds.  Raises `Unavailable` when Kafka cannot be reached.
    """
    worst_case = TRANSACTION_TIMEOUT_SECONDS + age_milliseconds_max / 1000
    give_up_at = clock.monotonic_seconds() + worst_case
    admin = Admin(connection)
    wanted = _partitions(connection, datasets)
    with ProgressBoard(connection) as board:
        workers, asked_at = _workers(admin), clock.monotonic_seconds()
        while True:
            confirmed = board.confirmed(wanted, position)
            now = clock.monotonic_seconds()
            if confirmed or not workers or now > give_up_at:
                break
            if now - asked_at > _ASK_GROUP_SECONDS:
                workers, asked_at = _workers(admin), now
            time.sleep(_POLL_SECONDS)
        missing = [place for place in wanted if not board.confirmed([place], position)]
    names = tuple(f"{topic}/{partition}" for topic, partition in missing)
    seconds = clock.monotonic_seconds() - began_at
    return Stop(position, confirmed, seconds, len(wanted), workers, names, worst_case)


def _partitions(connection: Connection, datasets: Iterable[str]) -> Collection[tuple[str, int]]:
    with Reader(connection) as reader:
        sources = sorted({topics.source(dataset) for dataset in datasets})
        return [(source, partition) for source in sources for partition in range(reader.partitions(source))]


def _workers(admin: Admin) -> tuple[str, ...]:
    return tuple(sorted(member.instance_id or member.client_id for member in admin.group_members(GROUP)))

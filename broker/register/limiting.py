"""The act of a worker: a limit was reached, and the agreement is suspended."""

from __future__ import annotations

from typing import cast

from agreements.acts import LimitReached
from agreements.acts.limits import Limit
from agreements.signing import Signer
from agreements.snapshot import Snapshot
from agreements.standing import version_at
from broker import clock
from broker.cluster.client import Connection
from broker.delivery.limits import is_to_be_suspended
from broker.register.append import Deed, act


def reach_limit(connection: Connection, worker: Signer, reference: str, *, limit: str, period: str) -> None:
    """Say that a limit was reached, unless another worker has said so or the version in force is not suspended at it."""

    def decide(snapshot: Snapshot) -> list[Deed]:
        entry = version_at(snapshot.agreements.get(reference, ()), clock.now())
        if entry is None or not is_to_be_suspended(entry, limit):
            return []
        return [Deed(LimitReached(reference, cast("Limit", limit), period), worker)]

    act(connection, decide)

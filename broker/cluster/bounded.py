"""A bound on calls that should keep to their own time limit and do not always.

The client's call that sends offsets with a transaction never looks at its limit while it waits for the group's coordinator: when that
broker had left the cluster's metadata for a moment, as every restart makes it, the call waits until some connection happens
to change, which may be never (librdkafka issues 5456 and 5511, open as of 2.16.0).
"""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread

from broker.cluster.client import ClusterFatal


def within(seconds: float, call: Callable[[], object], what: str) -> None:
    """Make `call`; it runs on a thread of its own, and what it raises is raised here.

    Raises `ClusterFatal` when it has not ended after `seconds`.  The call is left behind then, and with it whatever it uses:
    only the process's end, or a new client in its place, makes that good.
    """
    outcomes: SimpleQueue[BaseException | None] = SimpleQueue()

    def run() -> None:
        try:
            call()
        except BaseException as fault:  # noqa: BLE001 - handed over, whatever it is
            outcomes.put(fault)
        else:
            outcomes.put(None)

    Thread(target=run, name=f"bounded: {what}", daemon=True).start()
    try:
        fault = outcomes.get(timeout=seconds)
    except Empty:
        raise ClusterFatal(f"{what}: the client has not answered within {seconds:g} s") from None
    if fault is not None:
        raise fault

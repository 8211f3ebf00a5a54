"""Calls of the client that do not come back are given up, and all others are as if made directly."""

from __future__ import annotations

import threading

import pytest

from broker.cluster.bounded import within
from broker.cluster.client import Abortable, ClusterFatal


def test_a_call_that_ends_has_been_made_once() -> None:
    made: list[int] = []
    within(20, lambda: made.append(1), "a call")
    assert made == [1]


def test_what_a_call_raises_is_raised() -> None:
    def refuse() -> None:
        raise Abortable("told")

    with pytest.raises(Abortable, match="told"):
        within(20, refuse, "a call")


def test_a_call_that_never_ends_is_given_up_with_its_name() -> None:
    never = threading.Event()
    try:
        with pytest.raises(ClusterFatal, match="transactions of x: the client has not answered"):
            within(0.05, never.wait, "transactions of x")
    finally:
        never.set()

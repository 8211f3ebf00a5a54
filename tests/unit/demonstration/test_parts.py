"""The demonstration's own parts: an oracle that can say no, a tally that counts, processes that are watched."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from datetime import UTC, date, datetime

import pytest

from broker.audit.segment import SALTS_BYTES, Decided, Ground, Terms, build_segment
from broker.cluster.client import Message
from broker.demonstration.assertions import Assertions
from broker.demonstration.holdings import Holding
from broker.demonstration.oracle import EXPECTED
from broker.demonstration.proof import _compare
from broker.demonstration.tally import Tally
from broker.processes import Processes
from contracts.faults import Unavailable

SHARES = {expected.share: expected for expected in EXPECTED}
CROSSING = {
    "direction": "outbound",
    "port": "JFK",
    "match_confidence": 0.6,
    "document_number": "123456789",
    "crossed_at": datetime(2013, 1, 1, 23, 59, tzinfo=UTC),
}
TRAVELLER = {
    "residence": "resident",
    "given_name": "Ann",
    "family_name": "Lee",
    "date_of_birth": date(1980, 2, 29),
    "postcode": "SW1A 1AA",
}


@pytest.mark.parametrize(
    ("change", "qualifies"),
    [
        ({}, True),
        ({"direction": "inbound"}, False),
        ({"port": "LGA"}, False),
        ({"match_confidence": 0.59}, False),
        ({"match_confidence": None}, False),
        ({"document_number": "12345678x"}, False),
        ({"document_number": None}, True),
    ],
)
def test_the_oracle_of_departures(change, qualifies):
    assert SHARES["departures"].qualifies(CROSSING | change) is qualifies


def test_the_oracle_of_treatments():
    assert SHARES["departures"].clear(CROSSING) == ("outbound", "JFK", date(2013, 1, 1), "******789")
    assert SHARES["residents"].clear(TRAVELLER) == ("A", "Lee", 1980, "SW1A")
    assert SHARES["residents"].clear(TRAVELLER | {"postcode": "XX"})[-1] is None


@pytest.mark.parametrize(
    ("row", "qualifies"),
    [
        ({"cancelled": True, "arrival_delay_minutes": None}, True),
        ({"cancelled": False, "arrival_delay_minutes": None}, False),
        ({"cancelled": False, "arrival_delay_minutes": 60}, False),
        ({"cancelled": False, "arrival_delay_minutes": 61}, True),
    ],
)
def test_an_unknown_delay_is_no_reason_to_share(row, qualifies):
    assert SHARES["delays"].qualifies(row) is qualifies


def test_a_holding_that_differs_is_found():
    expected = SHARES["residents"]
    right = dict(zip(expected.columns, ("A", "Lee", 1980, "SW1A"), strict=True))
    assert _compare(Holding(expected, current={b"1": right}), expected, [TRAVELLER])[0]
    for held in ({}, {b"1": right, b"2": right}, {b"1": right | {"date_of_birth": 1981}}):
        same, said = _compare(Holding(expected, current=held), expected, [TRAVELLER])
        assert not same, said


def test_an_identifier_is_found_wherever_it_stands():
    holding = Holding(SHARES["residents"], everything=[b"key", b"\x06TR-1\x00"])
    assert holding.finds(["TR-1", "TR-2"]) == ["TR-1"]


def test_assertions_note_what_failed():
    assertions = Assertions()
    assert assertions.equal("same", 1, 1)
    assert not assertions.equal("other", 1, 2)
    assert [(one.name, one.detail) for one in assertions.failed] == [("other", "saw 1, expected 2")]


def test_the_tally_counts_what_segments_say():
    terms = Terms(agreement="DSA-1", version=1, share="s")
    decisions = [
        Decided(terms, outcome, (), offset, offset, None, None)
        for offset, outcome in enumerate(["deny", "deny", "hold"])
    ]
    ground = Ground(
        topic="source.crossings",
        partition=0,
        number=0,
        mode="live",
        job=None,
        start=0,
        end=3,
        records=[(0, 0), (1, 1), (2, 2)],
        previous="",
        register_position=0,
        register_fingerprint="",
        decided_ms=1,
        worker="w",
    )
    segment = build_segment(ground, decisions, os.urandom(3 * SALTS_BYTES), lambda _: bytes(64))
    tally = Tally.__new__(Tally)
    tally.by_share, tally.records, tally.transactions = defaultdict(Counter), Counter(), 0
    for key, value in segment.records():
        tally._count(Message("t", 0, 0, 0, key, value))
    assert tally.by_share["DSA-1", "s"] == {"deny": 2, "hold": 1}
    assert tally.records == {"crossings": 3}
    assert tally.transactions == 1


def test_a_process_that_ends_by_itself_is_reported_with_its_log(tmp_path):
    environment = {"PATH": os.environ["PATH"], "CONCORDAT_PARTITIONS": "many"}
    with Processes(tmp_path, environment, tmp_path) as processes:
        processes.start("wrong", ["kafka", "status"])
        processes._running["wrong"].wait(60)
        with pytest.raises(Unavailable) as failed:
            processes.check()
    assert "wrong ended with status 2" in str(failed.value)
    assert "CDT-004" in str(failed.value)
    assert "CDT-004" in processes.log("wrong").read_text()

"""One batch through steps 2 to 5 with the product's own policy and audit, without Kafka."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from agreements.model import Limits
from agreements.snapshot import Snapshot, Suspension
from broker.audit.read import read_segment
from broker.delivery.codes import SHARE_HELD
from broker.delivery.mark import Mark, read_mark
from broker.delivery.progress import Progress, read_progress
from broker.delivery.quarantine import Content, KeySealer, Quarantined, reveal
from broker.delivery.state import Place
from broker.delivery.work import Unplanned
from broker.keys import FileKeys
from broker.pipeline import Ground, Route, Work, acknowledge, prepare
from broker.policy.decision import Mode, SourceRecord
from broker.proofs.world import NOTHING, agreement, deliver, share
from broker.proofs.world import NOW as EVENT_READ
from contracts import topics
from tests.integration.delivery.scenario import PortEngine, PortPlan, key_of, snapshot

REFERENCES = {"LHR": "DSA-LHR", "MAN": "DSA-MAN"}
SHARES = {port: topics.share(reference, "flow") for port, reference in REFERENCES.items()}
START = Mark()
NOW = datetime(2026, 6, 1, tzinfo=UTC)
LATER = EVENT_READ + timedelta(days=2)


def route(kind="entity", **changes):
    """Two shares over one dataset."""
    description = {
        "position": 9,
        "datasets": {"flow": kind},
        "shares": [{"reference": r, "dataset": "flow", "port": p, **changes} for p, r in REFERENCES.items()],
    }
    found = snapshot(description)
    coverages = found.coverages("flow")
    plans = tuple(PortPlan(c.entry.agreement.reference, c.share.rows) for c in coverages)

    def engine(chosen):
        return PortEngine(found.contract("flow").contract.kind, [(plan.reference, plan.port) for plan in chosen])

    shares = () if kind == "event" else tuple(c.topic for c in coverages)
    return Route(topics.source("flow"), found.contract("flow"), coverages, plans, engine(plans), engine, shares)


@pytest.fixture
def ground(tmp_path):
    sealer = KeySealer(FileKeys(tmp_path / "secrets"))
    return Ground(Snapshot(position=9, fingerprint="f"), NOW, "worker-1", lambda _: b"s" * 64, os.urandom, sealer, 4, 4)


def records(*pairs, start=0):
    return tuple(
        SourceRecord(start + offset, 0, key, None if row is None else json.dumps(row).encode())
        for offset, (key, row) in enumerate(pairs)
    )


def work(found, *, mode=Mode.LIVE, mark=START, start=0):
    end = found[-1].offset + 1 if mode is Mode.LIVE else start
    job = None if mode is Mode.LIVE else 5
    return Work(topics.source("flow"), 2, mark, start, end, found, mode, job)


def nothing_sent(place, keys):
    del place, keys
    return {}


def on(prepared, topic):
    return [(record.partition, record.key, record.value) for record in prepared.records if record.topic == topic]


def segment(prepared):
    *parts, (_, _, entry) = on(prepared, topics.AUDIT_SEGMENTS)
    return read_segment(entry, [value for _, _, value in parts])


def test_deliveries_audit_and_position_stand_in_one_value(ground):
    found = records((b"a", {"port": "LHR"}), (b"b", {"port": "MAN"}), (b"c", {"port": "JFK"}))
    prepared = prepare(route(), ground, work(found), nothing_sent, None)
    assert [(p, k) for p, k, _ in on(prepared, SHARES["LHR"])] == [(2, key_of("DSA-LHR", b"a"))]
    assert [(p, k) for p, k, _ in on(prepared, SHARES["MAN"])] == [(2, key_of("DSA-MAN", b"b"))]
    opened = segment(prepared)
    assert [leaf.auditor.offset for leaf in opened.opened] == [0, 1, 2, 0, 1, 2]
    assert (opened.header.start, opened.header.end, opened.header.records) == (0, 3, 3)
    assert (prepared.offset.offset, read_mark(prepared.offset.metadata)) == (3, prepared.mark)
    assert prepared.mark == Mark(opened.segment.signed.hash, 1, 0)
    assert {change.place for change in prepared.changes} == {Place(topic, 2) for topic in SHARES.values()}


def test_the_next_segment_names_the_one_before(ground):
    first = prepare(route(), ground, work(records((b"a", {"port": "LHR"}))), nothing_sent, None)
    more = work(records((b"a", None), start=4), mark=first.mark, start=1)
    second = segment(prepare(route(), ground, more, nothing_sent, None)).header
    assert (second.previous, second.number, second.start, second.end) == (first.mark.header, 1, 1, 5)


def test_a_quarantined_record_is_sealed_and_names_nobody(ground):
    found = (SourceRecord(7, 0, b"canary-key", b"canary-value {"),)
    prepared = prepare(route(), ground, work(found, start=7), nothing_sent, None)
    ((partition, key, value),) = on(prepared, topics.QUARANTINE)
    assert (partition, key) == (2, b"source.flow/2/7")
    assert b"canary" not in value
    entry = msgspec.json.decode(value, type=Quarantined)
    assert reveal(entry, ground.sealer) == Content(b"canary-key", b"canary-value {")
    assert [leaf.recipient.outcome for leaf in segment(prepared).opened] == ["quarantine"]


def test_a_bad_record_of_any_size_fits_the_quarantine(ground):
    found = (SourceRecord(7, 0, b"k", b"x" * 1_000_000),)
    prepared = prepare(route(), ground, work(found, start=7), nothing_sent, None)
    ((_, _, value),) = on(prepared, topics.QUARANTINE)
    assert len(value) < 10_000
    assert msgspec.json.decode(value, type=Quarantined).omitted


def test_a_batch_that_no_agreement_covers_still_has_its_segment(ground):
    bare = replace(route(), coverages=(), plans=(), engine=PortEngine("entity", ()), entity_topics=())
    prepared = prepare(bare, ground, work(records((b"a", {"port": "LHR"}))), nothing_sent, None)
    header = segment(prepared).header
    assert (header.leaves, header.records, header.end) == (0, 1, 1)


def test_a_release_decides_what_was_held_and_leaves_the_position(ground):
    found = (*records((b"a", {"port": "LHR"}), (b"b", {"port": "JFK"})), SourceRecord(2, 0, b"c", b"{"))
    narrowed = route("event").narrowed(SHARES["LHR"])
    prepared = prepare(narrowed, ground, work(found, mode=Mode.RELEASE, start=50), nothing_sent, None)
    opened = segment(prepared)
    assert [(leaf.auditor.offset, leaf.recipient.outcome) for leaf in opened.opened] == [(0, "redact")]
    assert (prepared.offset.offset, opened.header.start, opened.header.job) == (50, 50, 5)
    assert on(prepared, topics.QUARANTINE) == []


def test_under_suspension_nothing_goes_out_and_every_decision_is_told(ground):
    suspended = route("event", suspended=True)
    assert isinstance(suspended.coverages[0].entry.suspensions[0], Suspension)
    prepared = prepare(suspended, ground, work(records((b"a", {"port": "LHR"}))), nothing_sent, None)
    assert all(on(prepared, topic) == [] for topic in SHARES.values())
    assert [leaf.recipient.outcome for leaf in segment(prepared).opened] == ["hold", "deny"]


@pytest.mark.parametrize("kind", ["entity", "event"])
@pytest.mark.parametrize(
    ("stopped", "outcome", "reason"),
    [
        ({}, "hold", "plan-unusable"),
        ({"suspended": True, "when": "hold"}, "hold", "suspended"),
        ({"suspended": True, "when": "drop"}, "deny", "suspended"),
    ],
)
def test_a_share_without_a_plan_is_decided_for_every_record_and_the_others_go_on(
    ground, kind, stopped, outcome, reason
):
    planned, other = route(kind), route(kind, **stopped)
    index = next(i for i, one in enumerate(other.coverages) if one.topic == SHARES["MAN"])
    waiting = Unplanned(other.coverages[index], SHARE_HELD.fault("flow"))
    made = replace(planned.narrowed(SHARES["LHR"]), entity_topics=planned.entity_topics[:1], unplanned=(waiting,))
    found = (*records((b"a", {"port": "LHR"}), (b"b", {"port": "MAN"})), SourceRecord(2, 0, b"c", b"{"))
    prepared = prepare(made, ground, work(found), nothing_sent, None)
    assert len(on(prepared, SHARES["LHR"])) == 1
    assert on(prepared, SHARES["MAN"]) == []
    leaves = [leaf for leaf in segment(prepared).opened if leaf.recipient.agreement == "DSA-MAN"]
    assert [(leaf.auditor.offset, leaf.recipient.outcome) for leaf in leaves] == [(0, outcome), (1, outcome)]
    assert {(one.code) for leaf in leaves for one in leaf.recipient.reasons} == {reason}
    assert {leaf.auditor.plan for leaf in leaves} == {""}


def test_an_acknowledgement_moves_nothing_but_its_own_number(ground):
    del ground
    progress = Progress(worker="worker-1", position=9, offset=4, number=3)
    prepared = acknowledge("source.flow", 1, 4, Mark("ab", 6, 2), progress)
    ((partition, key, value),) = on(prepared, topics.WORKERS)
    assert (partition, key, read_progress(value)) == (0, b"source.flow/1", progress)
    assert (prepared.offset.offset, prepared.mark) == (4, Mark("ab", 6, 3))


def test_what_became_too_old_while_it_was_held_is_denied_at_its_release():
    aged = deliver(agreement(limits=Limits(look_back=timedelta(days=3))), mode=Mode.RELEASE, now=LATER)
    assert (aged.outcome, aged.reasons) == ("deny", ("look-back",))
    assert deliver(agreement(share(rows="level == 1")), mode=Mode.RELEASE).outcome == NOTHING

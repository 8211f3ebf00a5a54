"""What a simulation counts is what a worker decides, over random agreements, contracts, histories and cuts into batches.

Both sides are the product's: `broker.simulation.run` on one, `Planner`, `decide` and the audit's own leaves on the other
(`tests.live_worker`).  Nothing here works out a decision of its own.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from agreements.model import Agreement, Delivery, Limits, WhenSuspended
from agreements.snapshot import AgreementState, Suspension
from broker.cluster.client import Message
from broker.delivery.counters import period_of
from broker.delivery.limits import is_to_be_suspended
from broker.policy.decision import DELIVERED
from broker.proofs.world import entry_of, snapshot_of
from broker.simulation.run import Period, run
from contracts import topics
from contracts.change import Op
from contracts.faults import Faults
from contracts.model import Contract, Kind, OnQuarantine
from tests.live_worker import LiveWorker
from tests.policy_world import CROSSING, PERSON, agreement, entity_contract, event_contract, record, share
from tests.umbrella_strategies import FITTING

_PROFILE = settings(max_examples=40, deadline=None, derandomize=True)
_SHORT = settings(_PROFILE, max_examples=16)
_START = datetime(2026, 6, 1, 12, 10, tzinfo=UTC)
_GAPS = (timedelta(0), timedelta(seconds=20), timedelta(minutes=3))
_REST = timedelta(hours=6)
"""A pause between two records at which every batch ends; the shorter ones never add up to midnight."""
_BATCH_MAX = 7
_PEOPLE_ROWS = (
    None,
    'status == "active"',
    "visits > 20",
    'address.country == "GB" && visits < 40',
    'name.startsWith("a") || visits > 30',
)
_CROSSING_ROWS = (None, 'direction == "inbound"', 'traveller != "p1"')
_SHOWN = ("id", "status", "name", "visits", "address", "direction", "crossed_at", "traveller")
_CROSSING_FIELDS = {"crossing_id": ("keep", "tokenise"), "direction": ("keep",), "traveller": ("tokenise", "drop")}


@dataclass(frozen=True, repr=False)
class Story:
    """An agreement, the contract of its dataset, and the records that came, with the sizes of the batches they were read in."""

    contract: Contract
    agreement: Agreement
    partitions: Mapping[int, list[Message]]
    sizes: list[int]
    told: list[str]
    """All of it in words."""

    def __repr__(self):
        return "\n".join([*self.told, f"sizes {self.sizes}"])


class Past:
    """The source topics as a simulation reads them."""

    def __init__(self, story):
        self._topic, self._kept = topics.source(story.contract.dataset), story.partitions

    def partitions(self, topic):
        return len(self._kept) if topic == self._topic else 0

    def bounds(self, topic, partition):
        return 0, len(self._kept[partition])

    def first_since(self, topic, partition, milliseconds):
        kept = self._kept[partition]
        return next((m.offset for m in kept if m.timestamp_ms >= milliseconds), len(kept))

    def read(self, topic, partition, start=None, end=None):
        kept = self._kept[partition]
        return iter(kept[start or 0 : len(kept) if end is None else end])


@st.composite
def shares(draw, kind, identifier):
    if kind is Kind.ENTITY:
        names = draw(st.sets(st.sampled_from(["name", "status", "visits", "born"]), min_size=1))
        fields = {name: draw(FITTING[name]) for name in sorted(names)}
        return share(fields, rows=draw(st.sampled_from(_PEOPLE_ROWS)), identifier=identifier)
    names = draw(st.sets(st.sampled_from(sorted(_CROSSING_FIELDS))))
    fields = {name: draw(st.sampled_from(_CROSSING_FIELDS[name])) for name in sorted(names | {"direction"})}
    return share(fields, dataset="crossings", rows=draw(st.sampled_from(_CROSSING_ROWS)), identifier=identifier)


def _change(draw, contract, number, offset, at):
    """One record: a row, a deletion, or something that breaks the contract."""
    what = draw(st.sampled_from(["row", "row", "row", "row", "delete", "broken", "unreadable"]))
    if contract.kind is Kind.ENTITY:
        row = PERSON | {
            "id": f"p{number}",
            "status": draw(st.sampled_from(["active", "left"])),
            "name": draw(st.sampled_from(["ann", "bob", None])),
            "visits": draw(st.sampled_from([10, 25, 39])),
            "address": draw(st.sampled_from([PERSON["address"], None])),
        }
        if what == "delete":
            return record(contract, offset, None, op=Op.DELETE, before=row, key={"id": row["id"]}), f"delete p{number}"
    else:
        age = timedelta(hours=draw(st.integers(0, 3)), minutes=30)  # so that some minutes more change no look-back
        row = CROSSING | {
            "crossing_id": f"c{offset}",
            "direction": draw(st.sampled_from(["inbound", "outbound"])),
            "crossed_at": at - age,
            "traveller": draw(st.sampled_from(["p0", "p1", "p2", None])),
        }
    made = record(contract, offset, row)
    if what == "broken":
        return replace(made, value=b"\x00broken"), f"broken {number}"
    if what == "unreadable":
        return replace(made, key=b"\x00", value=b""), "unreadable"
    return made, f"{ {name: value for name, value in row.items() if name in _SHOWN} }"


@st.composite
def stories(draw, kind, count, *, limits=None, days=True, most=2, held=False):
    """A history of one or two partitions.

    `days` lets it go on for several days; `held` has everything wait under a suspension, however long.
    """
    contract = (entity_contract if kind is Kind.ENTITY else event_contract)()
    contract = replace(contract, on_quarantine=draw(st.sampled_from(OnQuarantine)))
    made = agreement(*(draw(shares(kind, name)) for name in ("main", "second", "third")[:count]))
    look_back = draw(st.sampled_from([None, timedelta(hours=2)])) if limits is None and not held else None
    when = WhenSuspended.HOLD if held else draw(st.sampled_from(WhenSuspended))
    clauses = {"limits": limits or Limits(look_back=look_back), "delivery": Delivery(when_suspended=when)}
    made = made.model_copy(update=clauses)
    topic, partitions = topics.source(contract.dataset), {n: [] for n in range(draw(st.integers(1, most)))}
    at, told = _START, [f"{made.limits} {[(one.id, one.rows, dict(one.fields)) for one in made.shares]}"]
    for _ in range(draw(st.integers(1, 18))):
        at += draw(st.sampled_from((*_GAPS, _REST) if days else _GAPS))
        number = draw(st.integers(0, 3))
        partition = number % len(partitions)  # a key has its partition
        offset = len(partitions[partition])
        one, shown = _change(draw, contract, number, offset, at)
        time = int(at.timestamp() * 1000)
        told.append(f"{partition}/{offset} {at:%d %H:%M:%S} {shown}")
        partitions[partition].append(Message(topic, partition, offset, time, one.key, one.value))
    sizes = draw(st.lists(st.integers(1, _BATCH_MAX), min_size=18, max_size=18))
    return Story(contract, made, partitions, sizes, told)


def batches(story, *, by_minute=False):
    """The records as a worker reads them, soon after they came: in any sizes, but never across a rest."""
    for kept in story.partitions.values():
        sizes, batch = iter(story.sizes), []
        size = next(sizes)
        for message in kept:
            if batch and _ends(batch, message, None if by_minute else size):
                yield batch
                batch, size = [], next(sizes)
            batch.append(message)
        if batch:
            yield batch


def _ends(batch, message, size):
    before = batch[-1].timestamp_ms
    if size is None:
        return message.timestamp_ms // 60_000 != before // 60_000
    return len(batch) >= size or message.timestamp_ms - before >= _REST // timedelta(milliseconds=1)


def moment(batch):
    return datetime.fromtimestamp(batch[-1].timestamp_ms / 1000, UTC)


def registered(story):
    found = snapshot_of([entry_of(story.agreement)], story.contract)
    assert not isinstance(found, Faults), str(found)
    return found


class Worked:
    """A worker to which the story came."""

    def __init__(self, story, *, by_minute=False, suspended=()):
        """Batches whose number is in `suspended` find the agreement suspended by a person; afterwards it is resumed."""
        self.reference = story.agreement.reference
        self.worker = LiveWorker(registered(story), story.contract.dataset, len(story.partitions))
        now = _START
        for number, batch in enumerate(sorted(batches(story, by_minute=by_minute), key=moment)):
            now = moment(batch)
            self._suspend(person=number in suspended, now=now)
            for message in batch:
                self.worker.source[message.partition].append(message)
            self.worker.live(batch[0].partition, batch, now)
            self.worker.work(now)
            self._trip(now)
        if suspended:
            self._suspend(person=False, now=now)
            self.worker.work(now)

    def _suspend(self, *, person, now):
        """As the acts of a person would suspend and resume."""
        held = [one for one in self._entry.suspensions if one.limit]
        self._hold([*held, Suspension(21, now, "signatory/x", "a test")] if person else held)

    def _trip(self, now):
        """As the act of a worker would suspend, at a limit that says so."""
        found = self.worker.counters.reached(self._entry, period_of(now))
        if found is not None and is_to_be_suspended(self._entry, found[1]):
            at_limit = Suspension(20, now, "worker/one", "reached", organisation="home-office", limit=found[1])
            self._hold([*self._entry.suspensions, at_limit])

    @property
    def _entry(self):
        return self.worker.snapshot.agreements[self.reference][0]

    def _hold(self, suspensions):
        state = AgreementState.SUSPENDED if suspensions else AgreementState.APPROVED
        changed = replace(self._entry, suspensions=tuple(suspensions), state=state)
        self.worker.snapshot = replace(self.worker.snapshot, agreements={self.reference: (changed,)})

    def counts(self):
        """From the audit's leaves: by share and outcome, by share and the reason for which something was withheld."""
        assert {segment.header.mode for segment in self.worker.segments} <= {"live"}
        leaves = [leaf.recipient for segment in self.worker.segments for leaf in segment.opened]
        withheld = [leaf for leaf in leaves if leaf.outcome in ("hold", "deny", "quarantine")]
        found = Counter((leaf.share, leaf.outcome) for leaf in leaves if leaf.share)
        return found + Counter((leaf.share, leaf.reasons[0].code) for leaf in withheld)

    def rows(self, share_):
        return len(self.worker.view(topics.share(self.reference, share_)))


def simulated(story, since=None):
    bare = replace(registered(story), agreements={})
    with tempfile.TemporaryDirectory() as directory:
        return run(Past(story), bare, story.agreement, Period(since), Path(directory), lambda _done, _all: None)


def counts_of(report):
    """As `Worked.counts`."""
    found = Counter({("", code): count for code, count in report.quarantined.items()})
    for one in report.shares:
        found += Counter({(one.plan.share, outcome): count for outcome, count in one.outcomes.items()})
        for (code, _), count in one.withheld.items():
            found[one.plan.share, code] += count
    return found


def together(counts):
    """Of all shares."""
    found = Counter()
    for (_, what), count in counts.items():
        found[what] += count
    return found


@_PROFILE
@given(st.sampled_from(Kind).flatmap(lambda kind: st.integers(1, 3).flatmap(lambda count: stories(kind, count))))
def test_every_share_has_the_outcomes_and_reasons_that_a_worker_gives(story):
    assert Worked(story).counts() == counts_of(simulated(story))


def limited(*said, subjects=True):
    people = st.one_of(st.none(), st.integers(1, 3)) if subjects else st.none()
    return st.builds(
        Limits,
        events_per_day=st.integers(1, 4),
        distinct_subjects_per_month=people,
        when_reached=st.sampled_from(said),
    )


@_SHORT
@given(limited("deny", "suspend").flatmap(lambda one: stories(Kind.EVENT, 1, limits=one, most=1)))
def test_limits_stop_the_same_events_on_every_day(story):
    assert Worked(story).counts() == counts_of(simulated(story))


@_SHORT
@given(
    st.sampled_from(Kind).flatmap(
        lambda kind: limited("deny", "hold").flatmap(lambda one: stories(kind, 1, limits=one, days=False, most=1))
    )
)
def test_limits_stop_the_same_records_within_a_day(story):
    assert Worked(story).counts() == counts_of(simulated(story))


@_SHORT
@given(limited("suspend").flatmap(lambda one: stories(Kind.ENTITY, 1, limits=one, most=1)))
def test_what_a_suspension_at_a_limit_stops_of_an_entity_is_stopped_too(story):
    """A withdrawal that a limit lets through is held once the agreement is suspended, so batches are cut alike."""
    assert Worked(story, by_minute=True).counts() == counts_of(simulated(story))


@_SHORT
@given(limited("deny", subjects=False).flatmap(lambda one: stories(Kind.EVENT, 3, limits=one)))
def test_of_several_shares_and_partitions_a_limit_stops_as_many_together(story):
    """Which of them goes first is a matter of batches; how many go is not."""
    assert together(Worked(story).counts()) == together(counts_of(simulated(story)))


@_SHORT
@given(stories(Kind.EVENT, 2, held=True), st.sets(st.integers(0, 17)))
def test_what_was_held_for_a_time_is_delivered_all_the_same(story, suspended):
    worked, report = Worked(story, suspended=suspended), simulated(story)
    for one in report.shares:
        delivered = sum(one.outcomes[outcome.value] for outcome in DELIVERED)
        assert len(worked.worker.delivered[topics.share(worked.reference, one.plan.share)]) == delivered


@_SHORT
@given(stories(Kind.ENTITY, 2, held=True), st.sets(st.integers(0, 17)))
def test_a_department_ends_with_as_many_rows_as_simulated_whatever_was_suspended_meanwhile(story, suspended):
    worked = Worked(story, suspended=suspended)
    after = max(message.timestamp_ms for kept in story.partitions.values() for message in kept)
    report = simulated(story, datetime.fromtimestamp(after / 1000, UTC) + timedelta(days=1))
    for one in report.shares:
        assert worked.rows(one.plan.share) == one.initial_load

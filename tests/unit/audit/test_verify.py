"""The lying operator: every way to lie that the design names, each refused with a code of its own."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from agreements.model import Delivery, Window
from agreements.snapshot import Job, JobKind, WorkerEntry, WorkerKey
from broker.audit import codes, tree
from broker.audit.canonical import encode
from broker.audit.evidence import Exposed, Mark, SegmentRecord, ShareRecord, SourceRecord
from broker.audit.leaf import delivered_digest, key_digest
from broker.audit.segment import Index, directory_root, records_digest
from broker.audit.verify import verify
from tests.unit.audit.world import ENTITY, KEY, SOURCE, STRANGER, SUSPENDED, WORKER, World, agreement, forge, honest
from tests.unit.audit.world import snapshot as make_snapshot

A, B, E = ("share.a.flow", 0), ("share.b.flow", 0), ("share.e.flow", 0)
CHAIN = (SOURCE, 0)


def check(world):
    return verify(world, world)


def found_codes(world):
    return {fault.code.identifier for fault in check(world).faults}


def test_an_honest_world_is_verified_and_its_totals_are_those_of_its_leaves():
    report = check(honest())
    assert report.faults == []
    assert report.verified
    document = report.document()
    assert report.decisions == sum(report.by_outcome.values()) == 25
    assert document["by_outcome"] == {
        "deny": 4, "hold": 1, "permit": 3, "quarantine": 2, "redact": 12, "unchanged": 1, "withdraw": 2,
    }  # fmt: skip
    shares = {share["topic"]: share for share in document["shares"]}
    assert shares["share.a.flow"]["delivered"] == 5
    assert shares["share.e.flow"]["decisions"] == shares["share.e.flow"]["delivered"] == 8
    places = [(p["topic"], p["partition"], p["segments"], p["records"], p["end"]) for p in document["partitions"]]
    assert places == [
        (SOURCE, 0, 5, 6, 10),
        (SOURCE, 1, 1, 1, 1),
        (ENTITY, 0, 2, 8, 8),
        (ENTITY, 1, 0, 0, 0),
    ]
    chains = sorted(honest().chains.items())
    entries = [made.signed.entry for _, chain in chains for made in chain]
    assert (report.tree_size, report.root) == (8, tree.root([tree.leaf_hash(entry) for entry in entries]).hex())
    assert len(document["claim"]) == 4
    assert encode(document)


def again(world, number, made, place=CHAIN):
    """Put `made` into a chain and link what follows anew, as an operator who holds the worker's key can."""
    chain = world.chains[place]
    chain[number] = made
    for later in range(number + 1, len(chain)):
        chain[later] = forge(chain[later], previous=chain[later - 1].signed.hash)


def rebuilt(made, keep):
    """The segment with only the leaves that `keep` wants, everything else made to fit."""
    world = World()
    world.snapshots = {made.header.register_position: make_snapshot(made.header.register_position)}
    rows = []
    for offset, sequence in [(o + i, None if s is None else s + i) for o, s, n in made.index.records for i in range(n)]:
        outcomes = {}
        for leaf in made.leaves:
            recipient, auditor = leaf.recipient_part(), leaf.auditor_part()
            if auditor.offset == offset and keep(recipient, auditor):
                outcomes[recipient.agreement] = recipient.outcome
        rows.append((offset, sequence, outcomes))
    header = made.header
    return world.decide(
        header.topic,
        header.partition,
        rows,
        mode=header.mode,
        job=header.job,
        position=header.register_position,
        number=header.number,
        start=header.start,
        end=header.end,
        previous=header.previous,
    )


def without(offset, agreement_):
    return lambda recipient, auditor: (auditor.offset, recipient.agreement) != (offset, agreement_)


# ---- lies about decisions


def test_a_denial_that_is_left_out_is_missed():
    world = honest()
    again(world, 1, rebuilt(world.chains[CHAIN][1], without(7, "A")))
    world.kept_marks = {}
    assert found_codes(world) == {"AUD-016"}
    assert "source.crossings/0/1: record 7 under A flow" in str(check(world).faults[0])


def test_an_agreement_that_is_left_out_altogether_is_missed():
    world = honest()
    again(world, 4, rebuilt(world.chains[CHAIN][4], lambda recipient, _: recipient.agreement != "B"))
    world.kept_marks = {}
    assert found_codes(world) == {"AUD-016"}


def test_a_delivery_whose_leaf_is_left_out_is_found_on_the_topic_too():
    world = honest()
    again(world, 1, rebuilt(world.chains[CHAIN][1], without(5, "B")))
    world.kept_marks = {}
    assert found_codes(world) == {"AUD-016", "AUD-022"}


def test_a_decision_under_an_agreement_that_did_not_cover_is_refused():
    world = honest()
    world.snapshots[9] = make_snapshot(9, agreements={"A": (agreement("A", "crossings"),)})
    assert "AUD-017" in found_codes(world)


def test_a_quarantined_record_has_no_other_decision():
    world = World()
    world.decide(SOURCE, 0, [(0, 0, {"": "quarantine", "A": "deny"})])
    assert found_codes(world) == {"AUD-017"}


def test_a_leaf_for_a_record_that_was_not_read_is_refused():
    world = World()
    made = world.decide(SOURCE, 0, [(0, 0, {"A": "deny", "B": "deny"}), (1, 1, {"A": "deny", "B": "deny"})])
    index = Index(made.index.directory, ((1, 1, 1),))
    lie = {
        "records": 1,
        "sequence_min": 1,
        "records_digest": records_digest(index),
        "directory_root": directory_root(index),
    }
    again(world, 0, forge(made, index=index, **lie))
    assert {"AUD-017", "AUD-020"} <= found_codes(world)


@pytest.mark.parametrize("change", [{"content_hash": "sha256:" + "1" * 64}, {"purpose": "marketing"}, {"version": 2}])
def test_a_leaf_that_misquotes_its_agreement_is_refused(change):
    world = World()
    made = world.decide(SOURCE, 1, [(0, 0, {"A": "deny", "B": "deny"})])
    leaf = made.leaves[0]
    part = msgspec.structs.replace(leaf.recipient_part(), **change)
    leaves = [leaf._replace(recipient=encode(part)), made.leaves[1]]
    again(world, 0, forge(made, given=leaves, leaf_root=tree.root([one.hash() for one in leaves]).hex()), (SOURCE, 1))
    assert found_codes(world) == {"AUD-025"}


def test_what_flowed_while_suspended_is_named():
    world = World()
    world.snapshots[9] = make_snapshot(9, **SUSPENDED)
    world.decide(SOURCE, 0, [(0, 0, {"A": "hold"}), (1, 1, {"A": "redact"})])
    assert found_codes(world) == {"AUD-026"}
    assert "source.crossings/0/0/1" in str(check(world).faults[0])


@pytest.mark.parametrize(("mode", "job"), [("release", 4), ("backfill", 5), ("release", None), ("live", 5)])
def test_a_job_that_nobody_asked_for_is_refused(mode, job):
    world = World()
    if mode != "live":
        world.decide(SOURCE, 0, [(0, 0, {"A": "hold", "B": "deny"})])
    world.decide(SOURCE, 0, [(0 if mode != "live" else 1, 0, {"A": "deny", "B": "deny"})], mode=mode, job=job)
    assert found_codes(world) == {"AUD-029"}


@pytest.mark.parametrize(
    ("mode", "stopped", "outcome", "had", "found"),
    [
        ("correction", "window", "redact", True, set()),
        ("correction", "window", "withdraw", True, set()),
        ("correction", "window", "redact", False, {"AUD-040"}),
        ("correction", "window", "withdraw", False, {"AUD-040"}),
        ("correction", "", "redact", True, set()),
        ("correction", "", "redact", False, {"AUD-040"}),
        ("correction", "act", "redact", True, {"AUD-026"}),
        ("backfill", "window", "redact", True, {"AUD-026"}),
        ("backfill", "", "redact", True, set()),
    ],
)
def test_a_correction_may_go_on_outside_the_hours_and_changes_only_what_the_recipient_had(
    mode, stopped, outcome, had, found
):
    world = World()
    entry = agreement("A", "crossings", suspended=stopped == "act")
    if stopped == "window":
        window = Delivery(retention=timedelta(days=7), window=Window(opens="08:00", closes="09:00"))
        entry = replace(entry, agreement=entry.agreement.model_copy(update={"delivery": window}))
    jobs = (Job(6, JobKind.CORRECTION, "crossings", "A", "flow"),)
    world.snapshots[9] = replace(world.snapshots[9], jobs=jobs, agreements={"A": (entry,)})
    world.snapshots[7] = replace(world.snapshots[7], agreements={"A": (agreement("A", "crossings"),)})
    world.decide(SOURCE, 0, [(0, 0, {"A": "redact" if had else "hold"})], position=7)
    world.had = b"h" * 32  # what the worker says, whatever is true
    world.decide(SOURCE, 0, [(0, 0, {"A": outcome})], mode=mode, job=6)
    assert found_codes(world) == found


def test_a_correction_of_what_was_taken_back_is_refused():
    world = World()
    jobs = (Job(6, JobKind.CORRECTION, "travellers", "E", "flow"),)
    world.snapshots[9] = replace(world.snapshots[9], jobs=jobs)
    world.decide(ENTITY, 0, [(0, 0, {"E": "redact"}), (1, 1, {"E": "redact"}), (3, 2, {"E": "withdraw"})])
    world.had = b"h" * 32
    world.decide(ENTITY, 0, [(1, 1, {"E": "redact"})], mode="correction", job=6)
    assert found_codes(world) == set()
    world.decide(ENTITY, 0, [(0, 0, {"E": "redact"})], mode="correction", job=6)
    assert found_codes(world) == {"AUD-040"}
    assert "source.travellers/0/2/0" in str(check(world).faults[0])


def test_a_replay_of_what_was_not_in_quarantine_is_refused():
    world = World()
    world.decide(SOURCE, 0, [(1, 0, {"A": "redact", "B": "deny"}), (2, 1, {"A": "redact", "B": "deny"})])
    world.decide(SOURCE, 0, [(2, 1, {"A": "redact", "B": "deny"})], mode="replay", job=6)
    assert found_codes(world) == {"AUD-039"}


def test_what_a_replay_has_let_out_of_quarantine_is_not_replayed_again():
    world = World()
    world.decide(SOURCE, 0, [(2, 0, {"": "quarantine"})])
    for outcomes in ({"": "quarantine"}, {"A": "redact", "B": "deny"}):
        world.decide(SOURCE, 0, [(2, 0, outcomes)], mode="replay", job=6)
        assert found_codes(world) == set()
    world.decide(SOURCE, 0, [(2, 0, {"A": "redact", "B": "deny"})], mode="replay", job=6)
    assert found_codes(world) == {"AUD-039"}


def test_a_replay_of_what_its_owner_has_discarded_is_refused():
    world = World()
    world.decide(SOURCE, 0, [(2, 0, {"": "quarantine"})], position=7)
    world.snapshots[9] = replace(world.snapshots[9], discarded=frozenset([(SOURCE, 0, 2)]))
    world.decide(SOURCE, 0, [(2, 0, {"A": "redact", "B": "deny"})], mode="replay", job=6)
    assert found_codes(world) == {"AUD-029"}


def test_one_act_may_ask_for_several_jobs():
    world = World()
    jobs = tuple(Job(5, JobKind.BACKFILL, "crossings", name, "flow") for name in ("B", "A"))
    world.snapshots[9] = replace(world.snapshots[9], jobs=jobs)
    world.decide(SOURCE, 0, [(0, 0, {"A": "hold", "B": "deny"})])
    for name in ("A", "B"):
        world.decide(SOURCE, 0, [(0, 0, {name: "deny"})], mode="backfill", job=5)
    assert found_codes(world) == set()


def test_a_release_decides_one_share_and_cites_the_act_that_approved_it():
    world = honest()
    world.decide(SOURCE, 0, [(5, 3, {"A": "deny", "B": "deny"})], mode="release", job=5)
    assert found_codes(world) == {"AUD-029"}
    world = honest()
    world.decide(SOURCE, 0, [(5, 3, {"B": "deny"})], mode="release", job=5)
    assert found_codes(world) == set()


def test_a_job_decides_its_own_share_and_record_only():
    world = honest()
    world.decide(SOURCE, 0, [(5, 3, {"A": "deny", "B": "deny"})], mode="replay", job=6)
    assert found_codes(world) == {"AUD-029", "AUD-039"}


# ---- lies about segments and chains


def test_a_segment_that_is_dropped_leaves_a_gap():
    world = honest()
    world.kept_marks = world.marks()
    del world.chains[CHAIN][2]
    assert found_codes(world) == {"AUD-012", "AUD-022", "AUD-027"}


def test_a_segment_that_is_dropped_and_hidden_by_new_numbers_breaks_the_range():
    world = honest()
    chain = world.chains[CHAIN]
    del chain[1]
    for number in range(1, 4):
        chain[number] = forge(chain[number], number=number, previous=chain[number - 1].signed.hash)
    world.kept_marks = {}
    assert {"AUD-014", "AUD-018", "AUD-020", "AUD-022"} <= found_codes(world)


def test_a_segment_that_stands_twice_is_refused():
    world = honest()
    world.chains[CHAIN].append(world.chains[CHAIN][4])
    assert {"AUD-012"} <= found_codes(world)


def test_another_history_is_not_the_one_the_chain_names():
    world = honest()
    world.chains[CHAIN][1] = forge(world.chains[CHAIN][1], worker="worker-1", event_ms_min=None)
    assert {"AUD-013", "AUD-006"} <= found_codes(world)


def test_a_tail_that_is_cut_off_is_missed():
    world = honest()
    world.kept_marks = world.marks()
    del world.chains[CHAIN][4]
    assert {"AUD-027", "AUD-022"} <= found_codes(world)


@pytest.mark.parametrize("mark", [Mark(10, "0" * 64, 5), Mark(11, "", 5), Mark(10, "", 4)])
def test_the_mark_must_be_that_of_the_chain(mark):
    world = honest()
    last = world.chains[CHAIN][-1].signed.hash
    world.kept_marks = {CHAIN: mark._replace(header=mark.header or last)}
    assert found_codes(world) == {"AUD-027"}


def test_an_older_mark_of_a_running_worker_is_no_fault():
    world = honest()
    third = world.chains[CHAIN][2]
    world.kept_marks = {CHAIN: Mark(third.header.end, third.signed.hash, 3)}
    assert check(world).verified


def test_a_signature_by_a_stranger_is_refused():
    world = honest()
    again(world, 4, forge(world.chains[CHAIN][4], key=STRANGER))
    world.kept_marks = {}
    assert found_codes(world) == {"AUD-010"}


def test_a_worker_that_was_not_enrolled_then_is_refused():
    world = honest()
    world.snapshots[9] = make_snapshot(9, workers={"worker-1": replace(WORKER, since=8)})
    assert found_codes(world) == {"AUD-011"}


def replaced_key():
    """An honest world whose worker got the key of `STRANGER` at register position 9; all of one chain cites that or 7."""
    world = honest()
    replaced = WorkerKey(WORKER.public_key, 3, 9)
    new = WorkerEntry("worker-1", STRANGER.public_key().public_bytes_raw().hex(), 9, (replaced,))
    world.snapshots[9] = make_snapshot(9, workers={"worker-1": new})
    for place, chain in world.chains.items():
        for number, made in enumerate(chain):
            if made.header.register_position == 9:
                previous = chain[number - 1].signed.hash if number else ""
                world.chains[place][number] = forge(made, key=STRANGER, previous=previous)
    return world


def test_what_a_replaced_key_signed_stays_verified():
    assert check(replaced_key()).verified


@pytest.mark.parametrize(("number", "key"), [(4, KEY), (0, STRANGER)])
def test_each_key_of_a_worker_vouches_for_its_own_time_alone(number, key):
    world = replaced_key()
    chain = world.chains[CHAIN]
    chain[number] = forge(chain[number], key=key)
    for later in range(number + 1, len(chain)):
        chain[later] = forge(chain[later], key=STRANGER, previous=chain[later - 1].signed.hash)
    world.kept_marks = {}
    assert found_codes(world) == {"AUD-010"}


@pytest.mark.parametrize("change", [{"register_position": 8}, {"register_fingerprint": "f" * 64}])
def test_a_register_position_that_never_was_is_refused(change):
    world = World()
    world.decide(SOURCE, 0, [(0, 0, {"A": "deny", "B": "deny"})], **change)
    assert found_codes(world) == {"AUD-015"}


def test_a_register_position_cannot_go_back():
    world = World()
    world.decide(SOURCE, 0, [(0, 0, {"A": "deny", "B": "deny"})])
    world.decide(SOURCE, 0, [(1, 1, {"A": "deny", "B": "deny"})], position=7)
    assert found_codes(world) == {"AUD-015"}


def test_parts_and_strangers_on_the_topic_are_named():
    for key in (b"source.crossings/0/9/0", None, b"\xff", b"what/is/this/then", b"a/b"):
        world = honest()
        world.bodies.append(SegmentRecord("segments/0/99", key, b"{}"))
        assert found_codes(world) == {"AUD-028"}
    world = honest()
    world.bodies.append(SegmentRecord("segments/0/99", b"source.crossings/0/9", b"{}"))
    assert found_codes(world) == {"AUD-001"}
    world.bodies[0] = SegmentRecord("x", b"source.crossings/0/9", world.chains[CHAIN][0].signed.entry)
    assert found_codes(world) == {"AUD-001"}


def test_a_part_that_is_changed_is_refused_and_the_chain_goes_on():
    world = honest()
    made = world.chains[CHAIN][1]
    world.chains[CHAIN][1] = replace(made, parts=(made.parts[0].replace(b"deny", b"hold"),))
    assert {"AUD-002"} <= found_codes(world)
    assert "AUD-012" not in found_codes(world)


# ---- lies about the source


def test_a_record_that_is_skipped_is_a_loss():
    world = World()
    world.decide(SOURCE, 0, [(0, 0, {"A": "deny", "B": "deny"}), (2, 2, {"A": "deny", "B": "deny"})])
    assert found_codes(world) == {"AUD-018"}
    world.topics[CHAIN].insert(1, SourceRecord(1, 1))
    assert found_codes(world) == {"AUD-018", "AUD-020"}


def test_an_unreadable_record_may_carry_the_missing_sequence_but_only_one():
    world = World()
    rows = [(0, 0, {"A": "deny", "B": "deny"}), (1, None, {"": "quarantine"})]
    world.decide(SOURCE, 0, [*rows, (2, 2, {"A": "deny", "B": "deny"})])
    assert check(world).verified
    world.decide(SOURCE, 0, [(3, None, {"": "quarantine"}), (4, 5, {"A": "deny", "B": "deny"})])
    assert found_codes(world) == {"AUD-018"}


def test_an_entitys_change_may_have_been_superseded_and_is_counted():
    world = World()
    world.decide(ENTITY, 0, [(0, 0, {"E": "deny"}), (5, 5, {"E": "deny"})])
    report = check(world)
    assert report.verified
    assert [p.superseded for p in report.partitions if (p.topic, p.partition) == (ENTITY, 0)] == [4]


def test_a_sequence_cannot_go_back():
    world = World()
    world.decide(SOURCE, 0, [(0, 0, {"A": "deny", "B": "deny"}), (1, 0, {"A": "deny", "B": "deny"})])
    assert found_codes(world) == {"AUD-019"}


def test_a_decided_record_must_be_in_the_source_with_its_sequence():
    world = honest()
    del world.topics[CHAIN][0]
    assert found_codes(world) == {"AUD-021"}
    world.lows[CHAIN] = 1
    assert check(world).verified
    world = honest()
    world.topics[CHAIN][0] = SourceRecord(0, 7)
    assert found_codes(world) == {"AUD-021"}
    world.topics[CHAIN][0] = SourceRecord(0, None)
    assert check(world).verified


def test_records_after_the_last_decision_are_counted_and_no_fault():
    world = honest()
    world.topics[CHAIN] += [SourceRecord(12, 6), SourceRecord(13, 7)]
    report = check(world)
    assert report.verified
    assert report.partitions[0].undecided == 2


# ---- lies about deliveries


def share_record(offset, key, value):
    return ShareRecord(
        offset, bytes.fromhex(delivered_digest(key, value)), bytes.fromhex(key_digest(key)), value is None
    )


@pytest.mark.parametrize("place", [0, 2, 5])
def test_a_delivery_without_a_leaf_is_found_wherever_it_stands(place):
    world = honest()
    world.topics[A].insert(place, share_record(100, b"k0", b"secret"))
    assert found_codes(world) == {"AUD-022"}
    assert "share.a.flow/0/100" in str(check(world).faults[0])


def test_a_delivery_that_is_made_twice_is_found():
    world = honest()
    world.topics[A].insert(1, world.topics[A][0]._replace(offset=100))
    assert found_codes(world) == {"AUD-022"}


@pytest.mark.parametrize("place", range(5))
def test_a_leaf_without_its_delivery_is_found_wherever_it_stands(place):
    world = honest()
    del world.topics[A][place]
    assert found_codes(world) == {"AUD-023"}


def test_a_delivery_of_something_else_is_found():
    world = honest()
    world.topics[A][1] = share_record(1, b"k1", b"more than agreed")
    assert found_codes(world) == {"AUD-022", "AUD-023"}


def test_a_delivery_to_another_department_is_found():
    world = honest()
    world.topics["share.b.flow", 1] = [share_record(0, b"k0", b"v0")]
    assert found_codes(world) == {"AUD-022"}


def test_a_denial_that_is_delivered_all_the_same_is_found():
    world = honest()
    world.topics[B].insert(0, share_record(100, b"k0", b"v0"))
    assert found_codes(world) == {"AUD-022"}


def test_deliveries_in_another_order_are_named_so():
    world = honest()
    records = world.topics[A]
    records[1], records[2] = records[2], records[1]
    assert found_codes(world) == {"AUD-024"}


def test_a_topic_that_does_not_exist_delivered_nothing():
    world = World()
    gone = {"GONE": (agreement("GONE", "crossings"),)}
    world.snapshots[9] = make_snapshot(9, agreements=gone)
    world.decide(SOURCE, 0, [(0, 0, {"GONE": "redact"})])
    assert found_codes(world) == {"AUD-023"}
    world.snapshots[10] = make_snapshot(10, agreements={"GONE": (agreement("GONE", "crossings", ended=True),)})
    assert check(world).verified, "a terminated agreement's topic may be emptied or removed"


def test_retention_takes_from_the_front_and_only_where_the_topic_says_so():
    world = honest()
    del world.topics[A][:2]
    assert found_codes(world) == {"AUD-023"}
    world.lows[A] = 2
    report = check(world)
    assert report.verified
    assert report.shares["share.a.flow"].explained == 2
    del world.topics[A][1]
    assert found_codes(world) == {"AUD-023"}


def kept(world, *places):
    world.topics[E] = [record for number, record in enumerate(world.topics[E]) if number in places]
    return world


def test_compaction_is_told_from_loss():
    # leaves for keys 0 1 2 0 1 2 0(removed) 1(removed)
    assert check(kept(honest(), *range(8))).verified
    assert check(kept(honest(), 5, 6, 7)).verified, "only the newest of each key"
    assert check(kept(honest(), 1, 5, 6, 7)).verified, "one not compacted yet"
    assert check(kept(honest(), 5)).verified, "tombstones go in time"
    assert found_codes(kept(honest(), 6, 7)) == {"AUD-023"}, "the newest value of a key is always kept"
    assert found_codes(kept(honest(), 3, 5, 7)) == {"AUD-023"}, "a removal may not vanish before what it removes"
    world = kept(honest(), 5, 6, 7)
    world.topics[E].append(share_record(20, b"k1", b"v4"))
    assert (
        found_codes(world) == {"AUD-023", "AUD-022"} or found_codes(world) == {"AUD-024"} or not check(world).verified
    )


def test_an_event_topic_is_not_compacted():
    world = honest()
    del world.topics[A][2]
    assert found_codes(world) == {"AUD-023"}


def test_a_removal_that_is_a_value_is_refused():
    world = World()
    made = world.decide(ENTITY, 0, [(0, 0, {"E": "redact"}), (1, 1, {"E": "withdraw"})])
    leaf = made.leaves[0]
    part = msgspec.structs.replace(leaf.recipient_part(), outcome="withdraw")
    leaves = [leaf._replace(recipient=encode(part)), made.leaves[1]]
    entry = msgspec.structs.replace(made.index.directory[0], outcomes={"withdraw": 2})
    index = Index((entry,), made.index.records)
    lie = forge(
        made,
        given=leaves,
        index=index,
        leaf_root=tree.root([one.hash() for one in leaves]).hex(),
        directory_root=directory_root(index),
        outcomes={"withdraw": 2},
    )
    again(world, 0, lie, (ENTITY, 0))
    world.kept_marks = {}
    assert found_codes(world) == {"AUD-038"}


def test_records_newer_than_the_segments_are_not_judged():
    world = honest()
    world.topics[A].append(share_record(50, b"k99", b"v99"))
    world.ends[A] = 50
    report = check(world)
    assert report.verified
    assert report.shares["share.a.flow"].later == 1


def test_exposed_ranges_are_labelled_and_no_fault():
    world = honest()
    world.ranges[A] = [Exposed(3, 4, 2)]
    report = check(world)
    assert report.verified
    assert report.document()["shares"][0]["exposed"] == [{"partition": 0, "first": 3, "last": 4, "records": 2}]


def test_the_first_fault_is_the_first_bad_place_and_all_are_counted():
    world = honest()
    del world.topics[A][1:5]
    report = check(world)
    assert report.faults_found == len(report.faults) == 4
    assert "leaf source.crossings/0/0/2 " in str(report.faults[0])
    assert not report.document()["verified"]


def test_a_register_without_its_beginning_is_refused(monkeypatch):
    monkeypatch.setattr(World, "first", 3)
    assert found_codes(honest()) == {"AUD-030"}


def test_every_code_stands_once_in_the_list():
    identifiers = [code.identifier for code in codes.CODES]
    assert identifiers == sorted(set(identifiers))

"""The fold under everything that can be put into the register: replays, forgeries, any order."""

from __future__ import annotations

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from agreements import acts
from agreements.append_time import Logged
from agreements.fold import fold, fold_batch
from agreements.snapshot import EMPTY
from tests.registers import approved

QUICK = settings(max_examples=30, deadline=None, derandomize=True)
REFERENCE = "DSA-2026-101"


@cache
def records() -> tuple[tuple[bytes, int], ...]:
    """A register's whole life, every act of it accepted: the records and when Kafka appended them."""
    register = approved()
    register.do(acts.AgreementSuspended(REFERENCE, "a breach"), "signatory/wp-siro")
    register.do(acts.AgreementResumed(REFERENCE), "signatory/wp-siro")
    register.do(acts.QuarantineReplayed("source.crossings", 0, 3), "signatory/ho-siro")
    register.do(acts.KeyRotated("subject/2026", 2), "operator")
    assert register.alarms == []
    return tuple((one.value, one.appended_ms) for one in register.records)


def logged(stream):
    """Records one after the other."""
    return [Logged(position, *one) for position, one in enumerate(stream)]


def state(snapshot):
    """Everything a snapshot says but positions, which bad acts between the good ones move."""
    entries = [
        (e.content_hash, e.state, e.version, [s.signatory for s in e.signatures], dict(e.view_schemas))
        for versions in snapshot.agreements.values()
        for e in versions
    ]
    jobs = [(job.kind, job.dataset, job.share, job.offset) for job in snapshot.jobs]
    tables = (dict(snapshot.parties), dict(snapshot.schemas), dict(snapshot.versions), dict(snapshot.key_versions))
    return entries, jobs, tables, dict(snapshot.public_keys)


@cache
def clean():
    folded = fold_batch(EMPTY, logged(records()))
    assert folded.alarms == ()
    return folded.snapshot


@QUICK
@given(st.lists(st.integers(0, 3), max_size=len(records()) + 2))
def test_a_batch_is_the_same_as_one_by_one(cuts):
    whole = logged(records())
    snapshot = EMPTY
    for size in cuts:
        batch, whole = whole[:size], whole[size:]
        snapshot = fold_batch(snapshot, batch).snapshot
    for one in whole:
        snapshot = fold(snapshot, one).snapshot
    assert snapshot == clean()


@QUICK
@given(st.data())
def test_replayed_and_spoiled_records_change_nothing_wherever_they_stand(data):
    good = list(records())
    stream: list[tuple[bytes, int]] = []
    bad = 0
    for number, (value, now_ms) in enumerate(good):
        for choice in data.draw(st.lists(st.integers(0, 2), max_size=2)):
            place = data.draw(st.integers(0, number - 1)) if number else 0
            if choice == 0 and number:
                stream.append((good[place][0], now_ms))  # a replay of an accepted act
            elif choice == 1:
                at = data.draw(st.integers(0, len(value) - 1))
                stream.append(
                    (value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :], now_ms)
                )  # the next act, one bit spoiled
            else:
                stream.append((data.draw(st.binary(max_size=40)), now_ms))
            bad += 1
        stream.append((value, now_ms))
    folded = fold_batch(EMPTY, logged(stream))
    assert len(folded.alarms) == bad
    assert state(folded.snapshot) == state(clean())


@QUICK
@given(st.permutations(range(len(records()))))
def test_no_order_of_true_acts_gives_more_than_they_say(order):
    folded = fold_batch(EMPTY, logged(records()[number] for number in order))
    accepted = len(order) - len(folded.alarms)
    assert sum(n for name, n in folded.snapshot.versions.items() if not name.startswith("subject/")) == accepted
    for versions in folded.snapshot.agreements.values():
        assert all(not entry.view_schemas or len(entry.signatures) == 3 for entry in versions)


def test_the_fingerprint_is_the_same_for_every_reader_and_changes_with_every_act():
    seen = []
    snapshot = EMPTY
    for one in logged(records()):
        snapshot = fold(snapshot, one).snapshot
        seen.append(snapshot.fingerprint)
    assert len(set(seen)) == len(seen)
    assert seen[-1] == clean().fingerprint

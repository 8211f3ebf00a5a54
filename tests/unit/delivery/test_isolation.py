"""A record that makes the policy fail is found, quarantined, and costs nobody else their decision."""

import hashlib

import pytest

from agreements.snapshot import Standing
from broker.delivery.isolation import FAILED, RECORD_BYTES_MAX, TOO_LARGE, evaluate, settle
from broker.policy.decision import Decision, Evaluated, Mode, Outcome, Sent, SourceRecord, Verdict
from broker.policy.engine import Circumstance, Settlement, StateChange
from contracts.faults import Code, Unavailable


class Brittle:
    """An engine for one entity plan that sends every value, and fails where it is told to."""

    def __init__(self, evaluate_fails=(), settle_fails=()):
        self.evaluate_fails, self.settle_fails = set(evaluate_fails), set(settle_fails)

    def evaluate(self, records, now_ms):
        if any(record.offset in self.evaluate_fails for record in records):
            raise ZeroDivisionError
        return [
            Evaluated(r, r.offset, None, None, (), (Verdict(r.key, r.value, False, False, ()),), r.key) for r in records
        ]

    def settle(self, evaluated, circumstances, mode):
        if any(one.record.offset in self.settle_fails and not one.faults for one in evaluated):
            raise KeyError
        sent = dict(circumstances[0].sent)
        bad, good, changes = [], [], []
        for one in evaluated:
            if one.faults:
                bad.append(decision(one, Outcome.QUARANTINE, None, one.faults))
                continue
            verdict = one.verdicts[0]
            digest = hashlib.sha256(verdict.value).digest()
            held = sent.get(verdict.key)
            outcome = Outcome.UNCHANGED if held is not None and held.digest == digest else Outcome.PERMIT
            sent[verdict.key] = Sent(digest, b"", one.record.offset)
            good.append(decision(one, outcome, 0, ()))
            changes.append(StateChange(0, verdict.key, sent[verdict.key]))
        return Settlement((*bad, *good), tuple(changes))


def decision(one, outcome, plan, reasons):
    key, value = (one.verdicts[0].key, one.verdicts[0].value) if outcome is Outcome.PERMIT else (None, None)
    return Decision(outcome, plan, Mode.LIVE, reasons, one.record, one.sequence, None, None, key, value, None)


def records(*values):
    return [SourceRecord(offset, 0, b"k%d" % (offset % 3), value) for offset, value in enumerate(values)]


CIRCUMSTANCES = [Circumstance(Standing.IN_FORCE, {})]


@pytest.mark.parametrize("bad", [(0,), (6,), (2, 3), (0, 1, 2, 3, 4, 5, 6)])
def test_only_the_failing_records_are_faulty(bad):
    found = evaluate(Brittle(evaluate_fails=bad), records(*[b"v"] * 7), 0)
    assert [one.record.offset for one in found] == list(range(7))
    assert [one.record.offset for one in found if one.faults == (FAILED,)] == list(bad)


@pytest.mark.parametrize("bad", [(0,), (4,), (1, 5)])
def test_a_batch_that_cannot_be_settled_is_halved_and_decides_what_a_sound_one_would(bad):
    batch = records(b"1", b"1", b"2", b"1", b"9", b"2", b"1")
    engine = Brittle(settle_fails=bad)
    found = settle(engine, evaluate(engine, batch, 0), CIRCUMSTANCES, Mode.LIVE)
    assert [d.record.offset for d in found.decisions if d.outcome is Outcome.QUARANTINE] == list(bad)
    sound = Brittle()
    good = [record for record in batch if record.offset not in bad]
    expected = sound.settle(sound.evaluate(good, 0), CIRCUMSTANCES, Mode.LIVE)
    assert [d for d in found.decisions if d.outcome is not Outcome.QUARANTINE] == list(expected.decisions)
    assert found.changes == expected.changes


def test_a_view_too_large_to_send_is_quarantined_with_its_reason():
    engine = Brittle()
    batch = records(b"small", b"x" * (RECORD_BYTES_MAX + 1), b"small")
    found = settle(engine, evaluate(engine, batch, 0), CIRCUMSTANCES, Mode.LIVE)
    assert [(d.outcome, d.record.offset, d.reasons) for d in found.decisions] == [
        (Outcome.QUARANTINE, 1, (TOO_LARGE,)),
        (Outcome.PERMIT, 0, ()),
        (Outcome.PERMIT, 2, ()),
    ]


def test_a_fault_of_the_environment_is_no_records_fault():
    class Away(Brittle):
        def evaluate(self, records, now_ms):
            raise Unavailable(Code("X-1", "away", "", "", "").fault("key provider"))

    with pytest.raises(Unavailable):
        evaluate(Away(), records(b"v", b"w"), 0)


def test_nothing_is_evaluated_for_an_empty_batch():
    assert evaluate(Brittle(), [], 0) == []

"""A replay decides what stands in quarantine, and nothing else, whatever an act names."""

import contextlib
from dataclasses import replace
from types import SimpleNamespace

import pytest

from agreements.snapshot import Job, JobKind, Snapshot
from broker.cluster.client import Message
from broker.delivery import quarantine as quarantine_module
from broker.delivery import replays
from broker.delivery.jobs import Task
from broker.delivery.mark import Mark
from broker.delivery.progress import Cursor, Progress
from broker.delivery.quarantine import Origin, quarantine_key, quarantine_value
from broker.delivery.takeover import Owned
from broker.policy.decision import Mode, Reason, SourceRecord
from broker.proofs.world import CONTRACT, DATASET, NOW, REFERENCE, ROW, SHARE, agreement, entry_of, snapshot_of
from contracts import topics
from contracts.change import Envelope, Op
from contracts.change import Origin as Came
from contracts.wire import EnvelopeCodec
from tests.live_worker import LiveWorker

SOURCE, TOPIC = topics.source(DATASET), topics.share(REFERENCE, SHARE)
CODEC = EnvelopeCodec(CONTRACT, 1, 2)
OWNED = Owned(SOURCE, 0, 9, Mark(), Progress())


def asked(*offsets, start=10):
    return tuple(
        Job(position, JobKind.REPLAY, DATASET, partition=0, offset=offset)
        for position, offset in enumerate(offsets, start)
    )


def message(offset, value=None):
    came = Came("store", DATASET, "p", offset, None, snapshot=False)
    value = CODEC.encode(Envelope(Op.CREATE, None, dict(ROW), came, 0, ())) if value is None else value
    return Message(SOURCE, 0, offset, int(NOW.timestamp() * 1000), CODEC.encode_key(ROW), value)


def test_an_act_that_names_another_offset_does_nothing_and_is_told():
    worker = LiveWorker(snapshot_of([entry_of(agreement())]), DATASET)
    worker.source[0] += [message(0), message(1, b"not a record")]
    worker.live(0, worker.source[0], NOW)
    assert len(worker.delivered[TOPIC]) == 1
    worker.snapshot = replace(worker.snapshot, position=12, jobs=asked(0, 7, 1))
    worker.work(NOW)
    assert worker.refused == [0, 7]
    assert len(worker.delivered[TOPIC]) == 1, "what was delivered once is not delivered twice"
    assert [(one.header.mode, one.header.job) for one in worker.segments] == [("live", None), ("replay", 12)]
    assert worker.owned[0].progress.jobs == ()


def test_a_record_that_a_replay_has_delivered_is_not_delivered_by_the_next():
    worker = LiveWorker(snapshot_of([entry_of(agreement())]), DATASET)
    worker.source[0] += [message(0, b"not a record")]
    worker.live(0, worker.source[0], NOW)
    worker.source[0][0] = message(0)  # as if the contract took it now
    worker.snapshot = replace(worker.snapshot, position=11, jobs=asked(0, 0))
    worker.work(NOW)
    assert (len(worker.delivered[TOPIC]), worker.refused) == (1, [0])


def entry(topic, partition, offset, position, sequence=None):
    decision = SimpleNamespace(
        record=SourceRecord(offset, 0, b"k", b"v"), sequence=sequence, reasons=(Reason("malformed"),), mode=Mode.LIVE
    )
    value = quarantine_value(decision, Origin(DATASET, topic, partition, 0, position, "worker-1"), None)
    key = (
        quarantine_key(topic, partition, offset) if offset >= 0 else f"{topic}/{partition}/sequence/{sequence}".encode()
    )
    return key, value


class Quarantine:
    """The quarantine topic without Kafka."""

    def __init__(self, *entries):
        self.messages = [Message(topics.QUARANTINE, 0, n, 0, key, value) for n, (key, value) in enumerate(entries)]
        self.read_from = []

    def read(self, topic, partition, start=None):
        assert (topic, partition) == (topics.QUARANTINE, 0)
        self.read_from.append(start)
        return iter(self.messages[start or 0 :])


@pytest.mark.parametrize(
    ("offset", "jobs", "founded"),
    [
        (4, asked(4), True),
        (5, asked(5), False),
        (6, asked(6), False),
        (-1, asked(-1), False),
        (4, asked(4, start=8) + asked(4), True),
        (4, asked(4, start=9) + asked(4), False),
    ],
)
def test_what_stands_in_quarantine_is_read_from_its_topic(monkeypatch, offset, jobs, founded):
    quarantine = Quarantine(
        entry(SOURCE, 0, 4, 3), entry(SOURCE, 1, 5, 3), entry("source.other", 0, 6, 3), entry(SOURCE, 0, -1, 3, 2),
        entry(SOURCE, 0, 4, 8),
    )  # fmt: skip
    monkeypatch.setattr(replays, "Reader", lambda _: quarantine)
    task = Task(Cursor(10, JobKind.REPLAY, next=offset, end=offset + 1), offset, offset + 1)
    found = replays.Replays(None)
    assert [found.is_founded(OWNED, task, Snapshot(jobs=jobs), 1) for _ in range(2)] == [founded, founded]
    assert quarantine.read_from == [None, 5], "nothing is read twice"


UNREADABLE = (b"", b"no entry", b"[]", b"{}", b'{"dataset": "\xff"}', b'{"x":' + b"[" * 100_000, b'{"content": "%%"}')


def test_what_is_no_entry_founds_no_replay_and_is_told(monkeypatch):
    key, value = entry(SOURCE, 0, 4, 3)
    forged = [(quarantine_key(SOURCE, 0, 5), said) for said in UNREADABLE]
    place = f"{SOURCE}/0/"
    keys = [
        (name.encode(), b"{}") for name in (place + "9" * 5_000, f"{SOURCE}/{'1' * 5_000}/0", place, "source.x", "")
    ]
    quarantine = Quarantine(*forged, (key, value), *keys, (None, b"{}"), (quarantine_key(SOURCE, 0, 4), b"no entry"))
    monkeypatch.setattr(replays, "Reader", lambda _: quarantine)
    before, looking = replays._UNREADABLE._value.get(), replays.Replays(None)

    def is_founded(offset):
        task = Task(Cursor(10, JobKind.REPLAY, next=offset, end=offset + 1), offset, offset + 1)
        return looking.is_founded(OWNED, task, Snapshot(jobs=asked(offset)), 1)

    assert (is_founded(5), is_founded(4)) == (False, True)
    assert replays._UNREADABLE._value.get() - before == len(UNREADABLE) + 1


def test_what_is_no_entry_is_left_out_where_people_look(monkeypatch):
    found = Quarantine(entry(SOURCE, 0, 4, 3), *((b"k", said) for said in UNREADABLE), entry(SOURCE, 0, 5, 3))
    found.partitions = lambda _: 1
    monkeypatch.setattr(quarantine_module, "Reader", lambda _: contextlib.nullcontext(found))
    assert [one.offset for one in quarantine_module.quarantined(None)] == [4, 5]

"""Writing to the register: compare-and-swap by fencing (decision 20).

    fold what is there -> init_transactions (fences every earlier writer) -> read the tail to the stable end as it is then
    -> decide on that snapshot -> fold what would be written -> append -> see Kafka's time of it -> commit

Whoever comes later fences us, and our commit fails: two writers never decide on the same snapshot and both commit.  What
Kafka has stamped with a time that is not ours, or has not stamped that we know of, is aborted, for every reader may ignore it
(TRUSTED-TIME).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from agreements import acts
from agreements.acts import AnyAct
from agreements.append_time import TOLERANCE, Logged, milliseconds, too_far
from agreements.fold import Alarm, fold_batch
from agreements.signing import Signer
from agreements.snapshot import Snapshot
from broker import clock
from broker.cluster.client import Abortable, ClusterFatal, Connection, Fenced, Message
from broker.cluster.codes import UNREACHABLE
from broker.cluster.producer import TransactionalProducer
from broker.register.codes import BEATEN, CLOCKS_APART, NOT_INITIALISED, NOT_READ, STALE_VERSION, WRITERS_TIME
from broker.register.follow import RegisterReader
from contracts import topics
from contracts.faults import Fault, Refused, Unavailable

TRANSACTIONAL_ID = "concordat.register"
_PARTITION = 0
_ATTEMPTS = 8
_BACK_OFF_SECONDS = 0.05
_SEEN_SECONDS = 20.0
_SEEN_POLL_SECONDS = 0.002


class Enclosure(NamedTuple):
    """A record for another topic (partition 0) that is there exactly if the act that it belongs to is."""

    topic: str
    key: bytes
    value: bytes


class Deed(NamedTuple):
    """An act, who does it, and what is written together with it."""

    act: AnyAct
    signer: Signer
    enclosures: tuple[Enclosure, ...] = ()


class Appended(NamedTuple):
    """The register with the acts in it, and the position of each."""

    snapshot: Snapshot
    positions: tuple[int, ...]


Decide = Callable[[Snapshot], Sequence[Deed]]


def act(connection: Connection, decide: Decide, *, expected: Mapping[str, int] | None = None) -> Appended:
    """Append what `decide` says, given the newest snapshot; all of it in one transaction, or nothing.

    `decide` may be called again when another writer came between.  `expected` (object to version) is what the caller has
    looked at; without it, what this function saw first.  Raises `Refused` for a stale version and for an act that the fold
    would not or does not accept, `Unavailable` when Kafka cannot be reached (after a commit of unknown outcome, too), when its clock and
    ours are apart, and when it does not stamp the topic's records.
    """
    with RegisterReader(connection) as reader:
        first = reader.catch_up()
        written: list[bytes] = []
        for attempt in range(_ATTEMPTS):
            try:
                producer = TransactionalProducer(connection, TRANSACTIONAL_ID, timed=True)
                tail = reader.read_new()
                if written and (found := _positions_of(written, tail, reader.alarms)):
                    return Appended(reader.snapshot, found)  # the commit that seemed beaten had gone through
                deeds = decide(reader.snapshot)
                if not deeds:
                    return Appended(reader.snapshot, ())
                _check_versions(deeds, reader.snapshot, first, expected)
                now = clock.now()
                written = _records(deeds, reader.snapshot, now)
                _check_accepted(written, reader.snapshot, now)
                _commit(producer, deeds, written, now)
            except (Fenced, Abortable):
                time.sleep(random.uniform(0.5, 1.5) * _BACK_OFF_SECONDS * (attempt + 1))  # noqa: S311 - only a back-off
            except ClusterFatal as fault:
                raise Unavailable(NOT_READ.fault(str(fault))) from fault
            else:
                return _seen(written, reader)
    raise Refused(BEATEN.fault(f"{_ATTEMPTS} times"))


def _seen(written: Sequence[bytes], reader: RegisterReader) -> Appended:
    """Wait until the committed acts can be read: Kafka confirms a commit a moment before it shows the records."""
    until = clock.monotonic_seconds() + _SEEN_SECONDS
    while not (found := _positions_of(written, reader.read_new(), reader.alarms)):
        if clock.monotonic_seconds() > until:
            raise Unavailable(NOT_READ.fault(f"the act was committed but is not shown after {_SEEN_SECONDS:g} s"))
        time.sleep(_SEEN_POLL_SECONDS)
    return Appended(reader.snapshot, found)


def _check_versions(
    deeds: Sequence[Deed],
    snapshot: Snapshot,
    first: Snapshot,
    expected: Mapping[str, int] | None,
) -> None:
    for subject in {deed.act.subject() for deed in deeds}:
        seen = first.version(subject) if expected is None else expected.get(subject, first.version(subject))
        version = snapshot.version(subject)
        if version != seen:
            raise Refused(STALE_VERSION.fault(f"{subject} has version {version}; {seen} was looked at"))


def _records(deeds: Sequence[Deed], snapshot: Snapshot, now: datetime) -> list[bytes]:
    """The records' values; several acts on one object expect one another's versions."""
    ahead: dict[str, int] = {}
    values = []
    for deed in deeds:
        subject = deed.act.subject()
        expects = ahead.get(subject, snapshot.version(subject))
        ahead[subject] = expects + 1
        register = snapshot.operator_key
        if register is None:
            if not isinstance(deed.act, acts.RegisterInitialised):
                raise Refused(NOT_INITIALISED.fault("there is no first act"))
            register = deed.act.operator_key
        values.append(acts.record(deed.act, signer=deed.signer, register=register, expects=expects, time=now))
    return values


def _check_accepted(values: Sequence[bytes], snapshot: Snapshot, now: datetime) -> None:
    """Fold the acts before they are written, as if Kafka's clock were ours: the register never gets one that readers ignore."""
    first, now_ms = snapshot.position + 1, milliseconds(now)
    folded = fold_batch(snapshot, (Logged(first + number, value, now_ms) for number, value in enumerate(values)))
    if folded.alarms:
        raise Refused(*(alarm.fault for alarm in folded.alarms))


def _commit(producer: TransactionalProducer, deeds: Sequence[Deed], values: Sequence[bytes], now: datetime) -> None:
    """Commit if Kafka's time of every act is known and ours; else abort, so that nobody ever sees them."""
    producer.begin()
    for deed, value in zip(deeds, values, strict=True):
        producer.produce(topics.REGISTER, _PARTITION, deed.act.subject().encode(), value)
        for enclosed in deed.enclosures:
            producer.produce(enclosed.topic, _PARTITION, enclosed.key, enclosed.value)
    fault = _time_fault(now, producer.appended(topics.REGISTER), len(deeds))
    if fault is not None:
        producer.abort()  # whoever was fenced is told so here, and decides again
        raise Unavailable(fault)
    producer.commit()


def _time_fault(now: datetime, appended: Sequence[int | None], count: int) -> Fault | None:
    """TRUSTED-TIME, before anybody else sees the acts: of each one of so many."""
    for appended_ms in appended:
        if appended_ms is None:
            return WRITERS_TIME.fault(f"topic {topics.REGISTER}")
        if far := too_far(now, appended_ms):
            at_most = f"{TOLERANCE.total_seconds():g} s at most"
            return CLOCKS_APART.fault(f"this machine's clock is {far} Kafka's; {at_most}")
    if len(appended) != count:
        return UNREACHABLE.fault(f"it said of {len(appended)} of {count} acts in time when it appended them")
    return None


def _positions_of(values: Sequence[bytes], tail: Sequence[Message], alarms: Sequence[Alarm]) -> tuple[int, ...]:
    """Where our records stand in what was just read, by their exact bytes; empty if they are not there.

    Raises `Refused` when one of them is ignored by every reader, for it is there and has done nothing.  A copy that somebody
    else appended is ignored, too: where one of the same bytes counts, that is ours.
    """
    ignored = {alarm.position: alarm.fault for alarm in alarms}
    offsets: dict[bytes | None, int] = {}
    for message in tail:
        if message.offset not in ignored or message.value not in offsets:
            offsets[message.value] = message.offset
    if not all(value in offsets for value in values):
        return ()
    positions = tuple(offsets[value] for value in values)
    if faults := [ignored[position] for position in positions if position in ignored]:
        raise Refused(*faults)
    return positions

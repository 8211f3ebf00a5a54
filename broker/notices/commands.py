"""Issuing a notice, answering it, closing its case, and reading one's own."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any, NamedTuple

from agreements.acts import NoticeAcknowledged, NoticeClosed, NoticeIssued
from agreements.acts.notices import Telling
from agreements.fold import fold_batch
from agreements.instants import day_of
from agreements.notices import NoticeCase, NoticeKind, answer_by, promising
from agreements.signing import Signer
from agreements.snapshot import EMPTY, Snapshot
from broker import clock
from broker.audit.evidence import Evidence
from broker.cluster.client import Connection
from broker.cluster.reader import Reader
from broker.codes import RECORD_UNREADABLE
from broker.notices.codes import KEY_UNREADABLE, NO_SUCH_NOTICE, NO_TOPIC, NOBODY, UNSEARCHABLE
from broker.notices.letter import FORM, Letter, digest, read
from broker.notices.receivers import Receivers, receivers
from broker.policy.treatments import KeyLookup
from broker.register.append import Appended, Deed, Enclosure, act
from broker.register.codes import NO_SUCH
from connectors.typed import Unreadable, from_value, json_of
from contracts import topics
from contracts.faults import Fault, Refused, Unavailable, Unusable
from contracts.model import Contract


class Subject(NamedTuple):
    """What a notice is about: records of one dataset, and what has become of them, in words for the recipients."""

    dataset: str
    kind: NoticeKind
    records: tuple[str, ...]
    """Their key fields, each as a JSON object."""
    text: str


def issue(connection: Connection, evidence: Evidence, lookup: KeyLookup, signer: Signer, subject: Subject) -> Appended:
    """Tell everybody who was ever delivered one of the records, and open the case, in one transaction.

    Raises `Unusable` for a record key that is none, and `Refused` where nobody is found, the audit cannot be read, or the signer is not the owner's.
    """
    snapshot = _as_of(evidence)
    entry = snapshot.contract(subject.dataset)
    if entry is None:
        raise Refused(NO_SUCH.fault(f"the dataset {subject.dataset}"))
    keys = [read_key(entry.contract, record) for record in subject.records]
    found = receivers(evidence.segments(), snapshot, subject.dataset, keys, lookup)
    if not found.found:
        raise Refused(_nobody(found, subject.dataset))
    _check_topics(connection, {receiver.recipient for receiver in found.found})
    return act(connection, lambda newest: [_deed(newest, found, signer, subject, day_of(clock.now()))])


def acknowledge(
    connection: Connection, signer: Signer, number: int, *, refused: str | None = None, share: str | None = None
) -> Appended:
    """Answer a notice for the signer's organisation: every share that waits, or one (`<reference>/<share>`).

    Raises `Refused` where nothing of that notice waits for it.
    """

    def decide(snapshot: Snapshot) -> list[Deed]:
        identifier = signer.actor.removeprefix("signatory/")
        organisation = snapshot.signatories.get(identifier)
        case = case_of(snapshot, number)
        waiting = [
            told
            for told in case.told
            if told.recipient == organisation
            and (share == f"{told.reference}/{told.share}" if share else not told.is_done)
        ]
        if not waiting:
            raise Refused(NO_SUCH_NOTICE.fault(f"notice {number} to {organisation or identifier} that waits"))
        return [Deed(NoticeAcknowledged(number, told.reference, told.share, refused), signer) for told in waiting]

    return act(connection, decide)


def close(connection: Connection, signer: Signer, number: int, reason: str) -> Appended:
    """End a case in which an answer is overdue."""
    return act(connection, lambda _: [Deed(NoticeClosed(number, reason), signer)])


def letters(connection: Connection, organisation: str) -> list[Letter]:
    """Every notice to an organisation, oldest first, read as that organisation.  Raises `Unavailable`."""
    name = topics.notices(organisation)
    with Reader(connection) as reader:
        if reader.partitions(name) == 0:
            raise Unavailable(NO_TOPIC.fault(name))
        found = []
        for message in reader.read(name, 0):
            try:
                found.append(read(message.value or b""))
            except ValueError as error:  # its text is not shown: it may hold data
                raise Unavailable(RECORD_UNREADABLE.fault(f"{name} offset {message.offset}")) from error
    return found


def case_of(snapshot: Snapshot, number: int) -> NoticeCase:
    """The case of that number; raises `Refused`."""
    case = snapshot.notices.get(number)
    if case is None:
        raise Refused(NO_SUCH_NOTICE.fault(f"notice {number}"))
    return case


def read_key(contract: Contract, record: str) -> dict[str, Any]:
    """A record's key fields from JSON, each of its contract's type; raises `Unusable`, which never shows a value."""
    try:
        given = json_of(record)
    except Unreadable as error:
        raise Unusable(KEY_UNREADABLE.fault("not JSON")) from error
    if not isinstance(given, dict) or set(given) != set(contract.key):
        raise Unusable(KEY_UNREADABLE.fault(f"{contract.dataset} has the key fields {', '.join(contract.key)}"))
    found = {}
    for name in contract.key:
        field = contract.field(name)
        assert field is not None, "a contract's key fields are among its fields"
        try:
            value = from_value(field.type, given[name])
        except Unreadable as error:
            raise Unusable(KEY_UNREADABLE.fault(f"{name}: {error}")) from error
        if value is None:
            raise Unusable(KEY_UNREADABLE.fault(f"{name} is null"))
        found[name] = value
    return found


def _deed(snapshot: Snapshot, found: Receivers, signer: Signer, subject: Subject, today: date) -> Deed:
    """The act and the notices that stand beside it."""
    entry = snapshot.contract(subject.dataset)
    assert entry is not None, "a contract is never unpublished"
    number = len(snapshot.notices) + 1
    told, enclosures = [], []
    for receiver in found.found:
        promised = promising(snapshot.agreements[receiver.reference])
        assert promised is not None, "what was delivered was approved"
        due = answer_by(promised.agreement, subject.kind, today)
        letter = Letter(
            type=FORM,
            number=number,
            kind=subject.kind,
            organisation=entry.contract.owner,
            reference=receiver.reference,
            share=receiver.share,
            keys=receiver.keys,
            text=subject.text,
            issued_on=today,
            answer_by=due,
        )
        value = letter.value()
        told.append(Telling(receiver.reference, receiver.share, receiver.recipient, due, digest(value)))
        enclosures.append(Enclosure(topics.notices(receiver.recipient), letter.key, value))
    issued = NoticeIssued(number, subject.kind, subject.dataset, tuple(told), found.unsearched)
    return Deed(issued, signer, tuple(enclosures))


def _nobody(found: Receivers, dataset: str) -> Fault:
    if found.unsearched:
        return UNSEARCHABLE.fault(", ".join(found.unsearched))
    return NOBODY.fault(f"no such record of {dataset}")


def _check_topics(connection: Connection, recipients: Collection[str]) -> None:
    """Every recipient can be told; else nobody is, for a case names everybody."""
    with Reader(connection) as reader:
        missing = [name for name in map(topics.notices, sorted(recipients)) if reader.partitions(name) == 0]
    if missing:
        raise Unavailable(*(NO_TOPIC.fault(name) for name in missing))


def _as_of(evidence: Evidence) -> Snapshot:
    """The register as the evidence has it."""
    return fold_batch(EMPTY, evidence.register()).snapshot

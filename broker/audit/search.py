"""Questions about decisions, answered from segments alone.

A segment that cannot be read is named in the answer: nothing is left out silently.  An answer shows identifiers of
decisions, clauses and times; never contents, keys or pseudonyms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from broker.audit.assemble import Assembled, assemble
from broker.audit.evidence import SegmentRecord
from broker.audit.leaf import AuditorPart, RecipientPart
from broker.audit.read import read_segment
from contracts import topics
from contracts.faults import Fault, Faults

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; None asks nothing.  Times are of decision, Unix milliseconds, `until_ms` exclusive."""

    agreement: str | None = None
    share: str | None = None
    outcome: str | None = None
    reason: str | None = None
    dataset: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    subjects: frozenset[str] | None = None
    """Pseudonyms of one person, one per year and semantic type."""
    decision: str | None = None
    """One decision identifier."""

    def concerns(self, recipient: RecipientPart, auditor: AuditorPart) -> bool:
        """Whether a leaf answers it."""
        return (
            self.agreement in (None, recipient.agreement)
            and self.share in (None, recipient.share)
            and self.outcome in (None, recipient.outcome)
            and (self.reason is None or any(self.reason == reason.code for reason in recipient.reasons))
            and (self.subjects is None or auditor.subject in self.subjects)
        )

    def concerns_segment(self, name: str, topic: str, decided_ms: int) -> bool:
        """Whether any leaf of a segment can answer it."""
        return (
            (self.dataset is None or topics.dataset_of(topic) == self.dataset)
            and (self.since_ms is None or self.since_ms <= decided_ms)
            and (self.until_ms is None or decided_ms < self.until_ms)
            and (self.decision is None or self.decision.rpartition("/")[0] == name)
        )


@dataclass(frozen=True, slots=True)
class Found:
    """One decision that answers a question."""

    identifier: str
    recipient: RecipientPart
    auditor: AuditorPart

    def document(self) -> dict[str, Any]:
        """The decision for programs and people, without the pseudonym of the person concerned."""
        recipient, auditor = self.recipient, self.auditor
        return {
            "decision": self.identifier,
            "outcome": recipient.outcome,
            "agreement": recipient.agreement or None,
            "version": recipient.version or None,
            "content_hash": recipient.content_hash or None,
            "share": recipient.share or None,
            "purpose": recipient.purpose or None,
            "reasons": [{"code": reason.code, "clause": reason.clause} for reason in recipient.reasons],
            "fields": recipient.fields or None,
            "delivered": recipient.delivered,
            "decided_at": _instant(auditor.decided_ms),
            "event_at": None if auditor.event_ms is None else _instant(auditor.event_ms),
            "source": {
                "topic": auditor.topic,
                "partition": auditor.partition,
                "offset": auditor.offset,
                "sequence": auditor.sequence,
            },
            "mode": auditor.mode,
            "register_position": auditor.register_position,
            "key_version": auditor.key_version,
            "plan": auditor.plan or None,
            "concerns_a_person": auditor.subject is not None,
        }


@dataclass(slots=True)
class Coverage:
    """What an answer rests on."""

    segments: int = 0
    faults: list[Fault] = field(default_factory=list)
    """Segments that could not be read: what they say is not in the answer."""


def search(records: Iterable[SegmentRecord], question: Question, coverage: Coverage) -> Iterator[Found]:
    """Every decision that answers `question`, partition by partition in the order of the log; fills `coverage`."""
    for assembled in assemble(records):
        if not isinstance(assembled, Assembled):
            coverage.faults.append(assembled)
            continue
        found = read_segment(assembled.entry, assembled.parts)
        if isinstance(found, Faults):
            coverage.faults += found.items
            continue
        coverage.segments += 1
        header = found.header
        if not question.concerns_segment(header.segment, header.topic, header.decided_ms):
            continue
        for number, (recipient, auditor) in enumerate(found.opened):
            identifier = found.segment.identifier(number)
            if question.concerns(recipient, auditor) and question.decision in (None, identifier):
                yield Found(identifier, recipient, auditor)


def _instant(unix_ms: int) -> str | None:
    """RFC 3339 in UTC; None for a time outside the calendar."""
    try:
        moment = _EPOCH + timedelta(milliseconds=unix_ms)
    except OverflowError:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

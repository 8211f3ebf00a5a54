"""Notices: what everybody who was ever delivered a record is told when it turns out wrong, and what they answer.

A notice about some records opens a *case*.  Who is told follows from the audit, not from the agreements in force: whoever
holds a record of an ended agreement must hear of its correction as well.  A case names shares and days, never a record.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from agreements.durations import Duration
from agreements.entries import AgreementEntry
from agreements.instants import end_of
from agreements.model import Agreement

WITHIN = Duration(days=30)
"""How soon a notice is answered where the agreement does not say."""


class NoticeKind(StrEnum):
    """What has become of the records."""

    CORRECTED = "record.corrected"
    ERASED = "subject.erased"
    RESTRICTED = "subject.restricted"
    """Kept, and not to be used: its accuracy is contested, or it is kept as evidence only."""
    MERGED = "identity.merged"
    """The records named turned out to be of one person."""
    SPLIT = "identity.split"
    """The records named turned out to be of several people."""


class CaseState(StrEnum):
    """How far a case has come at a moment."""

    OPEN = "open"
    OVERDUE = "overdue"
    """Somebody's last day to answer is over, and there is no answer."""
    COMPLETE = "complete"
    """Everybody who was ever delivered a record was told, and has done it."""
    PARTIALLY_EXECUTED = "partially-executed"
    """Over, and somebody refused, never answered, or could not be told."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a recipient's signatory has answered; `refused` is the reason, None where it was done."""

    refused: str | None
    by: str
    at: datetime
    position: int


@dataclass(frozen=True, slots=True)
class Told:
    """One notice: to whom, under which share, and until which day (included, in London) it is to be answered."""

    reference: str
    share: str
    recipient: str
    answer_by: date
    digest: str
    """SHA-256 of the notice as it stands on the recipient's topic, hex."""
    answer: Answer | None = None

    @property
    def is_done(self) -> bool:
        """Whether the recipient has said that it did what was asked."""
        return self.answer is not None and self.answer.refused is None

    @property
    def failure(self) -> str:
        """Why it is not done, in words; empty where it is."""
        if self.is_done:
            return ""
        return "no answer" if self.answer is None else f"refused: {self.answer.refused}"


@dataclass(frozen=True, slots=True)
class Closing:
    """The owner no longer waits for answers."""

    reason: str
    by: str
    at: datetime
    position: int


@dataclass(frozen=True, slots=True)
class NoticeCase:
    """Everything about one notice."""

    number: int
    kind: NoticeKind
    dataset: str
    organisation: str
    """The owner of the dataset, who issued it."""
    by: str
    at: datetime
    position: int
    told: tuple[Told, ...]
    unsearched: tuple[str, ...] = ()
    """Shares (`<reference>/<share>`) whose deliveries could not be searched by record: a version of their key is gone."""
    closing: Closing | None = None

    def state(self, now: datetime) -> CaseState:
        """How far the case has come at `now`."""
        if all(told.is_done for told in self.told):
            return CaseState.PARTIALLY_EXECUTED if self.unsearched else CaseState.COMPLETE
        waiting = [told for told in self.told if told.answer is None]
        if self.closing is not None or not waiting:
            return CaseState.PARTIALLY_EXECUTED
        is_overdue = any(end_of(told.answer_by) <= now for told in waiting)
        return CaseState.OVERDUE if is_overdue else CaseState.OPEN


def answer_by(agreement: Agreement, kind: NoticeKind, issued_on: date) -> date:
    """The last day to answer a notice of that day: what the agreement says about its kind, else `WITHIN`."""
    promised = agreement.after_delivery
    clause = {
        NoticeKind.CORRECTED: promised.corrections,
        NoticeKind.ERASED: promised.erasures,
        NoticeKind.RESTRICTED: promised.erasures,
        NoticeKind.MERGED: promised.identity_changes,
        NoticeKind.SPLIT: promised.identity_changes,
    }[kind]
    return (WITHIN if clause is None else clause.acknowledge_within).after(issued_on)


def promising(versions: Iterable[AgreementEntry]) -> AgreementEntry | None:
    """The version whose clauses say how soon notices are answered: the newest that was ever approved, ended or not."""
    return next((entry for entry in reversed(tuple(versions)) if entry.was_signed), None)

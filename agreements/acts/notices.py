"""Acts on notices: somebody who holds records is told about them, and answers.  None says what a record holds or whose it is."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from agreements.acts.parts import Act, Reference, Slug, Words
from agreements.notices import NoticeKind

Number = Annotated[int, Meta(ge=1, le=2**53 - 1)]


class Telling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One notice that is written together with the act: to whom, by when to answer, and the SHA-256 of its bytes."""

    reference: Reference
    share: Slug
    recipient: Slug
    answer_by: date
    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class NoticeIssued(Act, frozen=True, tag="notice.issued"):
    """The owner of a dataset tells everybody who was ever delivered some records what has become of them."""

    number: Number
    kind: NoticeKind
    dataset: Slug
    told: Annotated[tuple[Telling, ...], Meta(min_length=1, max_length=10_000)]
    unsearched: Annotated[tuple[Words, ...], Meta(max_length=10_000)] = ()

    def subject(self) -> str:
        """`notice/<number>`."""
        return f"notice/{self.number}"


class NoticeAcknowledged(Act, frozen=True, tag="notice.acknowledged"):
    """The recipient has done what one notice asks; or refuses to, and says why."""

    number: Number
    reference: Reference
    share: Slug
    refused: Words | None = None

    def subject(self) -> str:
        """`notice/<number>`."""
        return f"notice/{self.number}"


class NoticeClosed(Act, frozen=True, tag="notice.closed"):
    """The owner no longer waits for answers that are overdue."""

    number: Number
    reason: Words

    def subject(self) -> str:
        """`notice/<number>`."""
        return f"notice/{self.number}"


NoticeAct = NoticeIssued | NoticeAcknowledged | NoticeClosed

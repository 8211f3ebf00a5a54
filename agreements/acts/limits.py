"""The act of a worker: a limit was reached."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from agreements.acts.parts import Act, Reference

Limit = Literal["events_per_day", "distinct_subjects_per_month"]


class LimitReached(Act, frozen=True, tag="limit.reached"):
    """A worker has stopped at a limit of an agreement that says `suspend`: the agreement is suspended."""

    reference: Reference
    limit: Limit
    period: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}(-[0-9]{2})?\Z")]
    """The day or month, in Europe/London, in which it was reached."""

    def subject(self) -> str:
        """`agreement/<reference>`."""
        return f"agreement/{self.reference}"

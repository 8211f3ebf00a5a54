"""Acts on contracts and on quarantined records."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from agreements.acts.parts import Act, Count, NewSchema, Slug, Words


class ContractPublished(Act, frozen=True, tag="contract.published"):
    """An owner publishes a version of a contract: its text, and the schemas that its records carry."""

    dataset: Slug
    text: Annotated[str, Meta(min_length=1, max_length=500_000)]
    key_schema: Count
    value_schema: Count
    schemas: tuple[NewSchema, ...] = ()

    def subject(self) -> str:
        """`contract/<dataset>`."""
        return f"contract/{self.dataset}"


class QuarantineReplayed(Act, frozen=True, tag="quarantine.replayed"):
    """The dataset's owner has a quarantined source record decided again."""

    topic: Words
    partition: Count
    offset: Count

    def subject(self) -> str:
        """`quarantine/<topic>/<partition>/<offset>`."""
        return f"quarantine/{self.topic}/{self.partition}/{self.offset}"


class QuarantineDiscarded(Act, frozen=True, tag="quarantine.discarded"):
    """The dataset's owner gives a quarantined source record up."""

    topic: Words
    partition: Count
    offset: Count
    reason: Words

    def subject(self) -> str:
        """`quarantine/<topic>/<partition>/<offset>`."""
        return f"quarantine/{self.topic}/{self.partition}/{self.offset}"


ContractAct = ContractPublished | QuarantineReplayed | QuarantineDiscarded

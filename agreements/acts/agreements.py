"""Acts on agreements, in force: submission, signature, suspension."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from agreements.acts.parts import (
    Act,
    Count,
    NewSchema,
    Reference,
    SealedKey,
    ShareView,
    SignatureHex,
    Slug,
    SuspendedField,
    Words,
)


class AgreementSubmitted(Act, frozen=True, tag="agreement.submitted"):
    """A signatory of a party submits an agreement for signature: its canonical text and its clause report."""

    reference: Reference
    document: Annotated[str, Meta(min_length=2, max_length=800_000)]
    clause_report: Annotated[str, Meta(min_length=2, max_length=800_000)]

    def subject(self) -> str:
        """`agreement/<reference>`."""
        return f"agreement/{self.reference}"


class AgreementSigned(Act, frozen=True, tag="agreement.signed"):
    """One signature.  The last one that is needed activates: with every share's view schema, and sealed content keys."""

    reference: Reference
    agreement_version: Count
    statement: Words
    signature: SignatureHex
    view_schemas: dict[str, int] = msgspec.field(default_factory=dict)
    schemas: tuple[NewSchema, ...] = ()
    sealed_keys: tuple[SealedKey, ...] = ()

    def subject(self) -> str:
        """`agreement/<reference>`."""
        return f"agreement/{self.reference}"


class AgreementSuspended(Act, frozen=True, tag="agreement.suspended"):
    """Either party, or the operator, stops an agreement, some of its shares, or single fields.

    Every share where neither `shares` nor `fields` names one.  `only` is what was asked for (`purpose=benefits`), as it was
    resolved then.  Every share of a signed version whose fields change gets the view schema without them, as in activation.
    """

    reference: Reference
    reason: Words
    shares: tuple[Slug, ...] = ()
    fields: tuple[SuspendedField, ...] = ()
    only: tuple[Words, ...] = ()
    views: tuple[ShareView, ...] = ()
    schemas: tuple[NewSchema, ...] = ()

    def subject(self) -> str:
        """`agreement/<reference>`."""
        return f"agreement/{self.reference}"


class AgreementResumed(Act, frozen=True, tag="agreement.resumed"):
    """Whoever ordered suspensions lifts all of its own; with the view schema of every share whose fields change by it."""

    reference: Reference
    views: tuple[ShareView, ...] = ()
    schemas: tuple[NewSchema, ...] = ()

    def subject(self) -> str:
        """`agreement/<reference>`."""
        return f"agreement/{self.reference}"


AgreementAct = AgreementSubmitted | AgreementSigned | AgreementSuspended | AgreementResumed

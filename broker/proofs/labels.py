"""Proofs of the clauses that act on the owner's labels: which fields may leave, and which records may be shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from agreements.model import Agreement, Assessments, Law, Share
from agreements.promises import DataProtectionAssessment
from agreements.shares import Confidence, CriminalOffence, SpecialCategory
from broker.proofs.proof import HOLDS, Proofs, equal, first, withheld
from broker.proofs.world import CONTRACT, ROW, Seen, agreement, deliver, field, share
from contracts.model import Contract, Field, FieldType, TypeName

CATEGORIES = ("suspect", "convicted", "victim", "witness")
CONDITION = SpecialCategory(condition="Schedule 1", policy_document="A document")
ASSESSED = Assessments(
    data_protection=DataProtectionAssessment(
        reference="DPIA-1", outcome="low-residual-risk", decided_on=date(2026, 1, 1)
    )
)


def contract_with(*fields: Field, **changes: Any) -> Contract:
    """The made-up contract with more fields."""
    return replace(CONTRACT, fields=(*CONTRACT.fields, *fields), **changes)


def row_with(**values: Any) -> Mapping[str, Any]:
    """The made-up event with more values."""
    return dict(ROW) | values


def assessed(*shares: Share, **clauses: Any) -> Agreement:
    """An agreement with an impact assessment."""
    return agreement(*shares, assessments=ASSESSED, **clauses)


HEALTH = contract_with(field("health", TypeName.STRING, "special-category:health"))
CONVICTION = contract_with(field("conviction", TypeName.STRING, "criminal-offence"))
EMAIL = contract_with(field("email", TypeName.STRING, "personal", "pole:person.contact.email"))
CATEGORY = contract_with(field("category", TypeName.STRING, "le:subject-category"))
MARKED = contract_with(
    field("child", TypeName.BOOLEAN, "protected:child"),
    Field("objects", FieldType(TypeName.ENUM, symbols=("none", "all")), tags=frozenset({"protected:opt-out"})),
)
ALWAYS = contract_with(field("shielded", TypeName.BOOLEAN, "protected:always"))
MATCHED = contract_with(field("match", TypeName.DOUBLE))


def _never() -> str:
    """A word covers what stands below it, binds the other shares, and a token of the field is still the field."""

    def seen(*shares: Share) -> Seen:
        return deliver(agreement(*shares), contract=EMAIL)

    mail, elsewhere = (
        share({"email": "tokenise"}),
        share(id="other", dataset="elsewhere", never=("pole:person.contact",)),
    )
    own = share({"email": "keep"}, never=("pole:person.contact",))
    near = share({"email": "keep"}, never=("pole:person.cont", "special-category"))
    return first(
        withheld(seen(own), seen(near), "POL-030"),
        withheld(seen(mail, elsewhere), seen(mail), "POL-030"),
        equal(deliver(agreement(share({"email": "drop", "note": "keep"}, never=own.never))).reasons, ("POL-012",)),
        equal(seen(share({"email": "drop", "note": "keep"}, never=own.never)).is_delivered, True),
    )


def _special_category() -> str:
    def seen(said: SpecialCategory | None, treatment: str = "tokenise") -> Seen:
        made = share({"health": treatment, "note": "keep"}, special_category=said)
        return deliver(assessed(made), contract=HEALTH)

    dropped = seen(None, "drop").is_delivered
    return first(withheld(seen(None), seen(CONDITION), "POL-031"), equal(dropped, True))


def _assessment() -> str:
    made = share({"health": "keep"}, special_category=CONDITION)
    return withheld(deliver(agreement(made), contract=HEALTH), deliver(assessed(made), contract=HEALTH), "POL-033")


def _criminal_offence() -> str:
    def seen(said: CriminalOffence | None) -> Seen:
        return deliver(agreement(share({"conviction": "keep"}, criminal_offence=said)), contract=CONVICTION)

    return withheld(seen(None), seen(CriminalOffence(condition="Schedule 1")), "POL-032")


def _subject_categories() -> str:
    """Another category, none, or one that the store did not give: not shared."""
    victims, all_ = share(subject_categories=("victim",)), share(subject_categories=CATEGORIES)

    def seen(one: Share, category: str | None, *unavailable: str) -> Seen:
        row = row_with(category=category)
        return deliver(agreement(one), contract=CATEGORY, row=row, unavailable=unavailable)

    return first(
        withheld(seen(victims, "suspect"), seen(victims, "victim"), "subject-category"),
        withheld(seen(victims, "suspect"), seen(all_, "suspect"), "subject-category"),
        withheld(seen(victims, None), seen(share(), None), "subject-category"),
        withheld(seen(victims, "victim", "category"), seen(share(), "victim", "category"), "subject-category"),
        _named_under_part_3(),
        equal(deliver(agreement(victims)).reasons, ("POL-036",)),
    )


def _named_under_part_3() -> str:
    law = Law(power="An Act", lawful_basis="Section 35", regime="part-3")
    held, row = replace(CATEGORY, regime="part-3"), row_with(category="victim")
    made = [agreement(one, law=law) for one in (share(), share(subject_categories=("victim",)))]
    without, named = (deliver(one, contract=held, row=row) for one in made)
    return withheld(without, named, "POL-036")


def _withhold() -> str:
    """A mark that is set, unknown or not given by the store; the recipient learns neither which nor that it was this."""

    def seen(*words: str, child: bool | None = False, objects: str | None = "none", away: tuple[str, ...] = ()) -> Seen:
        row = row_with(child=child, objects=objects)
        return deliver(agreement(share(withhold=words)), contract=MARKED, row=row, unavailable=away)

    told = seen("protected", child=True).leaf
    return first(
        withheld(seen("protected:child", child=True), seen(child=True), "withheld"),
        withheld(seen("protected:child", child=None), seen(child=None), "withheld"),
        withheld(seen("protected:child", away=("child",)), seen(away=("child",)), "withheld"),
        withheld(seen("protected:opt-out", objects="all"), seen("protected:child", objects="all"), "withheld"),
        equal(seen("protected").is_delivered, True),
        HOLDS if told is not None and "child" not in str(told) else "the mark is told",
        equal(deliver(agreement(share(withhold=("protected:child",)))).reasons, ("POL-037",)),
        _always_protected(),
    )


def _always_protected() -> str:
    """No agreement need say so, and none can say otherwise."""
    shared, marked, unknown = (
        deliver(agreement(), contract=ALWAYS, row=row_with(shielded=mark)) for mark in (False, True, None)
    )
    return first(withheld(marked, shared, "withheld"), withheld(unknown, shared, "withheld"))


def _confidence() -> str:
    def seen(value: float | None, *, at_least: int | None = 60) -> Seen:
        said = None if at_least is None else Confidence(field="match", at_least_percent=at_least)
        return deliver(agreement(share(confidence=said)), contract=MATCHED, row=row_with(match=value))

    return first(
        withheld(seen(0.59), seen(0.6), "confidence"),
        withheld(seen(0.59), seen(0.59, at_least=None), "confidence"),
        withheld(seen(None), seen(None, at_least=None), "confidence"),
        equal(deliver(agreement(share(confidence=Confidence(field="note", at_least_percent=1)))).reasons, ("POL-038",)),
    )


def _handling() -> str:
    marked = replace(CONTRACT, markings=("SENSITIVE", "PERSONAL"))

    def seen(*handling: str) -> Seen:
        return deliver(agreement(share(handling=handling)), contract=marked)

    return withheld(seen("SENSITIVE"), seen("PERSONAL", "SENSITIVE"), "POL-035")


def _regime() -> str:
    held = replace(CONTRACT, regime="part-3")

    def seen(regime: str, cross_regime: str | None = None) -> Seen:
        law = Law.model_validate(
            {"power": "An Act", "lawful_basis": "A basis", "regime": regime, "cross_regime": cross_regime}
        )
        return deliver(agreement(law=law), contract=held)

    return first(
        withheld(seen("uk-gdpr"), seen("part-3"), "POL-034"),
        withheld(seen("uk-gdpr"), seen("uk-gdpr", "A reason"), "POL-034"),
    )


PROOFS: Proofs = {
    "law.regime": _regime,
    "law.cross_regime": _regime,
    "assessments.data_protection": _assessment,
    "shares.handling": _handling,
    "shares.never": _never,
    "shares.special_category": _special_category,
    "shares.criminal_offence": _criminal_offence,
    "shares.subject_categories": _subject_categories,
    "shares.withhold": _withhold,
    "shares.confidence": _confidence,
}

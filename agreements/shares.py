"""The share: the unit of delivery, and the clauses that decide which rows and fields of its dataset may leave.

In an umbrella a share is a ceiling: what the shares under it may say at most (`agreements.umbrella.meet`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from agreements.terms import (
    CaveatReference,
    FieldPath,
    PurposeIdentifier,
    ShareIdentifier,
    Tag,
    Text,
)
from agreements.treatments import Clause, Treatment, read_treatment

Fields = Annotated[dict[FieldPath, Annotated[Treatment, BeforeValidator(read_treatment)]], Field(min_length=1)]
Classification = Literal["OFFICIAL", "SECRET", "TOP SECRET"]


class SpecialCategory(Clause):
    """The condition under which special-category data (UK GDPR Article 9, DPA 2018 section 35(8)) may leave."""

    condition: Text
    """Article 9 (2) and Schedule 1, or the condition for sensitive processing."""
    policy_document: Text
    """The appropriate policy document that the condition needs."""


class CriminalOffence(Clause):
    """The condition under which criminal-offence data (UK GDPR Article 10) may leave."""

    condition: Text
    """Article 10 and Schedule 1."""


class Confidence(Clause):
    """A record leaves only where a number of it, the confidence of a match, is at least so high."""

    field: FieldPath
    """The number, from 0 to 1."""
    at_least_percent: Annotated[int, Field(ge=1, le=100)]
    """Of the number 1, which is certainty: 60 stands for 0.6."""


class Share(Clause):
    """One dataset, one purpose, one recipient, one topic."""

    id: ShareIdentifier
    """Names the share's topic."""
    dataset: ShareIdentifier
    """The dataset that is shared; no other is read."""
    contract: Annotated[int, Field(ge=0, le=2**53 - 1)]
    """The contract's major version."""
    purpose: PurposeIdentifier
    """The one purpose for which the share is delivered."""
    population: Text | None = None
    """Whom the data is about, in words; `rows` is what holds."""
    classification_ceiling: Classification
    """A dataset of a higher classification is not shared."""
    handling: tuple[Text, ...] = ()
    """Markings and handling instructions that the recipient keeps: every marking of the contract is among them."""
    rows: Text | None = None
    """The row filter in the CEL subset; None shares every row."""
    key: Literal["keep", "tokenise"]
    """How the record's key is made: kept where it is not personal, else a pseudonym."""
    fields: Fields
    """Dotted path to treatment; what is not named is dropped (DEFAULT-DENY)."""
    never: tuple[Tag, ...] = ()
    """Words of the common vocabulary: no field that carries one may leave, on any dataset."""
    special_category: SpecialCategory | None = None
    criminal_offence: CriminalOffence | None = None
    subject_categories: tuple[Literal["suspect", "convicted", "victim", "witness"], ...] = ()
    """Law-enforcement categories of people (DPA 2018 section 38): a record of another, or of none, is not shared."""
    withhold: tuple[Tag, ...] = ()
    """Records of people who carry one of these marks (`protected:child`) are not shared, whatever `rows` says."""
    confidence: Confidence | None = None
    never_with: tuple[ShareIdentifier, ...] = ()
    """Datasets that the recipient may not receive beside this one, under any agreement."""
    caveats: tuple[CaveatReference, ...] = ()
    """Known limitations; a share that names some waits until the recipient has acknowledged all that its contract has now."""

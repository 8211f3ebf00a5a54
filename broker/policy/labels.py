"""What the owner's labels forbid a share, and what they ask to be checked on each of its records (pure).

A token, a mask or a coarser value of a labelled field is still that field: only `drop` keeps it back.  The Kafka key counts
among what leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from agreements.model import Agreement, Share
from broker.policy import codes
from broker.policy.plan import CategoryPlan, ConfidencePlan, RecordChecks
from contracts.faults import Code
from contracts.labels import ALWAYS_PROTECTED, CRIMINAL_OFFENCE, SPECIAL_CATEGORY, SUBJECT_CATEGORY, carried, labelled
from contracts.model import Contract, Field, TypeName

_NUMBERS = frozenset({TypeName.INTEGER, TypeName.DOUBLE, TypeName.DECIMAL})
LAW_ENFORCEMENT = "part-3"


class Finding(NamedTuple):
    """A fault of a share, at one of its clauses."""

    code: Code
    clause: str
    message: str


def label_findings(agreement: Agreement, share: Share, clause: str, contract: Contract) -> Iterator[Finding]:
    """Everything that the labels of the contract hold against the share that stands at `clause`."""
    leaving = _leaving(share, contract)
    yield from _never(agreement, clause, leaving)
    yield from _special(agreement, share, clause, leaving)
    yield from _regime(agreement, contract)
    yield from _unhandled(share, clause, contract)
    yield from _unknown(agreement, share, clause, contract)


def record_checks(share: Share, clause: str, contract: Contract) -> RecordChecks:
    """The checks on each record.  Marks that no agreement can set aside are among them, whatever the share says."""
    marks = {path for word in (*share.withhold, ALWAYS_PROTECTED) for path in labelled(contract, word)}
    category = confidence = None
    if share.subject_categories:
        (path,) = labelled(contract, SUBJECT_CATEGORY)[:1] or ("",)
        category = CategoryPlan(path, f"{clause}.subject_categories", tuple(sorted(set(share.subject_categories))))
    if share.confidence is not None:
        said = share.confidence
        confidence = ConfidencePlan(said.field, f"{clause}.confidence", said.at_least_percent)
    return RecordChecks(tuple(path for path, _ in contract.leaves() if path in marks), category, confidence)


def _leaving(share: Share, contract: Contract) -> Mapping[str, Field]:
    """The fields of which anything leaves, in whatever form, by their paths."""
    named = [path for path, treatment in share.fields.items() if treatment.action != "drop"]
    found = {path: contract.field(path) for path in (*named, *contract.key)}
    return {path: field for path, field in found.items() if field is not None}


def _never(agreement: Agreement, clause: str, leaving: Mapping[str, Field]) -> Iterator[Finding]:
    """What one share rules out, it rules out for the whole agreement."""
    ruled_out = [
        (word, f"shares[{index}].never[{number}]")
        for index, share in enumerate(agreement.shares)
        for number, word in enumerate(share.never)
    ]
    for path, field in leaving.items():
        for word, source in ruled_out:
            if tags := carried(word, field):
                message = f"is tagged {', '.join(tags)}, and {source} says that no {word} may leave"
                yield Finding(codes.NEVER, f"{clause}.fields.{path}", message)


def _special(agreement: Agreement, share: Share, clause: str, leaving: Mapping[str, Field]) -> Iterator[Finding]:
    for path, field in leaving.items():
        where = f"{clause}.fields.{path}"
        if carried(SPECIAL_CATEGORY, field):
            if share.special_category is None:
                message = f"is special-category data, and {clause}.special_category states no condition for it"
                yield Finding(codes.SPECIAL_CATEGORY, where, message)
            if agreement.assessments.data_protection is None:
                message = "is special-category data, and assessments.data_protection is missing"
                yield Finding(codes.ASSESSMENT, where, message)
        if carried(CRIMINAL_OFFENCE, field) and share.criminal_offence is None:
            message = f"is criminal-offence data, and {clause}.criminal_offence states no condition for it"
            yield Finding(codes.CRIMINAL_OFFENCE, where, message)


def _regime(agreement: Agreement, contract: Contract) -> Iterator[Finding]:
    law = agreement.law
    if contract.regime != law.regime and law.cross_regime is None:
        message = f"{contract.dataset} is held under {contract.regime}, the agreement is one of {law.regime}"
        yield Finding(codes.REGIME, "law.regime", message)


def _unhandled(share: Share, clause: str, contract: Contract) -> Iterator[Finding]:
    missing = [marking for marking in contract.markings if marking not in share.handling]
    if missing:
        yield Finding(codes.HANDLING, f"{clause}.handling", f"{contract.dataset} is marked {', '.join(missing)}")


def _unknown(agreement: Agreement, share: Share, clause: str, contract: Contract) -> Iterator[Finding]:
    """A check that would find nothing to look at, and one that is missing."""
    for number, word in enumerate(share.withhold):
        if not labelled(contract, word):
            message = f"no field of {contract.dataset} is tagged {word}: nothing would be withheld"
            yield Finding(codes.WITHHOLD, f"{clause}.withhold[{number}]", message)
    has_category, where = bool(labelled(contract, SUBJECT_CATEGORY)), f"{clause}.subject_categories"
    if share.subject_categories and not has_category:
        yield Finding(codes.CATEGORY, where, f"no field of {contract.dataset} is tagged {SUBJECT_CATEGORY}")
    if has_category and not share.subject_categories and agreement.law.regime == LAW_ENFORCEMENT:
        message = f"{contract.dataset} says whom a record is about; an agreement under part 3 names the categories"
        yield Finding(codes.CATEGORY, where, message)
    if share.confidence is not None:
        field = contract.field(share.confidence.field)
        if field is None or field.type.name not in _NUMBERS:
            message = f"{share.confidence.field} is no number of {contract.dataset}"
            yield Finding(codes.CONFIDENCE, f"{clause}.confidence", message)

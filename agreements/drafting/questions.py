"""Drafting by question and answer: which clauses are asked for, and the draft that the answers make."""

from __future__ import annotations

from typing import NamedTuple

from agreements.drafting.editing import edited, value_text
from agreements.drafting.templates import meaning_of
from contracts.faults import Faults


class Question(NamedTuple):
    """One clause to ask for."""

    clause: str
    words: str


QUESTIONS = (
    Question("reference", "Reference"),
    Question("title", "Title"),
    Question("under.reference", "The umbrella's reference"),
    Question("under.version", "Its version"),
    Question("under.hash", "Its content hash"),
    Question("parties[0].organisation", "Who provides"),
    Question("parties[0].signs", "Which of its offices sign"),
    Question("parties[1].organisation", "Who receives"),
    Question("parties[1].signs", "Which of its offices sign"),
    Question("parties[1].hosting", "Where the recipient keeps the data"),
    Question("purposes.permitted", "Which purposes are permitted"),
    Question("purposes.prohibited", "Which purposes are prohibited"),
    Question("law.power", "Power to share"),
    Question("law.lawful_basis", "Lawful basis"),
    Question("law.regime", "Regime"),
    Question("justification.benefits", "Benefits"),
    Question("justification.necessity", "Necessity"),
    Question("justification.proportionality", "Proportionality"),
    Question("assessments.data_protection.reference", "Data-protection impact assessment"),
    Question("assessments.data_protection.outcome", "Its outcome"),
    Question("assessments.data_protection.decided_on", "Decided on"),
    Question("exceptional.threat", "Who is in danger, and of what"),
    Question("exceptional.review_by", "Reviewed again by"),
    Question("shares[0].id", "Name of the share"),
    Question("shares[0].dataset", "Dataset"),
    Question("shares[0].contract", "Major version of its contract"),
    Question("shares[0].purpose", "Purpose"),
    Question("shares[0].rows", "Which rows"),
    Question("shares[0].key", "Key"),
    Question("shares[0].fields", "Which fields leave, and how: { field: treatment, … }"),
    Question("dates.start", "First day"),
    Question("dates.end", "Last day"),
    Question("dates.review", "Day of the review"),
    Question("delivery.retention", "How long records stay on the topic"),
    Question("after_delivery.retention", "How long the recipient keeps the data"),
    Question("transparency.privacy_notice", "Privacy notice"),
    Question("breach.contact", "Who is told of a breach"),
)
"""In the order of the text; one that a template does not have is not asked."""


class Draft:
    """A text under way; every answer that it takes leaves the answered clause without a fault of form."""

    def __init__(self, text: str) -> None:
        self.text = text

    def shown(self, clause: str) -> str | None:
        """What stands in a clause now, on one line; None where the draft does not have it."""
        return value_text(self.text, clause)

    def answer(self, clause: str, given: str) -> str | None:
        """Take an answer; gives what is wrong with it where it cannot be taken."""
        if given == self.shown(clause):
            return None
        found = edited(self.text, clause, given)
        if isinstance(found, Faults):
            return "; ".join(fault.message for fault in found.items)
        self.text = found
        return None

    @staticmethod
    def guidance(clause: str) -> str:
        """What a clause means, in the model's words."""
        return meaning_of(clause)

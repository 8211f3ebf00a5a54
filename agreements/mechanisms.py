"""What makes each clause hold: its class, the mechanism, and the test that shows it (NOTHING-UNENFORCED).

A clause that is not in `MECHANISMS`, or stands there as `UNENFORCED`, keeps its agreement from being submitted.  An *enforced*
clause is entered in the change that brings its mechanism; `broker.proofs` proves the mechanism again, on an event
 that it refuses and that would be delivered without it, before every submission and activation.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class ClauseClass(StrEnum):
    """What makes a clause hold."""

    ENFORCED = "enforced"
    """On every event."""
    PARTLY = "partly"
    """The broker's side on every event; the rest is a party's promise."""
    GATE = "gate"
    """The agreement cannot come into force without it."""
    ATTESTED = "attested"
    """A party's promise, in the signed text."""
    UNENFORCED = "unenforced"
    """By nothing: the agreement cannot be submitted."""


class Mechanism(NamedTuple):
    """What makes one clause hold, in a sentence, and the test that shows it (`tests/….py::test_…`)."""

    clause_class: ClauseClass
    sentence: str
    shown_by: str


_E, _P, _G, _A, _U = ClauseClass
_FOLD = "tests/unit/agreements/test_fold.py"
_FAULTY = "tests/unit/agreements/test_faulty_documents.py"
_LIFE = "tests/unit/agreements/test_lifecycle.py"
_COMPILE = "tests/unit/test_compile.py"
_LABELS = "tests/unit/test_labels.py"
_TWIN = "tests/properties/test_record_checks.py"
_UNDER = "tests/unit/agreements/test_under.py"
_ENGINE = "tests/unit/test_reference_engine.py"
_UNDERTAKINGS = "tests/unit/agreements/test_undertakings.py"
_CASES = "tests/integration/test_cases.py"
_NOTICES = "tests/unit/agreements/test_notices.py"
_COUNTERS = "tests/unit/delivery/test_counters.py"
_WINDOWS = "tests/unit/agreements/test_windows.py"


def _said(sentence: str = "a party's promise, in the signed text") -> Mechanism:
    return Mechanism(_A, sentence, f"{_FAULTY}::test_every_clause_is_in_one_class")


def _missing(sentence: str) -> Mechanism:
    return Mechanism(_U, sentence, "")


_NOT_YET = "nothing acts on it yet"
_TOLD = "whoever was ever delivered the record is told, and the case is open until it has answered; what it does is its promise"
MECHANISMS: Mapping[str, Mechanism] = MappingProxyType(
    {
        "concordat": Mechanism(
            _G, "names the form; another form is refused", f"{_FAULTY}::test_a_fault_of_form_is_named_with_its_place"
        ),
        "reference": Mechanism(
            _E, "cited by every decision, with version and content hash", "tests/unit/audit/test_segment.py"
        ),
        "version": Mechanism(_E, "cited by every decision", "tests/unit/audit/test_segment.py"),
        "kind": Mechanism(_G, "only a DSA is delivered under; the others bound the agreements under them", _UNDER),
        "title": _said(),
        "change": _said(),
        "under": Mechanism(_E, "what is delivered is what both permit; a stopped umbrella stops it", _UNDER),
        "parties.organisation": Mechanism(
            _E, "only the recipient's Kafka user may read a share's topic", "tests/integration/test_department.py"
        ),
        "parties.side": Mechanism(_E, "shares flow from the provider's datasets to the recipient's topics", _COMPILE),
        "parties.role": _said(),
        "parties.signs": Mechanism(_G, "every office named has signed", _FOLD),
        "parties.contacts": _said(),
        "parties.processors": Mechanism(
            _P,
            "nobody but the recipient's Kafka user may read; what a processor does is the party's promise",
            "tests/integration/test_department.py",
        ),
        "parties.access": _said(),
        "parties.hosting": Mechanism(
            _G, "among the countries of `geography`, where that is agreed", "tests/unit/agreements/test_combination.py"
        ),
        "purposes.permitted": Mechanism(
            _P, "no share here or under it has another purpose; use by the recipient is its promise", _FAULTY
        ),
        "purposes.prohibited": Mechanism(
            _P, "no share may have such a purpose; use by the recipient is its promise", _FAULTY
        ),
        "law.power": Mechanism(
            _G, "a key of every agreement; the legal review accepts it", f"{_LIFE}::test_three_tracks"
        ),
        "law.gateway": _said(),
        "law.lawful_basis": Mechanism(
            _G, "a key of every agreement; the legal review accepts it", f"{_LIFE}::test_three_tracks"
        ),
        "law.regime": Mechanism(
            _E,
            "a dataset held under another regime compiles only with `cross_regime`",
            f"{_LABELS}::test_another_regime",
        ),
        "law.cross_regime": Mechanism(
            _E, "a dataset held under another regime compiles only with it", f"{_LABELS}::test_another_regime"
        ),
        "law.binding": _said(),
        "justification": Mechanism(
            _G,
            "the legal review accepts no agreement without benefits, necessity and proportionality",
            f"{_LIFE}::test_gates",
        ),
        "assessments.data_protection": Mechanism(
            _G,
            "the data-protection review accepts no agreement without one, nor a high residual risk without `consultation`; no"
            " special-category field leaves without one",
            f"{_LIFE}::test_gates",
        ),
        "assessments.public_interest": _said(),
        "exceptional": Mechanism(
            _P,
            "two offices of the provider, 14 days at most, and nothing flows afterwards; its review is shown until it is made",
            f"{_LIFE}::test_an_exceptional_disclosure",
        ),
        "shares.id": Mechanism(_E, "one topic for each share", "tests/unit/cluster/test_plan.py"),
        "shares.dataset": Mechanism(_E, "no other dataset is read for the share", "tests/unit/delivery/test_routes.py"),
        "shares.contract": Mechanism(_E, "records of another major version are not shared", _ENGINE),
        "shares.purpose": Mechanism(
            _P, "cited by every decision; use by the recipient is its promise", "tests/unit/audit/test_segment.py"
        ),
        "shares.population": _said(),
        "shares.classification_ceiling": Mechanism(_E, "a contract above the ceiling does not compile", _COMPILE),
        "shares.handling": Mechanism(
            _P,
            "every marking of the contract is among them; what the recipient does is its promise",
            f"{_LABELS}::test_markings",
        ),
        "shares.rows": Mechanism(_E, "row filter on every record; an error is not shared", _ENGINE),
        "shares.key": Mechanism(_E, "every key is treated", _ENGINE),
        "shares.fields": Mechanism(_E, "what is not named is dropped; each field's treatment on every record", _ENGINE),
        "shares.never": Mechanism(
            _E, "a field with such a label does not compile, in any share", f"{_LABELS}::test_never"
        ),
        "shares.special_category": Mechanism(
            _E, "no such field compiles without it", f"{_LABELS}::test_special_and_criminal_data"
        ),
        "shares.criminal_offence": Mechanism(
            _E, "no such field compiles without it", f"{_LABELS}::test_special_and_criminal_data"
        ),
        "shares.subject_categories": Mechanism(
            _E,
            "records of another category, or of none, are not shared",
            f"{_TWIN}::test_records_are_checked_as_the_twin_does",
        ),
        "shares.withhold": Mechanism(
            _E,
            "records with a mark that is set or unknown are not shared",
            f"{_TWIN}::test_records_are_checked_as_the_twin_does",
        ),
        "shares.confidence": Mechanism(
            _E,
            "records below it, or without a number, are not shared",
            f"{_TWIN}::test_records_are_checked_as_the_twin_does",
        ),
        "shares.never_with": Mechanism(
            _E,
            "refused beside such a dataset; what was approved later stops",
            "tests/unit/agreements/test_combination.py",
        ),
        "shares.caveats": Mechanism(
            _E,
            "nothing is delivered until the recipient has acknowledged the caveats that the contract has now",
            f"{_UNDERTAKINGS}::test_a_new_version_of_a_caveat_stops_a_share_until_the_recipient_has_acknowledged_it",
        ),
        "limits.events_per_day": Mechanism(
            _E,
            "deliveries of a day counted in the transactions that make them; beyond the limit none is made",
            f"{_COUNTERS}::test_no_more_is_delivered_than_a_limit_allows",
        ),
        "limits.distinct_subjects_per_month": Mechanism(
            _E,
            "different people of a month counted exactly below 10,000, above by a sketch; beyond the limit nothing is delivered",
            f"{_COUNTERS}::test_a_person_counts_once_a_month_however_often_and_wherever",
        ),
        "limits.when_reached": Mechanism(
            _E,
            "beyond a limit records are held or denied until the period is over, or a worker suspends the agreement",
            f"{_COUNTERS}::test_what_is_beyond_a_limit_becomes_what_the_agreement_says",
        ),
        "limits.look_back": Mechanism(_E, "event time at delivery", _ENGINE),
        "dates.start": Mechanism(_E, "nothing flows before", _FOLD),
        "dates.end": Mechanism(_E, "nothing flows after", _FOLD),
        "dates.review": _said("in the signed text; `review` says what happens when the day passes"),
        "delivery.retention": Mechanism(
            _P,
            "the topic's retention for events; an entity's topic keeps the newest view of each key",
            "tests/unit/cluster/test_plan.py",
        ),
        "delivery.cloudevents_headers": Mechanism(
            _E,
            "every record of its shares has them, and none holds personal data",
            "tests/unit/test_headers.py",
        ),
        "delivery.embargo": Mechanism(
            _E,
            "every change is held, and released in order once the embargo is over",
            "tests/integration/delivery/test_worker.py::test_under_an_embargo_records_come_late_and_in_order",
        ),
        "delivery.window": Mechanism(
            _E,
            "records are held outside the hours and released in them",
            f"{_WINDOWS}::test_outside_its_window_a_share_is_held_whatever_a_suspension_does",
        ),
        "delivery.when_suspended": Mechanism(_E, "records are held or dropped while suspended", _ENGINE),
        "geography": Mechanism(
            _G, "the recipient's `hosting` is one of its countries", "tests/unit/agreements/test_combination.py"
        ),
        "security": Mechanism(_A, "a party's promise; the security review reads it", f"{_LIFE}::test_three_tracks"),
        "attestations": Mechanism(
            _E,
            "nothing is delivered before the first one, nor while one is overdue beyond its grace",
            f"{_UNDERTAKINGS}::test_an_attestation_stops_before_the_first_and_when_it_is_overdue",
        ),
        "after_delivery.retention": _said(),
        "after_delivery.destruction": Mechanism(
            _A,
            "a party's promise; the agreement is closing until the recipient certifies it, or both sides agree to an exception",
            f"{_LIFE}::test_closing",
        ),
        "after_delivery.onward_disclosure": _said(),
        "after_delivery.onward_recipients": _said(),
        "after_delivery.corrections": Mechanism(
            _P,
            _TOLD,
            f"{_CASES}::test_a_caveat_stops_delivery_and_a_correction_reaches_whoever_was_delivered_the_record",
        ),
        "after_delivery.erasures": Mechanism(
            _P, _TOLD, f"{_NOTICES}::test_an_ended_agreement_is_told_and_answers_as_it_promised"
        ),
        "after_delivery.identity_changes": Mechanism(
            _P, _TOLD, f"{_NOTICES}::test_each_kind_is_answered_within_its_own_clause"
        ),
        "after_delivery.adverse_decision_needs_second_source": _said(),
        "after_delivery.no_solely_automated_decision": _said(),
        "subject_access": _said(),
        "transparency": Mechanism(
            _G,
            "under uk-gdpr the data-protection review accepts no agreement without a privacy notice",
            f"{_LIFE}::test_gates",
        ),
        "breach": _said(),
        "audit": _said(),
        "returns": _said(),
        "costs": _said(),
        "disputes": _said(),
        "liability": _said(),
        "variation": _said(),
        "review": Mechanism(
            _E,
            "a review that is overdue beyond its grace stops the agreement, or is only shown, as the clause says",
            f"{_UNDERTAKINGS}::test_an_overdue_review_stops_the_agreement_where_it_says_so",
        ),
        "termination": Mechanism(
            _P,
            "an ordinary end respects the notice, and nothing flows after it; its consequences are promises",
            f"{_LIFE}::test_notice",
        ),
    }
)
"""Clause name, without the numbers of list items, to what makes it hold.  A name also covers what stands under it."""

"""An agreement under an umbrella: every clause that widens is refused by name, and what is silent is filled from above."""

from __future__ import annotations

import re
from functools import cache

import pytest
from pydantic import BaseModel

from agreements import text
from agreements.clauses import clause_report
from agreements.durations import Duration
from agreements.model import Agreement
from agreements.umbrella.clauses import OPERATORS, clause
from agreements.umbrella.meet import Effective, ceilings_of, flatten, meet
from contracts.faults import Faults

UMBRELLA = """\
concordat: agreement/1
reference: UMOU-2025-002
version: 3
kind: umbrella-mou
title: Border data between departments
parties:
  - organisation: home-office
    side: provider
    role: controller
    signs: [Owner]
  - organisation: work-and-pensions
    side: recipient
    role: controller
    signs: [Owner]
    processors:
      - { organisation: cloudy, task: hosting, until: 2028-12-31 }
  - organisation: revenue
    side: recipient
    role: controller
    signs: [Owner]
purposes:
  permitted: [benefits, tax.collection]
  prohibited: [benefits.profiling]
law:
  power: An Act
  lawful_basis: Article 6(1)(e)
  regime: uk-gdpr
shares:
  - id: crossings
    dataset: border-crossings
    contract: 1
    purpose: benefits.entitlement
    classification_ceiling: OFFICIAL
    handling: [For the eyes of caseworkers]
    rows: direction == "outbound" || port == "LHR"
    key: tokenise
    fields:
      crossing_id: tokenise
      direction: keep
      crossed_at: { generalise: day }
      officer_note: { truncate: 10 }
      postcode: { generalise: district }
      age: { generalise: { band: 5 } }
      passport: { mask: { keep_last: 4 } }
    never: [special-category]
    subject_categories: [suspect, witness]
    withhold: [protected:child]
    confidence: { field: match_confidence, at_least_percent: 60 }
    never_with: [tax-returns]
    caveats: [return-leg-may-be-missing@2]
  - id: travellers
    dataset: travellers
    contract: 2
    purpose: benefits
    classification_ceiling: SECRET
    key: keep
    fields: { name: keep }
limits:
  events_per_day: 1000
  distinct_subjects_per_month: 500
  when_reached: deny
  look_back: P90D
dates: { start: 2026-01-01, end: 2028-12-31, review: 2027-06-01 }
delivery:
  retention: P30D
  embargo: PT1H
  window: { opens: "08:00", closes: "18:00", days: [monday, tuesday] }
geography: { countries: [GB, IE] }
attestations:
  - { id: training, by: work-and-pensions, subject: Training, every: P365D, grace: P10D }
  - { id: vetting, by: revenue, subject: Vetting, every: P365D }
after_delivery:
  retention: P1Y
  destruction: certificate
  onward_disclosure: with-consent
  onward_recipients: [police]
  corrections: { acknowledge_within: P5D }
  no_solely_automated_decision: true
subject_access: { answered_by: home-office, within: P1M }
breach: { notify_within: P1D, contact: desk@example.gov.uk }
audit: { right: Once a year, log_retention: P6Y }
returns: [{ subject: Uses, every: P3M }]
disputes: To the permanent secretaries
review: { reminders: [P90D], overdue: suspend, grace: P30D }
"""
AGREEMENT = """\
concordat: agreement/1
reference: DSA-2026-014
version: 1
kind: dsa
title: Departures
under: { reference: UMOU-2025-002, version: 3, hash: "sha256:0000000000000000000000000000000000000000000000000000000000000000" }
parties:
  - organisation: home-office
    side: provider
    role: controller
    signs: [Owner]
  - organisation: work-and-pensions
    side: recipient
    role: controller
    signs: [Owner]
    hosting: GB
purposes:
  permitted: [benefits.entitlement]
law:
  power: Another Act
  lawful_basis: Article 6(1)(e)
  regime: uk-gdpr
shares:
  - id: departures
    dataset: border-crossings
    contract: 1
    purpose: benefits.entitlement.residence
    classification_ceiling: OFFICIAL
    rows: direction == "outbound"
    key: tokenise
    fields:
      crossing_id: tokenise
      crossed_at: { generalise: year }
      officer_note: drop
      unheard_of: drop
      age: { generalise: { band: 10 } }
limits:
  events_per_day: 500
dates: { start: 2025-12-01, end: 2027-12-31 }
delivery:
  retention: P7D
"""


_places = cache(text.places)


@cache
def _read(document: str) -> Agreement:
    found = text.parse(document)
    assert isinstance(found, Agreement), str(found)
    return found


def _meet(agreement: str, umbrella: str = UMBRELLA) -> Effective | Faults:
    places = {"places": _places(agreement), "umbrella_places": _places(umbrella)}
    return meet(_read(umbrella), _read(agreement), **places)


def _effective(agreement: str = AGREEMENT) -> Agreement:
    found = _meet(agreement)
    assert isinstance(found, Effective), str(found)
    return found.agreement


def test_what_the_agreement_does_not_say_comes_from_the_umbrella():
    found = _effective()
    share = found.shares[0]
    assert share.rows == '(direction == "outbound" || port == "LHR") && (direction == "outbound")'
    assert list(share.fields) == ["crossing_id", "crossed_at", "officer_note", "unheard_of", "age"]
    assert (share.never, share.withhold, share.never_with) == (
        ("special-category",),
        ("protected:child",),
        ("tax-returns",),
    )
    assert (share.handling, share.caveats) == (("For the eyes of caseworkers",), ("return-leg-may-be-missing@2",))
    assert share.subject_categories == ("suspect", "witness")
    assert share.confidence is not None
    assert share.confidence.at_least_percent == 60
    assert (found.limits.events_per_day, found.limits.distinct_subjects_per_month) == (500, 500)
    assert found.limits.look_back is not None
    assert found.limits.look_back.days == 90
    assert str(found.dates.start) == "2026-01-01"
    assert str(found.dates.end) == "2027-12-31"
    assert str(found.dates.review) == "2027-06-01"
    assert found.delivery.window is not None
    assert found.purposes.prohibited == ("benefits.profiling",)
    assert [attestation.id for attestation in found.attestations] == ["training"]
    assert found.law.power == "Another Act\n\nUnder UMOU-2025-002 version 3: An Act"
    assert found.after_delivery.onward_disclosure == "never"
    assert found.after_delivery.onward_recipients == ()
    assert found.after_delivery.no_solely_automated_decision
    assert (found.breach, found.audit, found.review) == tuple(
        getattr(_read(UMBRELLA), name) for name in ("breach", "audit", "review")
    )


def test_every_effective_clause_says_where_it_comes_from():
    effective = _meet(AGREEMENT)
    assert isinstance(effective, Effective)
    origins = {line.clause: effective.origin(line.clause) for line in clause_report(effective.agreement)}
    assert origins["shares[0].rows"] == ("shares[0].rows", "shares[0].rows")
    assert origins["limits.look_back"] == ("limits.look_back", None)
    assert origins["limits.events_per_day"] == (None, "limits.events_per_day")
    assert origins["delivery.retention"] == (None, "delivery.retention")
    assert origins["breach"] == ("breach", None)
    assert origins["dates.end"] == (None, "dates.end")
    assert origins["dates.start"] == ("dates.start", None)
    said = text.places(AGREEMENT)
    defaults = ("delivery.when_suspended", "limits.when_reached", "after_delivery.onward_disclosure")
    for clause_path, origin in origins.items():
        assert origin != (None, None), clause_path
        if origin.agreement is not None and origin.umbrella is None and clause_path not in defaults:
            assert any(path == origin.agreement or path.startswith(origin.agreement) for path in said), clause_path


def test_flattened_it_stands_alone():
    effective = _meet(AGREEMENT)
    assert isinstance(effective, Effective)
    alone = flatten(effective)
    assert alone.under is None
    assert text.parse(text.render(alone)) == alone
    assert alone.model_copy(update={"under": effective.agreement.under}) == effective.agreement


WIDENINGS = [
    # (what stands in the agreement, what stands there instead, its clause, the umbrella's clause)
    ("work-and-pensions", "education", "parties[1].organisation", "parties"),
    ("    hosting: GB", "    hosting: US", "parties[1].hosting", "geography.countries"),
    (
        "    hosting: GB",
        "    processors: [{ organisation: elsewhere, task: hosting }]",
        "parties[1].processors",
        "parties[1].processors",
    ),
    (
        "    hosting: GB",
        "    processors: [{ organisation: cloudy, task: hosting, until: 2029-01-01 }]",
        "parties[1].processors[0].until",
        "parties[1].processors[0].until",
    ),
    ("permitted: [benefits.entitlement]", "permitted: [housing]", "purposes.permitted[0]", "purposes.permitted"),
    ("regime: uk-gdpr", "regime: part-3", "law.regime", "law.regime"),
    ("regime: uk-gdpr", "regime: uk-gdpr\n  cross_regime: Because", "law.cross_regime", "law"),
    ("dataset: border-crossings", "dataset: visas", "shares[0].dataset", "shares"),
    ("contract: 1", "contract: 2", "shares[0].contract", "shares[0].contract"),
    ("benefits.entitlement.residence", "benefits.fraud", "shares[0].purpose", "shares[0].purpose"),
    ("benefits.entitlement.residence", "benefits.profiling.age", "shares[0].purpose", "purposes.prohibited[0]"),
    ("benefits.entitlement.residence", "housing", "shares[0].purpose", "purposes.permitted"),
    (
        "classification_ceiling: OFFICIAL",
        "classification_ceiling: SECRET",
        "shares[0].classification_ceiling",
        "shares[0].classification_ceiling",
    ),
    ("key: tokenise\n", "key: keep\n", "shares[0].key", "shares[0].key"),
    ("crossing_id: tokenise", "crossing_id: keep", "shares[0].fields.crossing_id", "shares[0].fields.crossing_id"),
    ("crossing_id: tokenise", "crossing_id: encrypt", "shares[0].fields.crossing_id", "shares[0].fields.crossing_id"),
    ("crossing_id: tokenise", "crossing_id: mask", "shares[0].fields.crossing_id", "shares[0].fields.crossing_id"),
    ("{ generalise: year }", "{ generalise: hour }", "shares[0].fields.crossed_at", "shares[0].fields.crossed_at"),
    ("{ band: 10 }", "{ band: 12 }", "shares[0].fields.age", "shares[0].fields.age"),
    (
        "officer_note: drop",
        "officer_note: { truncate: 11 }",
        "shares[0].fields.officer_note",
        "shares[0].fields.officer_note",
    ),
    ("unheard_of: drop", "unheard_of: mask", "shares[0].fields.unheard_of", "shares[0].fields"),
    (
        "unheard_of: drop",
        "passport: { mask: { keep_last: 5 } }",
        "shares[0].fields.passport",
        "shares[0].fields.passport",
    ),
    ("unheard_of: drop", "postcode: { truncate: 2 }", "shares[0].fields.postcode", "shares[0].fields.postcode"),
    (
        "limits:",
        "    special_category: { condition: X, policy_document: Z }\nlimits:",
        "shares[0].special_category",
        "shares[0]",
    ),
    ("limits:", "    criminal_offence: { condition: X }\nlimits:", "shares[0].criminal_offence", "shares[0]"),
    (
        "limits:",
        "    subject_categories: [victim]\nlimits:",
        "shares[0].subject_categories",
        "shares[0].subject_categories",
    ),
    (
        "limits:",
        "    confidence: { field: match_confidence, at_least_percent: 59 }\nlimits:",
        "shares[0].confidence.at_least_percent",
        "shares[0].confidence.at_least_percent",
    ),
    (
        "limits:",
        "    confidence: { field: other, at_least_percent: 60 }\nlimits:",
        "shares[0].confidence.field",
        "shares[0].confidence.field",
    ),
    ("limits:", "    caveats: [return-leg-may-be-missing@1]\nlimits:", "shares[0].caveats[0]", "shares[0].caveats[0]"),
    ("events_per_day: 500", "events_per_day: 1001", "limits.events_per_day", "limits.events_per_day"),
    (
        "events_per_day: 500",
        "distinct_subjects_per_month: 501",
        "limits.distinct_subjects_per_month",
        "limits.distinct_subjects_per_month",
    ),
    ("events_per_day: 500", "look_back: P91D", "limits.look_back", "limits.look_back"),
    ("events_per_day: 500", "when_reached: hold", "limits.when_reached", "limits.when_reached"),
    ("end: 2027-12-31", "end: 2029-01-01", "dates.end", "dates.end"),
    ("retention: P7D", "retention: P31D", "delivery.retention", "delivery.retention"),
    ("retention: P7D", "embargo: PT30M", "delivery.embargo", "delivery.embargo"),
    ("retention: P7D", 'window: { opens: "07:59", closes: "12:00" }', "delivery.window", "delivery.window"),
    ("retention: P7D", 'window: { opens: "09:00", closes: "00:30" }', "delivery.window", "delivery.window"),
    (
        "retention: P7D",
        'window: { opens: "09:00", closes: "12:00", days: [sunday] }',
        "delivery.window.days",
        "delivery.window.days",
    ),
    ("delivery:", "geography: { countries: [GB, US] }\ndelivery:", "geography.countries", "geography.countries"),
    (
        "delivery:",
        "attestations: [{ id: training, by: work-and-pensions, subject: T, every: P366D }]\ndelivery:",
        "attestations[0].every",
        "attestations[0].every",
    ),
    (
        "delivery:",
        "attestations: [{ id: training, by: work-and-pensions, subject: T, every: P30D, grace: P11D }]\ndelivery:",
        "attestations[0].grace",
        "attestations[0].grace",
    ),
    (
        "delivery:",
        "after_delivery: { retention: P1Y1D }\ndelivery:",
        "after_delivery.retention",
        "after_delivery.retention",
    ),
    (
        "delivery:",
        "after_delivery: { destruction: none }\ndelivery:",
        "after_delivery.destruction",
        "after_delivery.destruction",
    ),
    (
        "delivery:",
        "after_delivery: { onward_disclosure: listed }\ndelivery:",
        "after_delivery.onward_disclosure",
        "after_delivery.onward_disclosure",
    ),
    (
        "delivery:",
        "after_delivery: { onward_disclosure: with-consent, onward_recipients: [press] }\ndelivery:",
        "after_delivery.onward_recipients",
        "after_delivery.onward_recipients",
    ),
    (
        "delivery:",
        "after_delivery: { corrections: { acknowledge_within: P6D } }\ndelivery:",
        "after_delivery.corrections.acknowledge_within",
        "after_delivery.corrections.acknowledge_within",
    ),
    (
        "delivery:",
        "subject_access: { answered_by: home-office, within: P2M }\ndelivery:",
        "subject_access.within",
        "subject_access.within",
    ),
    (
        "delivery:",
        "breach: { notify_within: P1DT1H, contact: me }\ndelivery:",
        "breach.notify_within",
        "breach.notify_within",
    ),
    ("delivery:", "audit: { log_retention: P5Y }\ndelivery:", "audit.log_retention", "audit.log_retention"),
    ("delivery:", "returns: [{ subject: Uses, every: P4M }]\ndelivery:", "returns[0].every", "returns[0].every"),
    ("delivery:", "review: { overdue: warn }\ndelivery:", "review.overdue", "review.overdue"),
    ("delivery:", "review: { overdue: suspend, grace: P31D }\ndelivery:", "review.grace", "review.grace"),
]


@pytest.mark.parametrize(
    ("before", "after", "own", "above"), WIDENINGS, ids=[f"{w[2]}: {w[1][:40]}" for w in WIDENINGS]
)
def test_widening_is_refused_by_the_names_and_places_of_both_clauses(before, after, own, above):
    assert AGREEMENT.count(before) >= 1
    widened = AGREEMENT.replace(before, after, 1)
    found = _meet(widened)
    assert isinstance(found, Faults)
    fault = next(fault for fault in found.items if f"`{own}` says" in fault.message and f"`{above}`" in fault.message)
    assert fault.code.identifier == "AGR-042"
    own_places, above_places = _places(widened), _places(UMBRELLA)
    assert (fault.line, fault.column) == own_places[own]
    cited = re.search(r"\(line (\d+), column (\d+) of its text\)", fault.message)
    assert cited is not None
    assert (int(cited[1]), int(cited[2])) == above_places[above]


NARROWER = [
    ("hosting: GB", "hosting: IE"),
    ("{ generalise: year }", "{ generalise: month }"),
    ("unheard_of: drop", "passport: mask"),
    ("unheard_of: drop", "officer_note2: drop"),
    ("limits:", "    subject_categories: [witness]\nlimits:"),
    ("limits:", "    caveats: [return-leg-may-be-missing@3, other@1]\nlimits:"),
    ("events_per_day: 500", "look_back: P90D"),
    ("retention: P7D", 'window: { opens: "08:00", closes: "12:00", days: [monday] }'),
    ("retention: P7D", "embargo: P1D"),
    ("delivery:", "after_delivery: { retention: P360D, destruction: certificate }\ndelivery:"),
    ("delivery:", "after_delivery: { onward_disclosure: with-consent, onward_recipients: [police] }\ndelivery:"),
    ("delivery:", "attestations: [{ id: own, by: home-office, subject: O, every: P999D }]\ndelivery:"),
    ("delivery:", "audit: { log_retention: P7Y }\nreview: { overdue: suspend }\ndelivery:"),
]


@pytest.mark.parametrize(("before", "after"), NARROWER)
def test_what_is_narrower_or_equal_is_accepted(before, after):
    assert before in AGREEMENT
    assert isinstance(_meet(AGREEMENT.replace(before, after, 1)), Effective)


def test_every_clause_of_the_model_has_an_operator():
    met = [model for model in _clauses(Agreement) if model in OPERATORS]
    for model in met:
        assert list(OPERATORS[model]) == list(model.model_fields), model.__name__
    used = {model for model in met for operator in OPERATORS[model].values() if operator is clause}
    assert used
    assert len(met) == len(OPERATORS)


def _clauses(model: type[BaseModel], seen: set | None = None) -> set[type[BaseModel]]:
    seen = set() if seen is None else seen
    if model not in seen:
        seen.add(model)
        for field in model.model_fields.values():
            for inner in _models(field.annotation):
                _clauses(inner, seen)
    return seen


def _models(annotation) -> list:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for argument in getattr(annotation, "__args__", ()) for found in _models(argument)]


def test_several_ceilings_need_the_identifier_of_one():
    second = UMBRELLA.replace(
        "  - id: travellers",
        "  - id: again\n"
        + UMBRELLA.split("  - id: crossings\n")[1].split("  - id: travellers", maxsplit=1)[0]
        + "  - id: travellers",
    )
    found = _meet(AGREEMENT, second)
    assert isinstance(found, Faults)
    assert [fault.code.identifier for fault in found.items] == ["AGR-062"]
    named = _meet(AGREEMENT.replace("id: departures", "id: again"), second)
    assert isinstance(named, Effective)
    assert ceilings_of([_read(second)], named.agreement.shares[0]) == {"again"}


def test_an_umbrella_without_shares_sets_no_ceiling_on_datasets_and_fields():
    bare = re.sub(r"shares:\n.*?limits:", "limits:", UMBRELLA, flags=re.DOTALL)
    found = _meet(AGREEMENT.replace("dataset: border-crossings", "dataset: visas"), bare)
    assert isinstance(found, Effective)
    assert found.agreement.shares[0].rows == 'direction == "outbound"'
    assert found.agreement.limits.look_back is not None
    refused = _meet(AGREEMENT.replace("benefits.entitlement.residence", "housing"), bare)
    assert isinstance(refused, Faults)


def test_dates_that_do_not_meet_are_refused():
    found = _meet(AGREEMENT.replace("end: 2027-12-31", "end: 2025-12-31"))
    assert isinstance(found, Faults)
    assert [fault.code.identifier for fault in found.items] == ["AGR-021"]
    assert "`dates.start`" in found.items[0].message


def test_a_filter_that_breaks_out_of_its_place_is_refused():
    found = _meet(AGREEMENT.replace('rows: direction == "outbound"', "rows: 'true) || (true'"))
    assert isinstance(found, Faults)
    assert [fault.code.identifier for fault in found.items] == ["AGR-064"]


def test_words_that_are_too_long_together_are_refused():
    found = _meet(AGREEMENT.replace("Another Act", "A" * 9_990))
    assert isinstance(found, Faults)
    assert [fault.code.identifier for fault in found.items] == ["AGR-010"]


@pytest.mark.parametrize(
    ("first", "second", "is_at_most"),
    [
        (Duration(12), Duration(0, 365), False),
        (Duration(0, 365), Duration(12), True),
        (Duration(0, 366), Duration(12), False),
        (Duration(1), Duration(0, 31), True),
        (Duration(0, 28), Duration(1), True),
        (Duration(0, 29), Duration(1), False),
        (Duration(1, 3), Duration(2), True),
        (Duration(2, 1), Duration(2), False),
        (Duration(24), Duration(24), True),
    ],
)
def test_durations_by_the_calendar_are_compared_whenever_they_begin(first, second, is_at_most):
    assert first.at_most(second) is is_at_most

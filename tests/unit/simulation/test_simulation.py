"""A simulation counts what a worker would do, shows nothing that points to a person, and compares with what is in force."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest

from agreements import acts
from agreements.model import Limits
from agreements.snapshot import AgreementEntry, AgreementState, Snapshot
from agreements.text import content_hash
from broker.cluster.client import Message
from broker.proofs.labels import ASSESSED, CONDITION
from broker.simulation.run import Period, run
from contracts.change import Op
from tests.policy_world import (
    CANARY,
    CROSSING,
    NOW_MS,
    PERSON,
    agreement,
    entity_contract,
    entry_of,
    event_contract,
    record,
    schemas_of,
    share,
)
from tests.registers import enrolled

PEOPLE, CROSSINGS = entity_contract(), event_contract()
FIELDS = {"name": "keep", "status": "keep", "born": "drop"}
ACTIVE = share(FIELDS, rows='status == "active"')
HOUR = 3_600_000


class Past:
    """One partition of each dataset: (hours before now, record)."""

    def __init__(self, contract, *records):
        self.topic = f"source.{contract.dataset}"
        self.messages = [
            Message(self.topic, 0, one.offset, NOW_MS - hours * HOUR, one.key, one.value, ()) for hours, one in records
        ]

    def partitions(self, topic):
        return int(topic == self.topic)

    def bounds(self, topic, partition):
        return 0, len(self.messages)

    def first_since(self, topic, partition, milliseconds):
        return next((m.offset for m in self.messages if m.timestamp_ms >= milliseconds), len(self.messages))

    def read(self, topic, partition, start=None, end=None):
        return iter(self.messages[start or 0 : len(self.messages) if end is None else end])


def person(offset, identifier, *, status="active", **more):
    return record(PEOPLE, offset, PERSON | {"id": identifier, "status": status} | more)


def gone(offset, identifier):
    return record(PEOPLE, offset, None, op=Op.DELETE, before=PERSON | {"id": identifier}, key={"id": identifier})


def snapshot(contract, signed=None):
    made = Snapshot(
        position=1,
        contracts=MappingProxyType({contract.dataset: (entry_of(contract),)}),
        schemas=MappingProxyType(schemas_of(contract)),
    )
    if signed is None:
        return made
    times = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    entry = AgreementEntry(signed, content_hash(signed), "x", AgreementState.APPROVED, 1, *times)
    return replace(made, agreements=MappingProxyType({signed.reference: (entry,)}))


def simulated(contract, tried, past, tmp_path, *, signed=None, period=None):
    report = run(past, snapshot(contract, signed), tried, period or Period(), tmp_path, lambda _done, _all: None)
    return report.document()


LIFE = (
    (50, person(0, "a")),
    (49, person(1, "b", status="left")),
    (48, person(2, "a", name="changed")),
    (30, person(3, "b")),
    (29, person(4, "a", name="changed", visits=99)),
    (28, person(5, "a", status="left")),
    (27, person(6, "c")),
    (26, gone(7, "c")),
    (25, gone(8, "never")),
)


def test_an_entity_is_counted_as_its_topic_would_stand(tmp_path):
    found = simulated(PEOPLE, agreement(ACTIVE), Past(PEOPLE, *LIFE), tmp_path)["shares"][0]
    assert found["by_outcome"] == {"delete": 1, "deny": 2, "redact": 4, "unchanged": 1, "withdraw": 1}
    assert (found["decisions"], found["delivered"], found["people"], found["initial_load"]) == (9, 6, 3, 0)
    assert {(one["reason"], one["records"]) for one in found["withheld"]} == {("row-filter-false", 1), ("deleted", 1)}
    assert [(one["field"], one["records"]) for one in found["fields"]] == [("name", 4), ("status", 4)]
    assert "born" in found["dropped"]


def test_what_lies_before_the_period_is_only_what_the_department_begins_with(tmp_path):
    since = datetime.fromtimestamp(NOW_MS / 1000, UTC) - timedelta(hours=40)
    period = Period(since, since + timedelta(hours=14))
    found = simulated(PEOPLE, agreement(ACTIVE), Past(PEOPLE, *LIFE), tmp_path, period=period)["shares"][0]
    assert found["initial_load"] == 1
    assert found["by_outcome"] == {"redact": 2, "unchanged": 1, "withdraw": 1}


def test_quarantined_records_are_counted_once_and_shared_with_nobody(tmp_path):
    broken = replace(person(1, "b"), value=b"\x00broken")
    document = simulated(PEOPLE, agreement(ACTIVE), Past(PEOPLE, (2, person(0, "a")), (1, broken)), tmp_path)
    assert (document["records"], sum(document["quarantined"].values())) == (2, 1)
    assert document["shares"][0]["by_outcome"] == {"redact": 1}


def test_look_back_counts_from_when_the_record_came(tmp_path):
    one = share({"direction": "keep"}, dataset="crossings")
    crossed = [
        record(
            CROSSINGS,
            n,
            CROSSING
            | {"crossing_id": str(n), "crossed_at": datetime.fromtimestamp(NOW_MS / 1000, UTC) - timedelta(hours=h)},
        )
        for n, h in enumerate((100, 100))
    ]
    tried = agreement(one, look_back=timedelta(days=1))
    document = simulated(CROSSINGS, tried, Past(CROSSINGS, (90, crossed[0]), (10, crossed[1])), tmp_path)
    assert document["shares"][0]["by_outcome"] == {"deny": 1, "redact": 1}
    assert document["peak_day"]["events"] == 1


def test_a_draft_is_compared_with_the_version_in_force(tmp_path):
    signed = agreement(ACTIVE)
    wider = share({**FIELDS, "born": "keep"}, rows='status in ["active", "left"]')
    tried = agreement(wider).model_copy(update={"version": 2})
    document = simulated(PEOPLE, tried, Past(PEOPLE, *LIFE), tmp_path, signed=signed)
    found = document["shares"][0]
    assert document["compared_with"] == 1
    assert (found["gained"], found["lost"]) == (2, 0), "b is there before it is active; a stays"
    assert "adds born, as it is, to share main: about 3 people a month" in document["differences"]


def test_samples_are_ten_and_show_no_value_that_points_to_a_person(tmp_path):
    many = Past(PEOPLE, *((1, person(n, f"{CANARY}-{n}")) for n in range(30)))
    treated = share({"name": "keep", "status": "keep", "id": "tokenise", "device": "encrypt"})
    document = simulated(PEOPLE, agreement(treated), many, tmp_path)
    samples = document["shares"][0]["samples"]
    assert len(samples) == 10
    assert samples[0] == {
        "id": "(string, as a pseudonym)",
        "name": "(string)",
        "status": "active",
        "device": "(uuid, encrypted for the recipient)",
    }
    assert CANARY not in json.dumps(document, default=str)


def test_special_categories_are_counted(tmp_path):
    fields = tuple(
        replace(f, tags=f.tags | {"special-category:health"}) if f.name == "score" else f for f in PEOPLE.fields
    )
    contract = replace(PEOPLE, fields=fields)
    tried = agreement(share({"score": "keep", "status": "keep"}, special_category=CONDITION))
    tried = tried.model_copy(update={"assessments": ASSESSED})
    past = Past(
        contract, (1, record(contract, 0, PERSON)), (1, record(contract, 1, PERSON | {"id": "b", "score": None}))
    )
    document = simulated(contract, tried, past, tmp_path)
    assert document["shares"][0]["special_category"] == {"score": 1}


@pytest.mark.parametrize(
    ("actor", "parties", "alarm"),
    [
        ("signatory/wp-drafter", ("home-office", "work-and-pensions"), []),
        ("signatory/wp-drafter", ("home-office", "nobody"), ["unknown object"]),
        ("signatory/wp-drafter", ("home-office", "home-office"), ["not entitled"]),
        ("operator", ("home-office", "work-and-pensions"), ["not entitled"]),
    ],
)
def test_only_a_partys_signatory_simulates_and_the_register_notes_it(actor, parties, alarm):
    register = enrolled()
    act = acts.AgreementSimulated("DSA-2026-101", "sha256:" + "0" * 64, parties, register.time, None)
    assert register.do(act, actor) == alarm
    assert register.snapshot.version("simulation/DSA-2026-101") == (not alarm)


def crossing(offset):
    return record(CROSSINGS, offset, CROSSING | {"crossing_id": str(offset), "traveller": f"p{offset % 4}"})


DAYS = ((30, 0), (29, 1), (29, 2), (28, 3), (28, 4), (5, 5), (4, 6))
"""So many hours before noon of 1 June: five crossings in May, two in June."""


@pytest.mark.parametrize(
    ("limits", "outcomes", "reasons"),
    [
        ({"events_per_day": 3, "when_reached": "deny"}, {"redact": 5, "deny": 2}, {"limit-events": 2}),
        ({"events_per_day": 3, "when_reached": "hold"}, {"redact": 5, "hold": 2}, {"limit-events": 2}),
        ({"events_per_day": 3, "when_reached": "suspend"}, {"redact": 3, "deny": 4}, {"limit-events": 4}),
        (
            {"distinct_subjects_per_month": 2, "when_reached": "deny"},
            {"redact": 4, "deny": 3},
            {"limit-subjects": 3},
        ),
        ({"events_per_day": 5}, {"redact": 7}, {}),
    ],
)
def test_limits_stop_what_they_would_stop_in_a_worker(tmp_path, limits, outcomes, reasons):
    one = share({"direction": "keep"}, dataset="crossings")
    tried = agreement(one).model_copy(update={"limits": Limits(**limits)})
    past = Past(CROSSINGS, *((hours, crossing(offset)) for hours, offset in DAYS))
    document = simulated(CROSSINGS, tried, past, tmp_path)
    assert document["shares"][0]["by_outcome"] == outcomes
    assert {found["reason"]: found["records"] for found in document["shares"][0]["withheld"]} == reasons
    assert document["peak_day"]["limit"] == limits.get("events_per_day")


def test_the_counts_of_the_version_in_force_are_its_own(tmp_path):
    one = share({"direction": "keep"}, dataset="crossings")
    signed = agreement(one).model_copy(update={"limits": Limits(events_per_day=1, when_reached="deny")})
    past = Past(CROSSINGS, *((hours, crossing(offset)) for hours, offset in DAYS))
    document = simulated(CROSSINGS, agreement(one).model_copy(update={"version": 2}), past, tmp_path, signed=signed)
    assert document["shares"][0]["by_outcome"] == {"redact": 7}
    assert document["shares"][0]["gained"] == 5

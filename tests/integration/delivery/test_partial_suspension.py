"""A field, then a purpose, of an agreement is stopped and lifted under a running worker, on a real Kafka."""

from __future__ import annotations

import pytest

from agreements import acts
from broker import clock
from broker.audit.verify import verify
from broker.cluster.admin import Admin
from broker.cluster.objects import TopicSpec
from broker.cluster.reader import Reader
from broker.doctor import State, examine
from broker.evidence.kafka import KafkaEvidence
from broker.register import commands
from broker.register.append import Deed, act
from broker.register.follow import read_snapshot
from contracts.wire import AvroSchema, unframe
from tests.integration.delivery.test_enforce import AGREEMENT, wait_for, working, world

__all__ = ["world"]
pytestmark = pytest.mark.integration

TWO_SHARES = AGREEMENT.replace(
    "dates:",
    """  - id: visitors
    dataset: {dataset}
    contract: 1
    purpose: benefits.residence
    classification_ceiling: OFFICIAL
    rows: residence == "visitor"
    key: tokenise
    fields: {{ family_name: keep }}
dates:""",
)
"""Of one dataset, one share for residents and one for visitors."""


def newest(world):
    """What the department holds: key to its newest view, each read by the schema that it names."""
    schemas = read_snapshot(world.kafka).schemas
    held = {}
    with Reader(world.kafka) as reader:
        for message in reader.read(world.share, 0):
            if message.value is None:
                held.pop(message.key, None)
            else:
                number, body = unframe(message.value)
                held[message.key] = AvroSchema(schemas[number].text).decode(body)
    return list(held.values())


def names(world):
    return sorted(str(view.get("family_name")) for view in newest(world))


def stopped(world, person, *only):
    began = clock.monotonic_seconds()
    suspended = commands.suspend(world.kafka, world.people[person], world.reference, reason="test", only=only)
    stop = commands.await_stop(world.kafka, suspended.positions[0], [world.dataset], began_at=began)
    assert stop.confirmed


def test_a_view_schema_of_the_wrong_shape_holds_the_rows_of_its_own_share_and_of_no_other(world):
    """Whoever may suspend a field may name any schema in the act: that must keep nobody else from the dataset."""
    world = world(TWO_SHARES)
    others = f"share.{world.reference.lower()}.visitors"
    Admin(world.kafka).create_topics([TopicSpec(others, 1, 1, {})])
    with working(world):
        world.write({"reference": "P1", "family_name": "Alpha", "residence": "resident"})
        wait_for(lambda: names(world) == ["Alpha"], "the first view")

        def wrong(snapshot):
            number, subject = len(snapshot.schemas) + 1, f"{world.share}-value"
            return [
                Deed(
                    acts.AgreementSuspended(
                        world.reference,
                        "test",
                        fields=(acts.SuspendedField("residents", "family_name"),),
                        views=(acts.ShareView(1, "residents", number),),
                        schemas=(acts.NewSchema(number, subject, '{"type":"record","name":"wrong","fields":[]}'),),
                    ),
                    world.people["work-and-pensions"],
                )
            ]

        act(world.kafka, wrong)
        world.write(
            {"reference": "P2", "family_name": "Beta", "residence": "resident"},
            {"reference": "P3", "family_name": "Gamma", "residence": "visitor"},
        )
        with Reader(world.kafka) as reader:
            wait_for(lambda: len([*reader.read(others, 0)]) == 1, "the other share's row")
        assert names(world) == ["Alpha"]
        assert {f.state for f in examine(world.settings) if f.subject == "agreements in force"} == {State.WRONG}
        commands.resume(world.kafka, world.people["work-and-pensions"], world.reference)
        wait_for(lambda: names(world) == ["Alpha", "Beta"], "what was held")
        assert {f.state for f in examine(world.settings) if f.subject == "agreements in force"} == {State.GOOD}
    with KafkaEvidence(world.kafka) as evidence:
        report = verify(evidence)
    assert report.verified, report.document()
    assert report.document()["by_outcome"]["hold"] == 2


def test_a_field_stops_leaving_and_rows_that_were_sent_lose_it_and_a_purpose_stops_as_a_whole(world):
    world = world()
    with working(world):
        world.write({"reference": "P1", "family_name": "Alpha", "residence": "resident"})
        wait_for(lambda: names(world) == ["Alpha"], "the first view")
        stopped(world, "work-and-pensions", "field=family_name")
        wait_for(lambda: names(world) == ["None"], "the row without the field")
        world.write({"reference": "P2", "family_name": "Beta", "residence": "resident"})
        wait_for(lambda: names(world) == ["None", "None"], "a new row without the field")
        stopped(world, "home-office", "purpose=benefits")
        count = len(newest(world))
        world.write({"reference": "P3", "family_name": "Gamma", "residence": "resident"})
        commands.resume(world.kafka, world.people["work-and-pensions"], world.reference)
        assert len(newest(world)) == count, "the other side's suspension of the purpose holds"
        commands.resume(world.kafka, world.people["home-office"], world.reference)
        wait_for(lambda: names(world) == ["Alpha", "Beta", "Gamma"], "every row with the field again")
    with KafkaEvidence(world.kafka) as evidence:
        report = verify(evidence)
    assert report.verified, report.document()
    assert report.document()["by_outcome"]["hold"] >= 1

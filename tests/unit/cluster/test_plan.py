"""What the plan asks for, on registers made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError

from agreements.snapshot import AgreementState, Snapshot
from broker.cluster.access import rules
from broker.cluster.objects import Operation, Resource, Rule, TopicState
from broker.cluster.plan import (
    AddUser,
    CreateTopic,
    EmptyTopic,
    Grant,
    Observed,
    Problem,
    RemoveTopic,
    RemoveUser,
    Revoke,
    SetTopic,
    Shape,
    plan,
)
from broker.settings import Settings
from contracts import topics
from contracts.model import Kind
from tests.unit.cluster.registers import ENDS, NOW, agreement, contract, register

EMPTY = Observed()
SHAPE = Shape(partitions=4, replication_factor=1)
DEPARTURES = agreement("DSA-1", "pensions", ("departures", "crossings"))


def reached(snapshot: Snapshot, observed: Observed = EMPTY, prune: bool = False) -> Observed:
    """The cluster after every step of the plan was taken."""
    kept, users, permitted = dict(observed.topics), set(observed.users), set(observed.rules)
    for step in plan(snapshot, observed, SHAPE, NOW, prune=prune):
        match step:
            case CreateTopic(spec):
                kept[spec.name] = TopicState(spec.partitions, spec.replication_factor, spec.configuration)
            case SetTopic(name, configuration) | EmptyTopic(name, configuration):
                old = kept[name]
                kept[name] = TopicState(old.partitions, old.replication_factor, {**old.configuration, **configuration})
            case AddUser(principal):
                users.add(principal)
            case RemoveUser(principal):
                users.remove(principal)
            case RemoveTopic(name):
                del kept[name]
            case Grant(rule):
                permitted.add(rule)
            case Revoke(rule):
                permitted.remove(rule)
            case Problem():
                pass
    return Observed(kept, frozenset(users), frozenset(permitted))


def readable(observed: Observed, principal: str) -> set[str]:
    return {
        rule.name
        for rule in observed.rules
        if (rule.principal, rule.operation, rule.resource) == (principal, Operation.READ, Resource.TOPIC)
    }


def test_an_empty_register_gets_the_brokers_own_topics_and_users():
    observed = reached(Snapshot())
    assert set(observed.topics) == {
        "concordat.register",
        "concordat.audit.segments",
        "concordat.audit.headers",
        "concordat.audit.checkpoints",
        "concordat.positions",
        "concordat.quarantine",
        "concordat.workers",
        "concordat.counters",
        "concordat.signals",
    }
    assert observed.users == {"concordat.operator", "concordat.worker", "concordat.auditor", "concordat.service"}
    assert observed.topics["concordat.register"].configuration["retention.ms"] == "-1"
    assert observed.topics["concordat.workers"].configuration["cleanup.policy"] == "compact"


def test_a_plan_that_was_carried_out_leaves_nothing_to_do():
    snapshot = register([contract("crossings"), contract("movements", Kind.EVENT)], [DEPARTURES])
    assert plan(snapshot, reached(snapshot), SHAPE, NOW, prune=True) == ()


def test_an_entity_is_compacted_only_and_an_event_goes_by_time():
    entries = [
        agreement("DSA-1", "pensions", ("people", "travellers"), ("moves", "movements"), retention=timedelta(days=3))
    ]
    observed = reached(register([contract("travellers"), contract("movements", Kind.EVENT)], entries))
    entity, event = observed.topics["share.dsa-1.people"], observed.topics["share.dsa-1.moves"]
    assert entity.configuration["cleanup.policy"] == "compact"
    assert "retention.ms" not in entity.configuration
    assert event.configuration["cleanup.policy"] == "delete"
    assert event.configuration["retention.ms"] == str(3 * 86_400_000)
    assert observed.topics["source.travellers"].configuration["cleanup.policy"] == "compact"
    assert observed.topics["source.movements"].configuration["cleanup.policy"] == "delete"


def test_a_share_has_the_partitions_its_source_has_whatever_the_settings_say():
    observed = Observed({"source.crossings": TopicState(7, 1, {})})
    after = reached(register([contract("crossings")], [DEPARTURES]), observed)
    assert after.topics["source.crossings"].partitions == 7
    assert after.topics["share.dsa-1.departures"].partitions == 7
    assert after.topics["share.dsa-1.departures.receipts"].partitions == 1


def test_a_share_whose_partitions_differ_is_a_problem_and_not_touched():
    snapshot = register([contract("crossings")], [DEPARTURES])
    good = reached(snapshot)
    odd = TopicState(3, 1, good.topics["share.dsa-1.departures"].configuration)
    observed = Observed({**good.topics, "share.dsa-1.departures": odd}, good.users, good.rules)
    (problem,) = plan(snapshot, observed, SHAPE, NOW)
    assert isinstance(problem, Problem)
    assert problem.subject == "share.dsa-1.departures"


def test_fewer_copies_than_due_is_a_problem():
    observed = reached(Snapshot())
    found = plan(Snapshot(), observed, Shape(4, 3), NOW)
    assert {step.subject for step in found if isinstance(step, Problem)} == set(observed.topics)


def test_drift_of_a_topic_is_set_right_and_what_is_not_ours_stays():
    observed = reached(Snapshot())
    drifted = {**observed.topics["concordat.register"].configuration, "retention.ms": "1", "max.message.bytes": "5"}
    topics_now = {**observed.topics, "concordat.register": TopicState(1, 1, drifted)}
    assert plan(Snapshot(), Observed(topics_now, observed.users, observed.rules), SHAPE, NOW) == (
        SetTopic("concordat.register", {"retention.ms": "-1"}),
    )


def test_a_register_that_kafka_does_not_stamp_is_set_right():
    observed = reached(Snapshot())
    older = dict(observed.topics["concordat.register"].configuration)
    del older["message.timestamp.type"]
    topics_now = {**observed.topics, "concordat.register": TopicState(1, 1, older)}
    assert plan(Snapshot(), Observed(topics_now, observed.users, observed.rules), SHAPE, NOW) == (
        SetTopic("concordat.register", {"message.timestamp.type": "LogAppendTime"}),
    )


def test_a_department_reads_its_own_share_and_nothing_else():
    entries = [DEPARTURES, agreement("DSA-2", "tax", ("arrivals", "crossings"))]
    observed = reached(register([contract("crossings")], entries))
    own = {"share.dsa-1.departures", "share.dsa-1.departures.receipts", "concordat.notices.pensions"}
    assert readable(observed, "pensions") == own
    others = {rule for rule in observed.rules if rule.principal == "pensions" and rule.name not in own}
    assert others == {Rule("pensions", Operation.READ, Resource.GROUP, "pensions.", prefixed=True)}


@pytest.mark.parametrize(
    "entry",
    [
        agreement("DSA-1", "pensions", ("departures", "crossings"), suspended=None),
        agreement("DSA-1", "pensions", ("departures", "crossings"), suspended=frozenset({"departures"})),
        agreement("DSA-1", "pensions", ("departures", "crossings"), state=AgreementState.TERMINATED),
        agreement("DSA-1", "pensions", ("departures", "crossings"), state=AgreementState.SUPERSEDED),
        agreement("DSA-1", "pensions", ("departures", "crossings"), state=AgreementState.SUBMITTED),
        agreement("DSA-1", "pensions", ("departures", "crossings"), ends_at=NOW),
    ],
)
def test_bounded_stop_access_goes_before_anything_else_is_done(entry):
    in_force = reached(register([contract("crossings")], [DEPARTURES]))
    assert "share.dsa-1.departures" in readable(in_force, "pensions")
    stopped = register([contract("crossings")], [entry])
    steps = plan(stopped, in_force, SHAPE, NOW)
    assert isinstance(steps[0], Revoke)
    after = reached(stopped, in_force)
    assert not readable(after, "pensions") & {"share.dsa-1.departures", "share.dsa-1.departures.receipts"}
    assert after.topics == in_force.topics


def test_a_suspended_share_leaves_the_agreements_other_shares_alone():
    shares = (("departures", "crossings"), ("people", "travellers"))
    entry = agreement("DSA-1", "pensions", *shares, suspended=frozenset({"people"}))
    observed = reached(register([contract("crossings"), contract("travellers")], [entry]))
    assert "share.dsa-1.departures" in readable(observed, "pensions")
    assert "share.dsa-1.people" not in readable(observed, "pensions")


@pytest.mark.parametrize("state", [AgreementState.TERMINATED, AgreementState.CLOSED, AgreementState.SUPERSEDED])
def test_a_past_recipient_can_still_be_told_and_alone_reads_what_it_is_told(state):
    ended = agreement("DSA-1", "pensions", ("departures", "crossings"), state=state)
    entries = [ended, agreement("DSA-2", "tax", ("arrivals", "crossings"))]
    observed = reached(register([contract("crossings")], entries))
    assert "pensions" in observed.users
    assert readable(observed, "pensions") == {"concordat.notices.pensions"}
    told = {(rule.principal, rule.operation) for rule in observed.rules if rule.name == "concordat.notices.pensions"}
    assert told == {("pensions", Operation.READ), ("concordat.operator", Operation.WRITE)}
    assert observed.topics["concordat.notices.pensions"].configuration["retention.ms"] == "-1"


def test_a_connector_writes_only_the_datasets_that_name_it():
    contracts = [contract("crossings", store="borders"), contract("ports", store="carriers")]
    found = rules(register(contracts, []), NOW)
    written = {
        rule.name
        for rule in found
        if rule.principal == "connector.borders" and rule.operation is Operation.WRITE and rule.resource == "topic"
    }
    assert written == {"source.crossings", topics.POSITIONS, topics.QUARANTINE}
    writers = {rule.principal for rule in found if rule.name == "source.ports" and rule.operation is Operation.WRITE}
    assert writers == {"connector.carriers"}


def test_the_auditor_and_the_service_write_nothing():
    found = rules(register([contract("crossings")], [DEPARTURES]), NOW)
    for principal in ("concordat.auditor", "concordat.service"):
        mine = {rule.operation for rule in found if rule.principal == principal}
        assert mine <= {Operation.READ, Operation.DESCRIBE}


def test_a_foreign_rule_of_a_department_is_revoked_and_a_strangers_rule_is_left():
    snapshot = register([contract("crossings")], [DEPARTURES])
    good = reached(snapshot)
    foreign = Rule("pensions", Operation.READ, Resource.TOPIC, "source.crossings")
    stranger = Rule("monitoring", Operation.READ, Resource.TOPIC, "source.crossings")
    observed = Observed(good.topics, good.users, good.rules | {foreign, stranger})
    assert plan(snapshot, observed, SHAPE, NOW) == (Revoke(foreign),)


@pytest.mark.parametrize("name", ["admin", "concordat", "connector", "anonymous"])
def test_a_reserved_organisation_gets_neither_user_nor_access(name):
    snapshot = register([contract("crossings")], [agreement("DSA-1", name, ("departures", "crossings"))])
    steps = plan(snapshot, Observed(users=frozenset({"admin"})), SHAPE, NOW)
    assert [step.subject for step in steps if isinstance(step, Problem)] == [name]
    assert AddUser(name) not in steps
    assert not [step for step in steps if isinstance(step, Grant) and step.rule.principal == name]


def test_nothing_is_removed_unless_asked_and_ended_agreements_keep_their_topics():
    before = reached(register([contract("crossings"), contract("old")], [DEPARTURES]))
    extra = Observed(
        {**before.topics, "share.dsa-9.gone": TopicState(1, 1), "elsewhere": TopicState(1, 1)},
        before.users | {"admin", "connector.gone"},
        before.rules,
    )
    ended = agreement("DSA-1", "pensions", ("departures", "crossings"), state=AgreementState.TERMINATED)
    snapshot = register([contract("crossings")], [ended])
    assert not [s for s in plan(snapshot, extra, SHAPE, NOW) if isinstance(s, RemoveUser | RemoveTopic)]
    removed = [s for s in plan(snapshot, extra, SHAPE, NOW, prune=True) if isinstance(s, RemoveUser | RemoveTopic)]
    assert removed == [
        RemoveUser("connector.gone"),
        RemoveTopic("share.dsa-9.gone"),
        RemoveTopic("source.old"),
    ]


def test_a_terminated_share_is_emptied_when_asked_for_and_for_good():
    crossings, moves = contract("crossings"), contract("moves", Kind.EVENT)
    shares = ("people", "crossings"), ("trips", "moves")
    before = reached(register([crossings, moves], [agreement("DSA-1", "pensions", *shares)]))
    names = ["share.dsa-1.people", "share.dsa-1.trips"]
    ended = register([crossings, moves], [agreement("DSA-1", "pensions", *shares, state=AgreementState.TERMINATED)])
    assert not [step for step in plan(ended, before, SHAPE, NOW) if isinstance(step, EmptyTopic)]
    emptied = [step.name for step in plan(ended, before, SHAPE, NOW, prune=True) if isinstance(step, EmptyTopic)]
    assert emptied == names
    after = reached(ended, before, prune=True)
    assert plan(ended, after, SHAPE, NOW, prune=True) == ()
    late = replace(after, filled=frozenset(names[:1]))
    assert plan(ended, late, SHAPE, NOW, prune=True) == (EmptyTopic(names[0]),)


@pytest.mark.parametrize("state", [AgreementState.APPROVED, AgreementState.SUSPENDED, AgreementState.SUBMITTED])
def test_no_other_share_is_ever_emptied(state):
    entries = [agreement("DSA-1", "pensions", ("people", "crossings"), state=state)]
    if state is not AgreementState.SUBMITTED:  # a newer version in force protects what an older one left
        entries.insert(0, agreement("DSA-1", "pensions", ("people", "crossings"), state=AgreementState.TERMINATED))
    snapshot = register([contract("crossings")], entries)
    before = reached(register([contract("crossings")], [DEPARTURES, *entries]))
    before = replace(before, filled=frozenset(before.topics))
    assert not [step for step in plan(snapshot, before, SHAPE, NOW, prune=True) if isinstance(step, EmptyTopic)]


def test_no_two_departments_can_name_each_others_groups():
    entries = [
        agreement("DSA-1", "tax", ("a", "crossings")),
        agreement("DSA-2", "tax-credits", ("a", "crossings")),
    ]
    found = rules(register([contract("crossings")], entries), NOW)
    prefixes = sorted(rule.name for rule in found if rule.resource is Resource.GROUP and rule.prefixed)
    assert not [(a, b) for a in prefixes for b in prefixes if a != b and b.startswith(a)]


def test_every_step_reads_as_a_sentence():
    snapshot = register([contract("crossings")], [DEPARTURES])
    texts = [str(step) for step in plan(snapshot, Observed(), SHAPE, NOW)]
    assert "create topic share.dsa-1.departures: 4 partition(s), compact" in texts
    assert "grant: pensions may read group pensions.*" in texts
    assert ENDS > NOW


def test_a_connector_reads_the_topics_of_others_that_the_settings_name_and_no_more():
    shape = Shape(4, 1, {"borders": ("db.crossings",), "nobody": ("db.other",)})
    snapshot = register([contract("crossings", store="borders"), contract("ports", store="carriers")], [])
    steps = plan(snapshot, EMPTY, shape, NOW)
    rule = Rule("connector.borders", Operation.READ, Resource.TOPIC, "db.crossings")
    assert {step.rule for step in steps if isinstance(step, Grant)} == rules(snapshot, NOW) | {rule}
    assert [step.subject for step in steps if isinstance(step, Problem)] == ["nobody"]
    assert Revoke(rule) in plan(snapshot, Observed(rules=frozenset({rule})), SHAPE, NOW)


@pytest.mark.parametrize(
    "name", ["*", "share.dsa-1.departures", "concordat.register", "source.crossings", "__offsets", "", "a b"]
)
def test_no_setting_opens_every_topic_or_one_of_the_broker(name):
    with pytest.raises(ValidationError):
        Settings(connector_topics={"borders": (name,)})
    assert Settings(connector_topics={"borders": ("db.crossings",)}).connector_topics == {"borders": ("db.crossings",)}

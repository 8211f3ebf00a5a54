"""The register on a real Kafka: one writer at a time, readers that know how fresh they are."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from confluent_kafka import Producer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agreements import acts
from agreements.append_time import milliseconds
from agreements.signing import Signer
from broker import clock
from broker.cluster.admin import Admin
from broker.cluster.objects import TopicSpec
from broker.cluster.producer import TransactionalProducer
from broker.cluster.topics import register_topic
from broker.doctor import Finding, State, examine
from broker.register import append
from broker.register.append import Deed, act
from broker.register.follow import RegisterFollower, RegisterReader, read_snapshot
from broker.register.history import history_of
from broker.settings import Settings
from contracts import topics
from contracts.faults import Refused, Unavailable
from tests.servers import unique

pytestmark = pytest.mark.integration


@pytest.fixture
def register(kafka, monkeypatch):
    """A register of this test's own."""
    name = unique("concordat.register")
    monkeypatch.setattr(topics, "REGISTER", name)
    monkeypatch.setattr(append, "TRANSACTIONAL_ID", name)
    Admin(kafka).create_topics([register_topic(1)])
    operator = Signer("operator", Ed25519PrivateKey.generate())
    act(kafka, lambda _: [Deed(acts.RegisterInitialised(operator.public_key), operator)])
    return kafka, operator


def party(name: str) -> acts.PartyAdded:
    return acts.PartyAdded(name, name, Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex())


def test_two_writers_race_and_both_acts_are_there_once(register):
    kafka, operator = register
    names = [f"party-{number}" for number in range(4)]
    start = threading.Barrier(len(names))
    failures = []

    def add(name):
        start.wait()
        try:
            act(kafka, lambda _: [Deed(party(name), operator)])
        except Refused as failure:
            failures.append(failure)

    threads = [threading.Thread(target=add, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with RegisterReader(kafka) as reader:
        snapshot = reader.catch_up()
        assert reader.alarms == []
    told = {failure.faults[0].code.identifier for failure in failures}
    assert told <= {"REG-001"}
    assert len(snapshot.parties) == len(names) - len(failures)
    assert len(snapshot.parties) >= 2


def test_a_writer_that_looked_at_an_older_version_is_told(register):
    kafka, operator = register
    worker = acts.WorkerEnrolled("worker-1", Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex())
    act(kafka, lambda _: [Deed(worker, operator)])
    with pytest.raises(Refused, match="REG-002"):
        act(kafka, lambda _: [Deed(worker, operator)], expected={"worker/worker-1": 0})


def test_a_beaten_writer_decides_again_on_what_the_other_wrote(register):
    kafka, operator = register
    seen = []

    def decide(snapshot):
        seen.append(sorted(snapshot.parties))
        if len(seen) == 1:  # another writer comes between our reading and our commit
            act(kafka, lambda _: [Deed(party("quick"), operator)])
        return [Deed(party("slow"), operator)]

    done = act(kafka, decide)
    assert seen == [[], ["quick"]]
    assert sorted(done.snapshot.parties) == ["quick", "slow"]
    assert done.positions == (done.snapshot.position,)


def test_an_act_that_readers_would_ignore_is_never_written(register):
    kafka, _ = register
    stranger = Signer("operator", Ed25519PrivateKey.generate())
    before = read_snapshot(kafka)
    with pytest.raises(Refused, match="AGR-044"):
        act(kafka, lambda _: [Deed(party("home-office"), stranger)])
    after = read_snapshot(kafka)
    assert after.fingerprint == before.fingerprint
    assert after.position == before.position


def test_a_record_from_elsewhere_is_ignored_with_an_alarm(register):
    kafka, operator = register
    producer = TransactionalProducer(kafka, append.TRANSACTIONAL_ID)
    producer.begin()
    producer.produce(topics.REGISTER, 0, b"party/forged", b"{}\nnot a signature")
    producer.commit()
    with RegisterReader(kafka) as reader:
        snapshot = reader.catch_up()
        assert [alarm.fault.code.identifier for alarm in reader.alarms] == ["AGR-046"]
    assert act(kafka, lambda _: [Deed(party("real"), operator)]).snapshot.parties.keys() == {"real"}
    assert snapshot.parties == {}


def test_a_follower_sees_an_act_and_knows_how_fresh_it_is(register):
    kafka, operator = register
    with RegisterFollower(kafka) as follower:
        first = follower.wait_for(0, 10)
        done = act(kafka, lambda _: [Deed(party("home-office"), operator)])
        seen = follower.wait_for(done.positions[0], 10)
        assert seen.fingerprint == done.snapshot.fingerprint
        assert first.fingerprint != seen.fingerprint
        assert follower.age_milliseconds() < 2_000
        with pytest.raises(Unavailable, match="REG-006"):
            follower.wait_for(10_000, 0.1)


def test_a_follower_whose_register_is_missing_says_so_and_recovers_when_it_is_there(kafka, monkeypatch):
    name = unique("concordat.register")
    monkeypatch.setattr(topics, "REGISTER", name)
    with RegisterFollower(kafka) as follower:
        with pytest.raises(Unavailable, match="REG-003"):
            follower.wait_for(0, 20)
        with pytest.raises(Unavailable):
            _ = follower.snapshot
        Admin(kafka).create_topics([register_topic(1)])
        until = clock.monotonic_seconds() + 20
        while True:
            try:
                assert follower.wait_for(-1, 20).position == -1
                break
            except Unavailable:
                assert clock.monotonic_seconds() < until


def test_a_register_that_was_replaced_is_noticed(register):
    kafka, _ = register
    known = read_snapshot(kafka)
    ahead = replace(known, position=known.position + 1_000)
    with pytest.raises(Unavailable, match="REG-005"):
        read_snapshot(kafka, ahead)


HOUR = timedelta(hours=1)


def examined(kafka, directory) -> dict[str, Finding]:
    """What `concordat doctor` finds, by subject."""
    properties = {name.replace(".", "_"): value for name, value in kafka.properties.items()}
    settings = Settings(directory=directory, bootstrap_servers=kafka.bootstrap_servers, kafka=properties)
    return {finding.subject: finding for finding in examine(settings)}


def modified_client(kafka, act_done, signer, *, claimed) -> None:
    """Writes an act past `append`, with the right key and a time of its own choosing, in the record too."""
    snapshot = read_snapshot(kafka)
    expects = snapshot.version(act_done.subject())
    value = acts.record(act_done, signer=signer, register=signer.public_key, expects=expects, time=claimed)
    producer = Producer(kafka.client_properties())
    producer.produce(topics.REGISTER, value, partition=0, timestamp=milliseconds(claimed))
    assert producer.flush(20) == 0


@pytest.mark.parametrize("apart", [-HOUR, HOUR])
def test_an_act_that_a_modified_client_dates_back_or_ahead_is_ignored(register, apart, tmp_path):
    kafka, operator = register
    modified_client(kafka, party("dated"), operator, claimed=clock.now() + apart)
    modified_client(kafka, party("honest"), operator, claimed=clock.now())
    with RegisterReader(kafka) as reader:
        snapshot = reader.catch_up()
        assert [alarm.fault.code.identifier for alarm in reader.alarms] == ["AGR-090"]
    assert snapshot.parties.keys() == {"honest"}
    assert read_snapshot(kafka) == snapshot
    assert "AGR-090" in examined(kafka, tmp_path)["ignored acts"].found
    assert [one.statement.act.organisation for one in history_of(kafka, "party/dated", "party/honest")] == ["honest"]


@pytest.mark.parametrize(("apart", "word"), [(-HOUR, "behind"), (HOUR, "ahead of")])
def test_a_writer_whose_clock_is_wrong_is_told_and_nothing_is_written(register, monkeypatch, apart, word):
    kafka, operator = register
    before, now = read_snapshot(kafka), clock.now
    with monkeypatch.context() as wrong:
        wrong.setattr(clock, "now", lambda: now() + apart)
        with pytest.raises(Unavailable, match=f"(?s)REG-014.*{word} Kafka's"):
            act(kafka, lambda _: [Deed(party("home-office"), operator)])
    with RegisterReader(kafka) as reader:
        after = reader.catch_up()
        assert reader.alarms == []
    assert after == before
    assert act(kafka, lambda _: [Deed(party("home-office"), operator)]).snapshot.parties.keys() == {"home-office"}


def test_an_older_topic_is_noticed_and_believed_no_more_once_kafka_stamps_it(kafka, monkeypatch, tmp_path):
    name = unique("concordat.register")
    monkeypatch.setattr(topics, "REGISTER", name)
    monkeypatch.setattr(append, "TRANSACTIONAL_ID", name)
    admin = Admin(kafka)
    admin.create_topics([TopicSpec(name, 1, 1, {})])
    operator = Signer("operator", Ed25519PrivateKey.generate())
    initialised = acts.RegisterInitialised(operator.public_key)
    assert examined(kafka, tmp_path)["register"].state is State.WRONG
    with pytest.raises(Unavailable, match="REG-015"):
        act(kafka, lambda _: [Deed(initialised, operator)])
    modified_client(kafka, initialised, operator, claimed=clock.now() - HOUR)
    assert read_snapshot(kafka).operator_key == operator.public_key, "as an older version wrote it"
    admin.alter_topic(name, register_topic(1).configuration)
    assert examined(kafka, tmp_path)["register"].state is State.GOOD
    done = act(kafka, lambda _: [Deed(party("home-office"), operator)])
    assert done.snapshot.stamped_since == done.positions[0]
    admin.alter_topic(name, {"message.timestamp.type": "CreateTime"})
    modified_client(kafka, party("unstamped"), operator, claimed=clock.now())
    with RegisterReader(kafka) as reader:
        assert reader.catch_up().parties.keys() == {"home-office"}
        assert [alarm.fault.code.identifier for alarm in reader.alarms] == ["AGR-091"]

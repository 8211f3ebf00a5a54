"""Taking a partition over on a real Kafka: progress, mark and sent-key state come back from the topics alone."""

import threading

import pytest

from broker.cluster.admin import Admin
from broker.cluster.client import PartitionOffset
from broker.cluster.objects import TopicSpec
from broker.cluster.producer import TransactionalProducer
from broker.cluster.topics import base_topics
from broker.delivery.board import ProgressBoard
from broker.delivery.mark import Mark
from broker.delivery.progress import Progress, progress_key
from broker.delivery.state import Place, SentState, rebuilt
from broker.delivery.takeover import Takeover
from contracts import topics
from tests.servers import unique

pytestmark = pytest.mark.integration


@pytest.fixture
def share(kafka):
    name = f"share.{unique('dsa')}.people"
    admin = Admin(kafka)
    admin.create_topics([TopicSpec(name, 1, 1, {}), *base_topics(4, 1)])
    return name


def write(kafka, records, *, commit=True, identifier=None):
    producer = TransactionalProducer(kafka, identifier or unique("writer"))
    producer.begin()
    for topic, key, value in records:
        producer.produce(topic, 0, key, value)
    if commit:
        producer.commit()
    return producer


def test_a_takeover_rebuilds_what_the_department_holds(kafka, share, tmp_path):
    write(kafka, [(share, b"a", b"1"), (share, b"b", b"2"), (share, b"a", b"3"), (share, b"b", None)])
    source = topics.source(unique("people"))
    progress = Progress(worker="w", position=5, number=2, held={share: ((3, None),)})
    write(kafka, [(topics.WORKERS, progress_key(source, 0), progress.value())])
    with SentState(tmp_path / "state") as state:
        takeover = Takeover(kafka, state)
        owned = takeover.open(PartitionOffset(source, 0, 7, Mark("ab", 4, 2).text()))
        assert (owned.offset, owned.mark.segments, owned.progress) == (7, 4, progress)
        takeover.renew_state(owned, [share])
        assert state.sent(Place(share, 0), [b"a", b"b"]) == {b"a": rebuilt(b"3")}
        assert state.applied(Place(share, 0)) == 4
        takeover.close()


def test_a_rebuild_waits_for_a_transaction_that_is_still_open_on_the_share(kafka, share, tmp_path):
    writer = write(kafka, [(share, b"a", b"1")], commit=False)
    writer._producer.flush()
    threading.Timer(1.0, writer.commit).start()
    with SentState(tmp_path / "state") as state:
        takeover = Takeover(kafka, state)
        owned = takeover.open(PartitionOffset(topics.source(unique("people")), 0, 0, ""))
        takeover.renew_state(owned, [share])
        assert state.sent(Place(share, 0), [b"a"]) == {b"a": rebuilt(b"1")}
        takeover.close()


def test_a_stop_is_confirmed_only_when_every_partition_says_so(kafka, share):
    source = topics.source(unique("people"))
    places = [(source, 0), (source, 1)]
    identifier = unique("writer")
    with ProgressBoard(kafka) as board:

        def say(partition, position, number):
            value = Progress(worker="w", position=position, number=number).value()
            write(kafka, [(topics.WORKERS, progress_key(source, partition), value)], identifier=identifier)
            assert board.await_number(source, partition, number, 10) is not None

        assert not board.confirmed(places, 3)
        say(0, 3, 1)
        assert not board.confirmed(places, 3)
        say(1, 2, 1)
        assert not board.confirmed(places, 3)
        say(1, 4, 2)
        assert board.confirmed(places, 3)

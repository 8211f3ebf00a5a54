"""The administrator's side of a cluster: topics, users, access rules, offsets.  Every answer is waited for, with a limit."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, cast

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AclOperation,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewTopic,
    OffsetSpec,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from broker import clock
from broker.cluster.asking import LIMIT_SECONDS, Asking
from broker.cluster.bindings import EVERY_RULE, binding_of, filter_of, rule_of
from broker.cluster.client import PartitionOffset
from broker.cluster.codes import FORBIDDEN, TOPIC_UNSEEN
from broker.cluster.objects import GroupMember, Rule, TopicSpec, TopicState
from contracts.faults import Unavailable

_ITERATIONS = 4096


class Admin(Asking):
    """One connection that may change the cluster.

    Making one asks for a first answer.  Every method waits for its answer and raises `Unavailable` when Kafka cannot be
    reached, refuses, or does not answer in 30 seconds.  Making what is there and removing what is not there are no faults:
    every method may be repeated.
    """

    def topics(self) -> dict[str, TopicState]:
        """Every topic this principal may see, Kafka's internal ones excepted, with what was set on it."""
        found = self._ask("topics", lambda: self._client.list_topics(timeout=LIMIT_SECONDS)).topics
        seen = {name: topic for name, topic in found.items() if topic.error is None and not name.startswith("__")}
        configurations = self._configurations(seen)
        return {
            name: TopicState(
                len(topic.partitions),
                len(topic.partitions[0].replicas) if topic.partitions else 0,
                configurations[name],
            )
            for name, topic in seen.items()
        }

    def create_topics(self, specs: Iterable[TopicSpec]) -> tuple[str, ...]:
        """Make those that are not there, and wait until they can be used; the names of those that were made.

        Of several specs with one name the last counts: a name asked for twice would crash the client library.
        """
        named = {spec.name: spec for spec in specs}.values()
        wanted = [NewTopic(s.name, s.partitions, s.replication_factor, config=dict(s.configuration)) for s in named]
        if not wanted:
            return ()
        futures = self._client.create_topics(wanted, request_timeout=LIMIT_SECONDS)
        made = []
        for name, future in futures.items():
            if self._wait(f"topic {name}", future, fine=(KafkaError.TOPIC_ALREADY_EXISTS,)):
                made.append(name)
        self._await_seen({topic.topic for topic in wanted})
        return tuple(made)

    def alter_topic(self, name: str, configuration: Mapping[str, str]) -> None:
        """Set these values on a topic and leave its others as they are."""
        entries = [
            ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in configuration.items()
        ]
        resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries)
        for future in self._client.incremental_alter_configs([resource], request_timeout=LIMIT_SECONDS).values():
            self._wait(f"topic {name}", future)

    def delete_topics(self, names: Iterable[str]) -> None:
        """Remove topics with all their records."""
        if wanted := list(dict.fromkeys(names)):
            for name, future in self._client.delete_topics(wanted, request_timeout=LIMIT_SECONDS).items():
                self._wait(f"topic {name}", future, fine=(KafkaError.UNKNOWN_TOPIC_OR_PART,))

    def delete_records(self, before: Iterable[PartitionOffset]) -> None:
        """Remove what lies before each offset.  Kafka refuses it on a compacted topic."""
        wanted = [TopicPartition(place.topic, place.partition, place.offset) for place in before]
        for place, future in self._client.delete_records(wanted, request_timeout=LIMIT_SECONDS).items():
            self._wait(f"records of {place.topic}", future)

    def offsets(self, partitions: Collection[tuple[str, int]], *, earliest: bool = False) -> list[PartitionOffset]:
        """The first offset kept, or the last stable offset (end, exclusive), of each partition.

        The end may lie before what was just committed: a commit is confirmed some milliseconds before its markers are written.
        """
        spec = OffsetSpec.earliest() if earliest else OffsetSpec.latest()
        futures = self._client.list_offsets(
            {TopicPartition(topic, partition): spec for topic, partition in partitions},
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=LIMIT_SECONDS,
        )
        return [
            PartitionOffset(place.topic, place.partition, self._result(f"offsets of {place.topic}", future).offset)
            for place, future in futures.items()
        ]

    def group_offsets(self, group: str) -> list[PartitionOffset]:
        """Every offset a consumer group has committed, with the text committed beside it."""
        asked = self._client.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group)],
            require_stable=True,
            request_timeout=LIMIT_SECONDS,
        )
        places = self._result(f"group {group}", asked[group]).topic_partitions or []
        return [PartitionOffset(p.topic, p.partition, p.offset, p.metadata or "") for p in places if p.offset >= 0]

    def group_members(self, group: str) -> tuple[GroupMember, ...]:
        """Who belongs to a consumer group now, and which partitions each reads; empty for a group nobody is in."""
        futures = self._client.describe_consumer_groups([group], request_timeout=LIMIT_SECONDS)
        found = self._result(f"group {group}", futures[group])
        return tuple(
            GroupMember(
                member.group_instance_id,
                member.client_id,
                tuple((place.topic, place.partition) for place in member.assignment.topic_partitions),
            )
            for member in found.members
        )

    def users(self) -> frozenset[str]:
        """Every SCRAM user.  The right is asked for first: without it the client library would end the process."""
        cluster = self._result("cluster", self._client.describe_cluster(include_authorized_operations=True))
        if AclOperation.DESCRIBE not in (cluster.authorized_operations or ()):
            raise Unavailable(FORBIDDEN.fault("listing users: this principal may not describe the cluster"))
        answer = self._client.describe_user_scram_credentials(request_timeout=LIMIT_SECONDS)
        return frozenset(self._result("users", cast("Future[Any]", answer)))

    def upsert_user(self, name: str, password: str) -> None:
        """Make a SCRAM-SHA-512 user, or give it a new password; returns when the user can sign in soon after."""
        credential = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
        self._alter_user(UserScramCredentialUpsertion(name, credential, password.encode()))

    def delete_user(self, name: str) -> None:
        """Remove a SCRAM user.  A living connection stays until it must sign in again: remove its rules first."""
        self._alter_user(UserScramCredentialDeletion(name, ScramMechanism.SCRAM_SHA_512))

    def rules(self) -> frozenset[Rule]:
        """Every permission that `Rule` can express; others (denials, single hosts, other operations) are left out."""
        found = self._result("access rules", self._client.describe_acls(EVERY_RULE, request_timeout=LIMIT_SECONDS))
        return frozenset(rule for binding in found if (rule := rule_of(binding)) is not None)

    def create_rules(self, rules: Iterable[Rule]) -> None:
        """Permit."""
        if wanted := [binding_of(rule) for rule in dict.fromkeys(rules)]:
            for future in self._client.create_acls(wanted, request_timeout=LIMIT_SECONDS).values():
                self._wait("access rules", future)

    def delete_rules(self, rules: Iterable[Rule]) -> None:
        """Permit no longer.  A running consumer is refused within some tens of milliseconds."""
        if wanted := [filter_of(rule) for rule in dict.fromkeys(rules)]:
            for future in self._client.delete_acls(wanted, request_timeout=LIMIT_SECONDS).values():
                self._wait("access rules", future)

    def broker_settings(self, names: Collection[str]) -> dict[str, dict[str, str]]:
        """These settings as each broker has them, by broker id; defaults included."""
        cluster = self._result("cluster", self._client.describe_cluster(request_timeout=LIMIT_SECONDS))
        resources = [ConfigResource(ConfigResource.Type.BROKER, str(node.id)) for node in cluster.nodes]
        futures = self._client.describe_configs(resources, request_timeout=LIMIT_SECONDS)
        return {
            resource.name: {
                name: entry.value
                for name, entry in self._result(f"broker {resource.name}", future).items()
                if name in names and entry.value is not None
            }
            for resource, future in futures.items()
        }

    def _configurations(self, names: Collection[str]) -> dict[str, dict[str, str]]:
        if not names:
            return {}
        resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]
        futures = self._client.describe_configs(resources, request_timeout=LIMIT_SECONDS)
        own = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
        return {
            resource.name: {
                name: entry.value
                for name, entry in self._result(f"topic {resource.name}", future).items()
                if entry.source == own and entry.value is not None
            }
            for resource, future in futures.items()
        }

    def _await_seen(self, names: set[str]) -> None:
        """Wait until new topics answer: the controller knows them a moment before the brokers lead them."""
        limit = clock.monotonic_seconds() + LIMIT_SECONDS
        while True:
            if self._answer_for(names):
                return
            if clock.monotonic_seconds() > limit:
                raise Unavailable(TOPIC_UNSEEN.fault(", ".join(sorted(names))))
            time.sleep(0.02)  # between two questions

    def _answer_for(self, names: set[str]) -> bool:
        """Whether every partition of these topics has a leader that answers as one."""
        described = self._client.describe_topics(TopicCollection(sorted(names)), request_timeout=LIMIT_SECONDS)
        try:
            found = [future.result(LIMIT_SECONDS) for future in described.values()]
            spec = OffsetSpec.earliest()
            places = {TopicPartition(topic.name, part.id): spec for topic in found for part in topic.partitions}
            for future in self._client.list_offsets(places, request_timeout=LIMIT_SECONDS).values():
                future.result(LIMIT_SECONDS)
        except KafkaException:
            return False
        return True

    def _alter_user(self, change: UserScramCredentialUpsertion | UserScramCredentialDeletion) -> None:
        for name, future in self._client.alter_user_scram_credentials([change], request_timeout=LIMIT_SECONDS).items():
            self._wait(f"user {name}", future, fine=(KafkaError.RESOURCE_NOT_FOUND,))

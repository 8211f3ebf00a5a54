"""The administrator's side of a cluster: topics, users, access rules, offsets.  Every answer is waited for, with a limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar, cast

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewTopic,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from broker import clock
from broker.cluster.client import SILENT, Connection, PartitionOffset, is_forbidden, unavailable
from broker.cluster.codes import FORBIDDEN, TOPIC_UNSEEN
from broker.cluster.objects import Operation, Resource, Rule, TopicSpec, TopicState
from contracts.faults import Unavailable

_LIMIT_SECONDS = 30.0
_REACH_SECONDS = 10.0
_ITERATIONS = 4096
_RESOURCES = {
    Resource.TOPIC: ResourceType.TOPIC,
    Resource.GROUP: ResourceType.GROUP,
    Resource.TRANSACTIONAL_ID: ResourceType.TRANSACTIONAL_ID,
}
_OPERATIONS = {
    Operation.READ: AclOperation.READ,
    Operation.WRITE: AclOperation.WRITE,
    Operation.DESCRIBE: AclOperation.DESCRIBE,
    Operation.DELETE: AclOperation.DELETE,
}
_ANY: Any = None  # the client's filters take None for "any", which its annotations do not say
_EVERY_RULE = AclBindingFilter(
    ResourceType.ANY,
    _ANY,
    ResourcePatternType.ANY,
    _ANY,
    _ANY,
    AclOperation.ANY,
    AclPermissionType.ANY,
)
Answer = TypeVar("Answer")


class Admin:
    """One connection that may change the cluster.

    Making one asks for a first answer.  Every method waits for its answer and raises `Unavailable` when Kafka cannot be reached, refuses, or does not answer in
    30 seconds.  Making what is there and removing what is not there are no faults: every method may be repeated.
    """

    def __init__(self, connection: Connection) -> None:
        self._last_error: KafkaError | None = None
        self._client = AdminClient(connection.client_properties(), error_cb=self._note, logger=SILENT)
        self._reach()

    def topics(self) -> dict[str, TopicState]:
        """Every topic this principal may see, Kafka's internal ones excepted, with what was set on it."""
        found = self._ask("topics", lambda: self._client.list_topics(timeout=_LIMIT_SECONDS)).topics
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
        """Make those that are not there, and wait until they can be used; the names of those that were made."""
        wanted = [NewTopic(s.name, s.partitions, s.replication_factor, config=dict(s.configuration)) for s in specs]
        if not wanted:
            return ()
        futures = self._client.create_topics(wanted, request_timeout=_LIMIT_SECONDS)
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
        for future in self._client.incremental_alter_configs([resource], request_timeout=_LIMIT_SECONDS).values():
            self._wait(f"topic {name}", future)

    def delete_topics(self, names: Iterable[str]) -> None:
        """Remove topics with all their records."""
        if wanted := list(names):
            for name, future in self._client.delete_topics(wanted, request_timeout=_LIMIT_SECONDS).items():
                self._wait(f"topic {name}", future, fine=(KafkaError.UNKNOWN_TOPIC_OR_PART,))

    def delete_records(self, before: Iterable[PartitionOffset]) -> None:
        """Remove what lies before each offset.  Kafka refuses it on a compacted topic."""
        wanted = [TopicPartition(place.topic, place.partition, place.offset) for place in before]
        for place, future in self._client.delete_records(wanted, request_timeout=_LIMIT_SECONDS).items():
            self._wait(f"records of {place.topic}", future)

    def offsets(self, partitions: Collection[tuple[str, int]], *, earliest: bool = False) -> list[PartitionOffset]:
        """The first offset kept, or the last stable offset (end, exclusive), of each partition.

        The end may lie before what was just committed: a commit is confirmed some milliseconds before its markers are written.
        """
        spec = OffsetSpec.earliest() if earliest else OffsetSpec.latest()
        futures = self._client.list_offsets(
            {TopicPartition(topic, partition): spec for topic, partition in partitions},
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=_LIMIT_SECONDS,
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
            request_timeout=_LIMIT_SECONDS,
        )
        places = self._result(f"group {group}", asked[group]).topic_partitions or []
        return [PartitionOffset(p.topic, p.partition, p.offset, p.metadata or "") for p in places if p.offset >= 0]

    def users(self) -> frozenset[str]:
        """Every SCRAM user.  The right is asked for first: without it the client library would end the process."""
        cluster = self._result("cluster", self._client.describe_cluster(include_authorized_operations=True))
        if AclOperation.DESCRIBE not in (cluster.authorized_operations or ()):
            raise Unavailable(FORBIDDEN.fault("listing users: this principal may not describe the cluster"))
        answer = self._client.describe_user_scram_credentials(request_timeout=_LIMIT_SECONDS)
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
        found = self._result("access rules", self._client.describe_acls(_EVERY_RULE, request_timeout=_LIMIT_SECONDS))
        return frozenset(rule for binding in found if (rule := _rule(binding)) is not None)

    def create_rules(self, rules: Iterable[Rule]) -> None:
        """Permit."""
        if wanted := [_binding(rule) for rule in rules]:
            for future in self._client.create_acls(wanted, request_timeout=_LIMIT_SECONDS).values():
                self._wait("access rules", future)

    def delete_rules(self, rules: Iterable[Rule]) -> None:
        """Permit no longer.  A running consumer is refused within some tens of milliseconds."""
        if wanted := [_filter(rule) for rule in rules]:
            for future in self._client.delete_acls(wanted, request_timeout=_LIMIT_SECONDS).values():
                self._wait("access rules", future)

    def _reach(self) -> None:
        """Wait for a first answer; a wrong password is known at once, not when the time is up."""
        limit = clock.monotonic_seconds() + _REACH_SECONDS
        while True:
            try:
                self._client.list_topics(timeout=1.0)
            except KafkaException as exception:
                self._client.poll(0)  # hands connection errors to `_note`
                refused = self._last_error is not None and is_forbidden(self._last_error)
                if refused or clock.monotonic_seconds() > limit:
                    raise self._failure("the cluster", exception) from exception
            else:
                return

    def _configurations(self, names: Collection[str]) -> dict[str, dict[str, str]]:
        if not names:
            return {}
        resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]
        futures = self._client.describe_configs(resources, request_timeout=_LIMIT_SECONDS)
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
        """Wait until the brokers know new topics: the controller knows them a moment earlier."""
        limit = clock.monotonic_seconds() + _LIMIT_SECONDS
        while True:
            futures = self._client.describe_topics(TopicCollection(sorted(names)), request_timeout=_LIMIT_SECONDS)
            if all(_leads(future) for future in futures.values()):
                return
            if clock.monotonic_seconds() > limit:
                raise Unavailable(TOPIC_UNSEEN.fault(", ".join(sorted(names))))
            time.sleep(0.02)  # between two questions

    def _alter_user(self, change: UserScramCredentialUpsertion | UserScramCredentialDeletion) -> None:
        for name, future in self._client.alter_user_scram_credentials([change], request_timeout=_LIMIT_SECONDS).items():
            self._wait(f"user {name}", future, fine=(KafkaError.RESOURCE_NOT_FOUND,))

    def _wait(self, what: str, future: Future[Any], fine: tuple[int, ...] = ()) -> bool:
        """Whether the change was made; False for an error that means it was made already."""
        try:
            future.result(_LIMIT_SECONDS)
        except KafkaException as exception:
            if exception.args[0].code() in fine:
                return False
            raise self._failure(what, exception) from exception
        except TimeoutError as exception:
            raise unavailable(self._last_error, what) from exception
        return True

    def _result(self, what: str, future: Future[Answer]) -> Answer:
        return self._ask(what, lambda: future.result(_LIMIT_SECONDS))

    def _ask(self, what: str, call: Callable[[], Answer]) -> Answer:
        try:
            return call()
        except KafkaException as exception:
            raise self._failure(what, exception) from exception
        except TimeoutError as exception:
            raise unavailable(self._last_error, what) from exception

    def _failure(self, what: str, exception: KafkaException) -> Unavailable:
        self._client.poll(0)  # hands connection errors to `_note`
        error: KafkaError = exception.args[0]
        if error.code() < 0 and self._last_error is not None:
            error = self._last_error  # negative is the client's own: why it could not be reached says more
        return unavailable(error, what)

    def _note(self, error: KafkaError) -> None:
        if self._last_error is None or error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001
            self._last_error = error


def _leads(future: Future[Any]) -> bool:
    try:
        return all(partition.leader is not None for partition in future.result(_LIMIT_SECONDS).partitions)
    except KafkaException:
        return False


def _pattern(rule: Rule) -> tuple[ResourceType, str, ResourcePatternType, str, str, AclOperation, AclPermissionType]:
    pattern = ResourcePatternType.PREFIXED if rule.prefixed else ResourcePatternType.LITERAL
    resource, operation = _RESOURCES[rule.resource], _OPERATIONS[rule.operation]
    return resource, rule.name, pattern, f"User:{rule.principal}", "*", operation, AclPermissionType.ALLOW


def _binding(rule: Rule) -> AclBinding:
    return AclBinding(*_pattern(rule))


def _filter(rule: Rule) -> AclBindingFilter:
    return AclBindingFilter(*_pattern(rule))


def _rule(binding: AclBinding) -> Rule | None:
    resource = next((ours for ours, theirs in _RESOURCES.items() if theirs == binding.restype), None)
    operation = next((ours for ours, theirs in _OPERATIONS.items() if theirs == binding.operation), None)
    plain = binding.permission_type == AclPermissionType.ALLOW and binding.host == "*"
    if resource is None or operation is None or not plain or not binding.principal.startswith("User:"):
        return None
    prefixed = binding.resource_pattern_type == ResourcePatternType.PREFIXED
    return Rule(binding.principal.removeprefix("User:"), operation, resource, binding.name, prefixed=prefixed)

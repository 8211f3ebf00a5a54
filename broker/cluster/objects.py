"""What exists on a cluster besides records, as plain values: topics, access rules, group members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Resource(StrEnum):
    """What a rule is about."""

    TOPIC = "topic"
    GROUP = "group"
    TRANSACTIONAL_ID = "transactional-id"


class Operation(StrEnum):
    """What a rule permits.  READ, WRITE and DELETE imply DESCRIBE."""

    READ = "read"
    WRITE = "write"
    DESCRIBE = "describe"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it is to be.  `configuration` holds what differs from the cluster's defaults, in Kafka's names."""

    name: str
    partitions: int
    replication_factor: int
    configuration: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it is."""

    partitions: int
    replication_factor: int
    configuration: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What was set on the topic itself, in Kafka's names."""


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """One permission of one principal (the SCRAM user's name) on one resource, or on all whose names begin with `name`."""

    principal: str
    operation: Operation
    resource: Resource
    name: str
    prefixed: bool = False

    def __str__(self) -> str:
        star = "*" if self.prefixed else ""
        return f"{self.principal} may {self.operation} {self.resource} {self.name}{star}"


@dataclass(frozen=True, slots=True)
class GroupMember:
    """One process in a consumer group.  `instance_id` is None for a member without a lasting identity."""

    instance_id: str | None
    client_id: str
    partitions: tuple[tuple[str, int], ...]

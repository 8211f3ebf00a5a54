"""Making Kafka as the register says: look, plan (`broker.cluster.plan`), apply.

Passwords are random and stand in `credentials/<principal>.json` (0600) of the state directory before Kafka learns them, so
that a command that breaks off loses none.  A user whose credential is kept elsewhere is left as it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from broker.cluster.admin import Admin
from broker.cluster.codes import CREDENTIAL_UNUSABLE
from broker.cluster.connect import Credential, credential_path, read_credential
from broker.cluster.node import write_private
from broker.cluster.objects import TopicState
from broker.cluster.plan import (
    AddUser,
    CreateTopic,
    EmptyTopic,
    Grant,
    Observed,
    RemoveTopic,
    RemoveUser,
    Revoke,
    SetTopic,
    Shape,
    Step,
)
from broker.cluster.topics import base_topics
from broker.settings import Settings
from contracts.faults import Unavailable


def shape(settings: Settings) -> Shape:
    """What the settings decide about topics and access to them."""
    return Shape(settings.partitions, settings.replication_factor, settings.connector_topics)


def make_base_topics(admin: Admin, settings: Settings) -> tuple[str, ...]:
    """Make the broker's own topics where they are missing: what a register needs before its first act."""
    return admin.create_topics(base_topics(settings.partitions, settings.replication_factor))


def observe(admin: Admin, *, records: bool = False) -> Observed:
    """The cluster as it is now; with `records`, also which departments' topics hold any."""
    topics = admin.topics()
    shares = [name for name in topics if name.startswith("share.")] if records else []
    return Observed(topics, admin.users(), admin.rules(), _filled(admin, topics, shares))


def _filled(admin: Admin, topics: Mapping[str, TopicState], names: Iterable[str]) -> frozenset[str]:
    """Those of the topics whose end is not their beginning."""
    places = [(name, partition) for name in names for partition in range(topics[name].partitions)]
    if not places:
        return frozenset()
    ends = {(place.topic, place.partition): place.offset for place in admin.offsets(places)}
    lows = admin.offsets(places, earliest=True)
    return frozenset(low.topic for low in lows if low.offset < ends[low.topic, low.partition])


def apply(steps: Iterable[Step], admin: Admin, settings: Settings) -> tuple[Path, ...]:
    """Take the steps in their order; the credential files that were written.  Problems are passed over.

    Each step may be taken again, so after a failure (`Unavailable`) the whole command may be repeated.
    """
    steps = list(steps)
    admin.delete_rules(step.rule for step in steps if isinstance(step, Revoke))
    admin.create_topics(step.spec for step in steps if isinstance(step, CreateTopic))
    for step in steps:
        if isinstance(step, SetTopic):
            admin.alter_topic(step.name, step.configuration)
    written = [_add_user(step.principal, admin, settings) for step in steps if isinstance(step, AddUser)]
    admin.create_rules(step.rule for step in steps if isinstance(step, Grant))
    for step in steps:
        if isinstance(step, RemoveUser):
            admin.delete_user(step.principal)
            credential_path(settings, step.principal).unlink(missing_ok=True)
    for step in steps:
        if isinstance(step, EmptyTopic):
            _empty(step, admin)
    admin.delete_topics(step.name for step in steps if isinstance(step, RemoveTopic))
    return tuple(path for path in written if path is not None)


def rotate(principal: str, admin: Admin, settings: Settings) -> Path:
    """Give a principal a new password; the file that holds it.  Connections that are open stay until they sign in again."""
    path = _write_credential(principal, settings)
    admin.upsert_user(principal, read_credential(path).password)
    return path


def _empty(step: EmptyTopic, admin: Admin) -> None:
    """Let go of compaction first, or Kafka would refuse; then of every record that is there."""
    admin.alter_topic(step.name, step.configuration)
    partitions = admin.topics()[step.name].partitions
    admin.delete_records(admin.offsets([(step.name, partition) for partition in range(partitions)]))


def _add_user(principal: str, admin: Admin, settings: Settings) -> Path | None:
    path = credential_path(settings, principal)
    fresh = not path.exists()
    if fresh:
        _write_credential(principal, settings)
    admin.upsert_user(principal, read_credential(path).password)
    return path if fresh else None


def _write_credential(principal: str, settings: Settings) -> Path:
    path = credential_path(settings, principal)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(path, msgspec.json.encode(Credential(principal, secrets.token_urlsafe(32))).decode())
    except OSError as exception:
        raise Unavailable(CREDENTIAL_UNUSABLE.fault(f"{path}: {exception.strerror}")) from exception
    return path

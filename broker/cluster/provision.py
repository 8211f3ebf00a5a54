"""Making Kafka as the register says: look, plan (`broker.cluster.plan`), apply.

Passwords are random and stand in `credentials/<principal>.json` (0600) of the state directory before Kafka learns them, so
that a command that breaks off loses none.  A user whose credential is kept elsewhere is left as it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path

import msgspec

from broker.cluster.admin import Admin
from broker.cluster.codes import CREDENTIAL_UNUSABLE
from broker.cluster.connect import Credential, credential_path, read_credential
from broker.cluster.node import write_private
from broker.cluster.plan import (
    AddUser,
    CreateTopic,
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
    """What the settings decide about topics."""
    return Shape(settings.partitions, settings.replication_factor)


def make_base_topics(admin: Admin, settings: Settings) -> tuple[str, ...]:
    """Make the broker's own topics where they are missing: what a register needs before its first act."""
    return admin.create_topics(base_topics(settings.partitions, settings.replication_factor))


def observe(admin: Admin) -> Observed:
    """The cluster as it is now."""
    return Observed(admin.topics(), admin.users(), admin.rules())


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
    admin.delete_topics(step.name for step in steps if isinstance(step, RemoveTopic))
    return tuple(path for path in written if path is not None)


def rotate(principal: str, admin: Admin, settings: Settings) -> Path:
    """Give a principal a new password; the file that holds it.  Connections that are open stay until they sign in again."""
    path = _write_credential(principal, settings)
    admin.upsert_user(principal, read_credential(path).password)
    return path


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

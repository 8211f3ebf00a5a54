"""How this process reaches Kafka: the configured cluster or the local one, as the principal that it acts for."""

from __future__ import annotations

from pathlib import Path

import msgspec

from broker.cluster.client import Connection
from broker.cluster.codes import CREDENTIAL_UNUSABLE, NO_CLUSTER
from broker.cluster.local import saved_connection
from broker.settings import Settings
from contracts.faults import Unavailable


class Credential(msgspec.Struct, frozen=True):
    """`credentials/<principal>.json`, mode 0600: the SCRAM user a principal signs in as."""

    username: str
    password: str


def kafka_directory(settings: Settings) -> Path:
    """Where the local Kafka of this state directory lives."""
    return settings.directory / "kafka"


def credential_path(settings: Settings, principal: str) -> Path:
    """The file that holds a principal's credential; `concordat provision apply` writes it."""
    return settings.directory / "credentials" / f"{principal}.json"


def connection(settings: Settings, principal: str | None = None) -> Connection:
    """The connection for `principal`; None is whoever the settings name, or the local administrator.

    The cluster: `settings.bootstrap_servers`, else the local Kafka that runs in the state directory.  The user: what the
    settings name explicitly, else the principal's credential file, else the local administrator.
    Raises `Unavailable` with what was tried.
    """
    local, explicit = saved_connection(kafka_directory(settings)), _explicit(settings)
    if settings.bootstrap_servers is not None:
        base = Connection(settings.bootstrap_servers, explicit)
    elif local is not None:
        base = Connection(local.bootstrap_servers, {**local.properties, **explicit})
    else:
        tried = f"bootstrap_servers is not set; no local Kafka runs in {kafka_directory(settings)}"
        raise Unavailable(NO_CLUSTER.fault(tried))
    if principal is None or "sasl.username" in explicit:
        return base
    path = credential_path(settings, principal)
    if not path.exists():
        return base
    credential = read_credential(path)
    return base.as_user(credential.username, credential.password)


def read_credential(path: Path) -> Credential:
    """A credential file's content; raises `Unavailable` when it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Credential)
    except (OSError, msgspec.MsgspecError) as exception:
        raise Unavailable(CREDENTIAL_UNUSABLE.fault(f"{path}: {type(exception).__name__}")) from exception


def _explicit(settings: Settings) -> dict[str, str]:
    """Client properties that the settings give, the password included."""
    found = {name.replace("_", "."): value for name, value in settings.kafka.items()}
    if settings.kafka_password_file is not None:
        try:
            found["sasl.password"] = settings.kafka_password_file.read_text().strip()
        except OSError as exception:
            message = f"kafka_password_file {settings.kafka_password_file}: {exception.strerror}"
            raise Unavailable(CREDENTIAL_UNUSABLE.fault(message)) from exception
    elif settings.kafka_password is not None:
        found["sasl.password"] = settings.kafka_password.get_secret_value()
    return found

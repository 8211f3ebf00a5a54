"""All settings in one typed object, and the only reader of the environment.

Values come from `CONCORDAT_*` variables, else `concordat.toml` in the working directory, else defaults that work on one
machine.  `CONCORDAT_KAFKA__<librdkafka property with _ for .>` sets any client property.  A secret may be given
as the path of a file in `<NAME>_FILE`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from tomllib import TOMLDecodeError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from broker.codes import SETTINGS_UNUSABLE
from contracts.faults import Unusable
from contracts.topics import is_ours

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


class Settings(BaseSettings):
    """What this process runs with.  Frozen; secrets are hidden in `repr`."""

    model_config = SettingsConfigDict(
        env_prefix="CONCORDAT_",
        env_nested_delimiter="__",
        toml_file="concordat.toml",
        frozen=True,
        extra="forbid",
    )

    directory: Path = Path(".concordat")
    """Where this machine keeps its state: local Kafka, keys, credentials, worker state.  Made with mode 0700."""
    bootstrap_servers: str | None = None
    """Any Kafka; None uses the local one in `directory`."""
    kafka: dict[str, str] = Field(default_factory=dict)
    """librdkafka properties with `_` for `.`, e.g. `sasl_username`."""
    kafka_password: SecretStr | None = None
    """The SASL password; `CONCORDAT_KAFKA_PASSWORD_FILE` names a file that holds it."""
    kafka_password_file: Path | None = None
    root_key_file: Path | None = None
    """The root key that wraps every secret key (32 bytes, or 64 hexadecimal digits); None keeps one in `directory`."""
    replication_factor: int = 1
    partitions: int = 4
    """Partitions of a new source topic and of `concordat.audit.segments`."""
    connector_topics: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Connector to the topics of others on this Kafka that it reads, such as Debezium's; provisioning lets it, by name alone."""
    cache_directory: Path | None = None
    """Where downloaded Kafka artefacts are kept; None is the user's cache directory."""
    maven_repository: str | None = None
    """Base address of a Maven repository mirror; None is Maven Central."""
    transaction_milliseconds: int = 100
    transaction_events_max: int = 10_000
    snapshot_age_milliseconds_max: int = 500
    """How far a worker's register snapshot may be behind before it stops deciding (BOUNDED-STOP)."""
    serve_host: str = "127.0.0.1"
    serve_port: int = 8080
    metrics_port: int | None = None
    """Where a worker or connector answers Prometheus; None is nowhere (the service answers on its own port)."""
    log_level: str = "INFO"

    @field_validator("connector_topics")
    @classmethod
    def _others_topics(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """Literal names of topics that are not the broker's: `*` would be every topic, and no setting opens a share."""
        for name in (name for names in value.values() for name in names):
            if not _TOPIC.fullmatch(name) or is_ours(name):
                raise ValueError("topics are named one by one, and none of them may be the broker's own")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then `concordat.toml`."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load() -> Settings:
    """The settings in force for this process.  Raises `Unusable` with every setting that is wrong, never with its value."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = [
            (".".join(str(part) for part in found["loc"]), found["msg"]) for found in error.errors(include_input=False)
        ]
        raise Unusable(*(SETTINGS_UNUSABLE.fault(f"{name}: {reason}") for name, reason in wrong)) from None
    except TOMLDecodeError as error:
        raise Unusable(SETTINGS_UNUSABLE.fault(str(error)).in_file("concordat.toml")) from None


def origins() -> dict[str, str]:
    """Where each setting in force comes from: `environment`, `concordat.toml` or `default`."""
    given = {name.upper() for name in os.environ}  # noqa: TID251
    written = TomlConfigSettingsSource(Settings)()
    found = {}
    for name in Settings.model_fields:
        variable = f"CONCORDAT_{name.upper()}"
        from_environment = any(other == variable or other.startswith(variable + "__") for other in given)
        found[name] = "environment" if from_environment else "concordat.toml" if name in written else "default"
    return found


def child_environment() -> dict[str, str]:
    """A copy of this process's environment, to start a child with."""
    return dict(os.environ)  # noqa: TID251

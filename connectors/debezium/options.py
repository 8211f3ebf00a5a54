"""The options of the Debezium connector; `docs/guides/add-a-debezium-topic.md` is their page."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from connectors.debezium.fit import Reading
from connectors.protocol import Options


class Schemaless(BaseModel):
    """What a value is where the record brings no schema and the contract's type leaves it open."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decimals: Literal["text", "base64"] = "text"
    """Text for a decimal: its digits (`decimal.handling.mode=string`), or base64 of its unscaled value (`precise`)."""
    times: Literal["milliseconds", "microseconds", "nanoseconds"] | None = None
    """The unit of a number for a timestamp; without it such a number is quarantined."""


class DebeziumOptions(Options):
    """Which topics, and what Debezium's own settings were where its records do not say it."""

    topics: dict[str, str] = Field(default_factory=dict)
    """Dataset to the topic that Debezium writes."""
    tables: dict[str, str] = Field(default_factory=dict)
    """Dataset to `schema.table`, for several datasets in one topic or one file of events."""
    columns: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Dataset to field to column, where their names differ."""
    form: Literal["envelope", "row"] = "envelope"
    """`row` for topics of bare rows (ExtractNewRecordState)."""
    registry: str | None = Field(default=None, pattern=r"^https?://[^@\s]+$")
    """Address of the schema registry of Avro topics; a user name does not belong in it."""
    registry_credentials_file: Path | None = None
    """A file that holds `user:password` for the registry."""
    schemas: dict[int, Path] = Field(default_factory=dict)
    """Number of a schema to the file of its text, in place of a registry."""
    unavailable_value: str = Field(default="__debezium_unavailable_value", min_length=1)
    """Debezium's `unavailable.value.placeholder`."""
    binary: Literal["base64", "base64-url-safe", "hex"] = "base64"
    """Debezium's `binary.handling.mode`, where bytes come as text."""
    nanoseconds: Literal["refuse", "truncate"] = "refuse"
    """Digits of a time beyond microseconds, which a contract's timestamp has no room for: quarantine the row, or cut them."""
    schemaless: Schemaless = Schemaless()
    """What the contract leaves open where records bring no schema."""

    @field_validator("registry_credentials_file")
    @classmethod
    def _beside(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        """A relative path counts from the configuration's own directory."""
        return value if value is None else _from(value, info)

    @field_validator("schemas")
    @classmethod
    def _each_beside(cls, value: dict[int, Path], info: ValidationInfo) -> dict[int, Path]:
        return {number: _from(path, info) for number, path in value.items()}

    @property
    def reading(self) -> Reading:
        """What is left open, as the values' reader wants it."""
        return Reading(self.binary, self.schemaless.decimals, self.schemaless.times, self.nanoseconds)


def _from(path: Path, info: ValidationInfo) -> Path:
    directory = (info.context or {}).get("directory")
    return path if directory is None else Path(directory) / path

"""The options of the files connector; `docs/guides/add-files.md` is their page."""

from __future__ import annotations

import zoneinfo
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from connectors.protocol import Options


class Mode(StrEnum):
    """How files of a directory become changes."""

    APPEND = "append"
    GROW = "grow"
    EXTRACT = "extract"


class Format(StrEnum):
    """What a file holds."""

    CSV = "csv"
    JSON_LINES = "jsonl"
    AVRO = "avro"
    PARQUET = "parquet"

    @property
    def is_text(self) -> bool:
        """Whether the file has lines."""
        return self in (Format.CSV, Format.JSON_LINES)


class Encoding(StrEnum):
    """How text is written; each has one byte for a line's end and for a quotation mark."""

    UTF_8 = "utf-8"
    LATIN_1 = "iso-8859-1"
    WINDOWS = "windows-1252"


class Empty(StrEnum):
    """What an empty cell of a CSV file is."""

    NULL = "null"
    TEXT = "text"
    QUOTED_TEXT = "quoted-text"


class FilesOptions(Options):
    """Which directory, which files of it, what is in them, and how they become changes."""

    directory: Path = Field(description="Where the files appear. Give them other names while they are written.")
    mode: Mode = Field(
        description="`append`: each file is whole when it appears and is read once, by name. `grow`: lines are added to files. "
        "`extract`: each file holds every row, and is compared with the one before it."
    )
    format: Format = Field(description="What the files hold: `csv`, `jsonl`, `avro` or `parquet`.")
    files: dict[str, str] = Field(
        default_factory=dict,
        description="Dataset to the names of its files, with * and ?. A dataset that is not named has `<dataset>*`.",
    )
    state_directory: Path | None = Field(
        default=None,
        description="`extract` needs it: where the previous extract is remembered. It holds data: nobody else should read it.",
    )
    on_unknown_column: str = Field(
        default="refuse",
        pattern="^(refuse|ignore)$",
        description="A column that the contract does not have: `refuse` ends the connector (a line of JSON is quarantined), "
        "`ignore` leaves it out.",
    )
    on_truncation: str = Field(
        default="refuse",
        pattern="^(refuse|reread)$",
        description="`grow`: a file that became shorter ends the connector (`refuse`), or is read from its start (`reread`).",
    )
    operation_column: str | None = Field(
        default=None,
        description="`append` and `grow`: the column that says what happened to the row: c, u, d or create, insert, update, "
        "delete. Without it a row of an event dataset is a create and one of an entity dataset an update.",
    )
    encoding: Encoding = Field(
        default=Encoding.UTF_8, description="How text is written. A byte order mark of UTF-8 is skipped."
    )
    delimiter: str = Field(
        default=",",
        min_length=1,
        max_length=1,
        pattern=r'^[^"\r\n]$',
        description="What parts the cells of a CSV file.",
    )
    empty: Empty = Field(
        default=Empty.NULL,
        description="An empty cell of a text column: `null`, empty `text`, or `quoted-text`: null, but empty text where it "
        "stands in quotation marks. Of another type it is always null.",
    )
    time_zone: str | None = Field(
        default=None,
        description="The zone of timestamps without an offset, e.g. `Europe/London`; without it they are quarantined.",
    )
    row_bytes_max: int = Field(
        default=1_048_576,
        ge=64,
        le=67_108_864,
        description="A longer line is quarantined without its content, in bytes.",
    )
    batch_changes_max: int = Field(
        default=1_000, ge=1, le=100_000, description="How many changes make one batch at most."
    )
    deletes_percent_max: int = Field(
        default=50,
        ge=0,
        le=100,
        description="`extract`: one that lacks more of the previous rows, in per cent, is refused.",
    )
    settle_seconds: float = Field(
        default=1.0, ge=0, description="`append` and `extract`: how long a file must be left alone before it is read."
    )
    look_seconds: float = Field(default=0.5, gt=0, description="How often the directory is looked at.")

    @field_validator("directory", "state_directory")
    @classmethod
    def _beside(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        """A relative path counts from the configuration's own directory."""
        directory = (info.context or {}).get("directory")
        return value if value is None or directory is None else Path(directory) / value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None and value not in zoneinfo.available_timezones():
            raise ValueError("no such time zone")
        return value

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if self.mode is Mode.GROW and not self.format.is_text:
            raise ValueError("only csv and jsonl files can grow")
        if self.mode is Mode.EXTRACT and self.state_directory is None:
            raise ValueError("the mode extract needs a state_directory")
        if self.mode is Mode.EXTRACT and self.operation_column is not None:
            raise ValueError("an extract has no operation_column: what happened is derived")
        return self

    def pattern(self, dataset: str) -> str:
        """The names of a dataset's files."""
        return self.files.get(dataset, f"{dataset}*")

    @property
    def zone(self) -> zoneinfo.ZoneInfo | None:
        """The zone of timestamps without an offset."""
        return None if self.time_zone is None else zoneinfo.ZoneInfo(self.time_zone)

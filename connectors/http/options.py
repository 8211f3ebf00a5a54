"""The options of the two HTTP connectors; `docs/guides/add-an-http-store.md` is their page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator

from connectors.codes import SECRET_UNREADABLE
from connectors.protocol import Options
from contracts.faults import Unavailable

_POINTER = re.compile(r"(/([^~/]|~[01])*)*")


class _Common(Options):
    operation: str | None = Field(
        default=None,
        description="JSON pointer in an item to what happened: c, u, d or create, insert, update, delete. Without it an item of "
        "an event dataset is a create and one of an entity dataset an update.",
    )
    row: str = Field(default="", description="JSON pointer in an item to its row; empty is the item itself.")
    on_unknown_member: str = Field(
        default="refuse",
        pattern="^(refuse|ignore)$",
        description="A member of a row that the contract does not have: `refuse` quarantines the row, `ignore` leaves it out.",
    )
    body_bytes_max: int = Field(default=8_388_608, ge=1_024, description="A larger body is refused, in bytes.")

    @field_validator("operation", "row", "items", "next_cursor", "item_cursor", "cursor_body", check_fields=False)
    @classmethod
    def _is_pointer(cls, value: str | None) -> str | None:
        if value is not None and not _POINTER.fullmatch(value):
            raise ValueError("a JSON pointer (RFC 6901), such as /data/items")
        return value

    @field_validator("token_file", "basic_file", "certificate_file", "key_file", check_fields=False)
    @classmethod
    def _beside(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        """A relative path counts from the configuration's own directory."""
        directory = (info.context or {}).get("directory")
        return value if value is None or directory is None else Path(directory) / value


class HttpPollOptions(_Common):
    """Which address is asked, how its pages follow each other, and what an item is.  It emits one dataset."""

    url: str = Field(description="The address of the feed, http or https; without user or password.")
    method: str = Field(default="GET", pattern="^(GET|POST)$", description="How it is asked.")
    items: str = Field(
        default="", description="JSON pointer in the answer to the list of items; empty is the whole answer."
    )
    next_cursor: str | None = Field(default=None, description="JSON pointer in the answer to the next page's cursor.")
    item_cursor: str | None = Field(
        default=None,
        description="JSON pointer in an item to its cursor, unique and ascending; the last one asks for the next page.",
    )
    follow_links: bool = Field(default=False, description="Whether the next page is the `Link` header's `rel=next`.")
    cursor_parameter: str = Field(default="cursor", description="The query parameter that carries the cursor.")
    cursor_body: str | None = Field(
        default=None,
        description="JSON pointer in the body of a POST that carries the cursor, in place of a query parameter.",
    )
    token_file: Path | None = Field(default=None, description="A file that holds a bearer token.")
    basic_file: Path | None = Field(default=None, description="A file that holds `user:password`.")
    timeout_seconds: float = Field(
        default=30.0, gt=0, le=600, description="How long an answer may take to begin or go on."
    )
    interval_seconds: float = Field(default=5.0, gt=0, description="How long to wait when there was nothing new.")
    back_off_seconds_max: float = Field(
        default=300.0,
        gt=0,
        description="The longest wait after failures in a row, and the longest that `Retry-After` may ask for.",
    )

    @field_validator("url")
    @classmethod
    def _is_plain(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise ValueError("an address with http or https, without user or password")
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if [self.next_cursor is not None, self.item_cursor is not None, self.follow_links].count(True) != 1:
            raise ValueError("give exactly one of next_cursor, item_cursor and follow_links")
        if self.cursor_body is not None and self.method != "POST":
            raise ValueError("cursor_body needs the method POST")
        if self.token_file is not None and self.basic_file is not None:
            raise ValueError("give at most one of token_file and basic_file")
        return self


class HttpPushOptions(_Common):
    """Where the endpoint listens, who may send, and what it remembers."""

    listen: str = Field(default="127.0.0.1:8470", pattern=r"^[^\s:]+:[0-9]{1,5}$", description="Host and port.")
    token_file: Path = Field(description="A file that holds the bearer token that a sender must give.")
    certificate_file: Path | None = Field(default=None, description="A certificate chain (PEM), for https.")
    key_file: Path | None = Field(default=None, description="The certificate's key (PEM).")
    keys_kept: int = Field(
        default=500,
        ge=1,
        le=700,
        description="How many idempotency keys are remembered: the newest ones, also over a restart.",
    )
    items_max: int = Field(default=10_000, ge=1, description="How many items one request may have.")
    senders_max: int = Field(
        default=64, ge=1, le=1_000, description="How many requests may wait for their answer at once."
    )
    wait_seconds: float = Field(
        default=60.0, gt=0, description="How long a request waits for its commit before it is told to ask again (503)."
    )

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("give both certificate_file and key_file, or neither")
        return self


def secret(path: Path) -> str:
    """What a file with a secret holds; raises `Unavailable` where there is none."""
    try:
        found = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(SECRET_UNREADABLE.fault(f"{path}: {type(error).__name__}")) from None
    if not found or "\n" in found or not found.isascii():
        raise Unavailable(SECRET_UNREADABLE.fault(f"{path}: it is empty, or more than one line of ASCII"))
    return found


def at(pointer: str, document: object) -> object:
    """What a JSON pointer points to; None where there is nothing."""
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(name)
        elif isinstance(document, list) and name.isdecimal() and int(name) < len(document):
            document = document[int(name)]
        else:
            return None
    return document


def put(pointer: str, value: str) -> object:
    """The smallest document in which a pointer points to a value."""
    document: object = value
    for part in reversed(pointer.split("/")[1:]):
        document = {part.replace("~1", "/").replace("~0", "~"): document}
    return document

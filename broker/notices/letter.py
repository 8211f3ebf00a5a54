"""A notice as it stands on a recipient's topic `concordat.notices.<recipient>`: JSON, one record for each share.

UNLINKABLE: it names records only by the keys that the share itself has given them.  `docs/formats/notice.md` is its page.
"""

from __future__ import annotations

import hashlib
from datetime import date

import msgspec

from agreements.notices import NoticeKind

FORM = "concordat.notice/1"


class Letter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one recipient is told about records that it was delivered under one share."""

    type: str
    number: int
    kind: NoticeKind
    organisation: str
    """The owner of the dataset, who issued it."""
    reference: str
    share: str
    keys: tuple[str, ...]
    """The records, by their keys on the share's topic."""
    text: str
    issued_on: date
    answer_by: date
    """The last day to answer, in London."""

    @property
    def key(self) -> bytes:
        """The Kafka key."""
        return f"notice/{self.number}/{self.reference}/{self.share}".encode()

    def value(self) -> bytes:
        """The Kafka value."""
        return msgspec.json.encode(self, order="sorted")


def digest(value: bytes) -> str:
    """What the register keeps of a notice: SHA-256 of the bytes, hex."""
    return hashlib.sha256(value).hexdigest()


_LETTER = msgspec.json.Decoder(Letter)


def read(value: bytes) -> Letter:
    """A notice from its bytes; raises `ValueError`."""
    try:
        found = _LETTER.decode(value)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
    if found.type != FORM:
        raise ValueError(f"not a {FORM}")
    return found

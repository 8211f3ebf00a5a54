"""What a directory holds now, and whether a file is still the one that it was."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from connectors.codes import DIRECTORY_AWAY
from connectors.protocol import Away

PREFIX_BYTES = 4_096
"""By how many of its first bytes a growing file is known again."""
WHOLE_PREFIX_BYTES = 65_536
"""And one that does not grow."""
_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".filepart")


class Found(NamedTuple):
    """One file of a directory."""

    name: str
    inode: int
    size: int
    modified_ns: int

    @property
    def modified(self) -> datetime:
        """When its content changed last."""
        return datetime.fromtimestamp(self.modified_ns / 1e9, UTC)


def look(directory: Path, pattern: str = "*") -> list[Found]:
    """The files of a directory that fit a pattern, by name; hidden ones and those that are being written are not there.

    Raises `Away`.
    """
    found = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if not _counts(entry.name) or not fnmatch.fnmatchcase(entry.name, pattern) or not entry.is_file():
                    continue
                stat = entry.stat()
                found.append(Found(entry.name, stat.st_ino, stat.st_size, stat.st_mtime_ns))
    except FileNotFoundError as error:  # the directory, or a file that went while we looked
        if directory.is_dir():
            return look(directory, pattern)
        raise _away(directory, error) from error
    except OSError as error:
        raise _away(directory, error) from error
    return sorted(found)


def open_file(directory: Path, name: str) -> BinaryIO:
    """A file, opened for reading; raises `Away`."""
    try:
        return (directory / name).open("rb")
    except OSError as error:
        raise _away(directory / name, error) from error


def prefix_digest(directory: Path, name: str, length: int) -> str:
    """A digest of a file's first bytes, 16 hexadecimal digits; raises `Away`."""
    with open_file(directory, name) as stream:
        return digest_of(stream.read(length))


def digest_of(content: bytes) -> str:
    """16 hexadecimal digits of SHA-256."""
    return hashlib.sha256(content).hexdigest()[:16]


class Settled:
    """Tells files that are left alone from those that are still being written: by two looks, `seconds` apart."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[str, tuple[Found, float]] = {}

    def __call__(self, found: Found) -> bool:
        """Whether a file has not changed for long enough."""
        now = time.monotonic()
        before = self._seen.get(found.name)
        if before is None or before[0] != found:
            self._seen[found.name] = (found, now)
            return self._seconds == 0
        return now - before[1] >= self._seconds


def _counts(name: str) -> bool:
    return not name.startswith((".", "~")) and not name.endswith(_UNFINISHED)


def _away(path: Path, error: OSError) -> Away:
    return Away(DIRECTORY_AWAY.fault(f"{path}: {error.strerror or type(error).__name__}"))

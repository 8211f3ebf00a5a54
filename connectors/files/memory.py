"""What a full extract leaves behind: the index of its rows, and a copy of the one that is being carried.

Both are files of the state directory that are written whole, flushed and then renamed, and are named by the digest of their
content: a position that names one names exactly that content, or it is not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from connectors.codes import DIRECTORY_AWAY, STATE_MISSING
from connectors.files.listing import Found, open_file
from connectors.protocol import Away
from contracts.faults import Refused

_CHUNK_BYTES = 1024 * 1024
INDEX, EXTRACT = "index", "extract"


class Memory:
    """The files of one dataset in the state directory."""

    def __init__(self, directory: Path, dataset: str) -> None:
        self._directory, self._dataset = directory, dataset
        self._ours = re.compile(
            rf"{re.escape(dataset)}\.([0-9a-f]{{64}})\.({INDEX}|{EXTRACT})|{re.escape(dataset)}\.new"
        )

    def write_index(self, index: Mapping[str, str]) -> str:
        """Keep an index (key text to row digest); returns its name."""
        content = encode_index(index)
        return self._write([content], digest(content), INDEX)

    def read_index(self, name: str | None) -> dict[str, str]:
        """The index of that name; empty for None.  Raises `Refused` when it is not there as it was."""
        if name is None:
            return {}
        content = self._checked(name, INDEX).read_bytes()
        found: dict[str, str] = dict(json.loads(line) for line in content.splitlines())
        return found

    def stage(self, directory: Path, found: Found) -> str | None:
        """Keep a copy of an extract; returns its name, or None when it changed while it was copied.  Raises `Away`."""
        whole = hashlib.sha256()
        new = self._directory / f"{self._dataset}.new"
        with open_file(directory, found.name) as source:
            try:
                with self._opened(new) as target:
                    while chunk := source.read(_CHUNK_BYTES):
                        whole.update(chunk)
                        target.write(chunk)
                    target.flush()
                    os.fsync(target.fileno())
            except OSError as error:
                raise Away(DIRECTORY_AWAY.fault(f"{self._directory}: {error.strerror}")) from error
            stat = os.fstat(source.fileno())
        if (stat.st_ino, stat.st_size, stat.st_mtime_ns) != found[1:]:
            return None
        name = whole.hexdigest()
        self._rename(new, name, EXTRACT)
        return name

    def staged(self, name: str) -> Path:
        """The copy of that name; raises `Refused` when it is not there as it was."""
        return self._checked(name, EXTRACT)

    def keep_only(self, *, indexes: Iterable[str | None], extracts: Iterable[str | None]) -> None:
        """Remove every index and every copy that is not named."""
        kept = {(name, INDEX) for name in indexes} | {(name, EXTRACT) for name in extracts}
        for path in self._directory.iterdir():
            found = self._ours.fullmatch(path.name)
            if found is not None and found.groups() not in kept:
                path.unlink(missing_ok=True)

    def _checked(self, name: str, kind: str) -> Path:
        path = self._directory / f"{self._dataset}.{name}.{kind}"
        try:
            with path.open("rb") as stream:
                right = hashlib.file_digest(stream, "sha256").hexdigest() == name
        except OSError:
            right = False
        if not right:
            raise Refused(STATE_MISSING.fault(f"{path.name} in {self._directory}"))
        return path

    def _write(self, parts: Iterable[bytes], name: str, kind: str) -> str:
        new = self._directory / f"{self._dataset}.new"
        try:
            with self._opened(new) as target:
                target.writelines(parts)
                target.flush()
                os.fsync(target.fileno())
            self._rename(new, name, kind)
        except OSError as error:
            raise Away(DIRECTORY_AWAY.fault(f"{self._directory}: {error.strerror}")) from error
        return name

    def _opened(self, path: Path) -> BinaryIO:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")

    def _rename(self, new: Path, name: str, kind: str) -> None:
        new.replace(self._directory / f"{self._dataset}.{name}.{kind}")
        descriptor = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def encode_index(index: Mapping[str, str]) -> bytes:
    """The one text of an index: a line of JSON for each key, in the index's order."""
    return b"".join(json.dumps(pair).encode() + b"\n" for pair in index.items())


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()

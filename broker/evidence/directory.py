"""An export: what offline verification needs, in a directory, each file named by its SHA-256 in a manifest.

`docs/formats/audit-export.md` is the format's page.  Of what departments received it holds digests, of the sources offsets
and sequences: no contents, so an export holds no personal data.  Writing and reading are streamed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, Literal

import msgspec

from agreements.append_time import Logged
from agreements.fold import fold_batch
from agreements.snapshot import Snapshot
from broker.audit.codes import DIRECTORY_NOT_EMPTY, EXPORT_ALTERED, EXPORT_UNREADABLE
from broker.audit.evidence import (
    Evidence,
    Exposed,
    Mark,
    SegmentRecord,
    ShareRecord,
    SourcePartition,
    SourceRecord,
)
from broker.evidence.kafka import share_topics
from contracts import topics
from contracts.faults import AnswerIsNo, Refused, Unusable

MANIFEST = "manifest.json"
MANIFEST_DIGEST = "manifest.sha256"
_REGISTER = "register.jsonl"
_SEGMENTS = "segments.jsonl"


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of an export."""

    sha256: str
    size_bytes: int


class PlaceEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One partition of a source or share topic: its bounds, its file, and what is exposed there."""

    topic: str
    partition: int
    low: int
    settled: int
    file: str
    exposed: tuple[tuple[int, int, int], ...] = ()


class MarkEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source partition's committed offset and mark."""

    topic: str
    partition: int
    offset: int
    header: str
    segments: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an export is made of."""

    format: Literal["concordat/audit-export/2"]
    taken_at: str
    """RFC 3339."""
    files: dict[str, FileEntry]
    places: tuple[PlaceEntry, ...]
    marks: tuple[MarkEntry, ...]


def export(evidence: Evidence, directory: Path, taken_at: str) -> Manifest:
    """Write an export of `evidence` into a new or empty directory; raises `Refused` for any other."""
    if directory.exists() and any(directory.iterdir()):
        raise Refused(DIRECTORY_NOT_EMPTY.fault(str(directory)))
    for folder in ("source", "share"):
        (directory / folder).mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    register = list(evidence.register())
    snapshot = fold_batch(Snapshot(), register).snapshot
    files = {
        _REGISTER: _write(
            directory / _REGISTER, ([one.position, _text(one.value), one.appended_ms] for one in register)
        ),
        _SEGMENTS: _write(
            directory / _SEGMENTS,
            ([record.place, _text(record.key), _text(record.value)] for record in evidence.segments()),
        ),
    }
    marks = tuple(
        MarkEntry(topic, partition, mark.offset, mark.header, mark.segments)
        for (topic, partition), mark in sorted(evidence.marks().items())
    )
    sources = {topics.source(dataset) for dataset in snapshot.contracts} | {mark.topic for mark in marks}
    places = [
        *(_export_source(evidence, directory, files, topic) for topic in sorted(sources)),
        *(_export_share(evidence, directory, files, topic) for topic in share_topics(snapshot)),
    ]
    manifest = Manifest(
        "concordat/audit-export/2", taken_at, files, tuple(one for part in places for one in part), marks
    )
    text = msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=1)
    (directory / MANIFEST).write_bytes(text)
    (directory / MANIFEST_DIGEST).write_bytes(sha256(text).hexdigest().encode() + b"\n")
    return manifest


def _export_source(evidence: Evidence, directory: Path, files: dict[str, FileEntry], topic: str) -> list[PlaceEntry]:
    places = []
    for partition in range(evidence.partitions(topic)):
        name = f"source/{topic}-{partition}.jsonl"
        files[name] = _write(directory / name, (list(record) for record in evidence.source(topic, partition)))
        places.append(PlaceEntry(topic, partition, evidence.low(topic, partition), 0, name))
    return places


def _export_share(evidence: Evidence, directory: Path, files: dict[str, FileEntry], topic: str) -> list[PlaceEntry]:
    places = []
    for partition in range(evidence.partitions(topic)):
        name = f"share/{topic}-{partition}.jsonl"
        low, settled = evidence.low(topic, partition), evidence.settled(topic, partition)
        files[name] = _write(
            directory / name,
            (
                [record.offset, record.digest.hex(), record.key.hex(), record.is_removal]
                for record in evidence.share(topic, partition)
            ),
        )
        exposed = tuple((one.first_offset, one.last_offset, one.records) for one in evidence.exposed(topic, partition))
        places.append(PlaceEntry(topic, partition, low, settled, name, exposed))
    return places


def _write(path: Path, rows: Iterable[list[Any]]) -> FileEntry:
    digest, size_bytes = sha256(), 0
    with path.open("xb") as file:
        for row in rows:
            line = msgspec.json.encode(row) + b"\n"
            digest.update(line)
            size_bytes += file.write(line)
    return FileEntry(digest.hexdigest(), size_bytes)


def _text(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()


class DirectoryEvidence:
    """The evidence in an export; see `broker.audit.evidence.Evidence`.

    Every file is held against the manifest before anything is believed.  Raises `Unusable` for a directory that is no
    export, and `AnswerIsNo` for one that was changed, naming the first file that is wrong.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            text = (directory / MANIFEST).read_bytes()
            digest = (directory / MANIFEST_DIGEST).read_bytes()
        except OSError as fault:
            raise Unusable(EXPORT_UNREADABLE.fault(f"{directory}: {fault.strerror}")) from fault
        if sha256(text).hexdigest().encode() + b"\n" != digest:
            raise AnswerIsNo(EXPORT_ALTERED.fault(MANIFEST))
        try:
            self._manifest = msgspec.json.decode(text, type=Manifest)
        except msgspec.DecodeError as fault:
            raise Unusable(EXPORT_UNREADABLE.fault(f"{MANIFEST}: not of a known form")) from fault
        self._check_files()
        self._places = {(place.topic, place.partition): place for place in self._manifest.places}

    def _check_files(self) -> None:
        found = {path.relative_to(self._directory).as_posix() for path in self._directory.rglob("*") if path.is_file()}
        expected = {*self._manifest.files, MANIFEST, MANIFEST_DIGEST}
        for name in sorted(found ^ expected):
            raise AnswerIsNo(
                EXPORT_ALTERED.fault(f"{name} is {'missing' if name in expected else 'not in the manifest'}")
            )
        for name, entry in sorted(self._manifest.files.items()):
            with (self._directory / name).open("rb") as file:
                if file_digest(file, "sha256").hexdigest() != entry.sha256:
                    raise AnswerIsNo(EXPORT_ALTERED.fault(name))

    def _rows(self, name: str) -> Iterator[list[Any]]:
        try:
            with (self._directory / name).open("rb") as file:
                for line in file:
                    yield json.loads(line)
        except ValueError as fault:
            raise Unusable(EXPORT_UNREADABLE.fault(name)) from fault

    def register(self) -> Iterator[Logged]:
        """See `Evidence`."""
        for offset, value, appended_ms in self._rows(_REGISTER):
            yield Logged(offset, _bytes(value), appended_ms)

    def segments(self) -> Iterator[SegmentRecord]:
        """See `Evidence`."""
        for place, key, value in self._rows(_SEGMENTS):
            yield SegmentRecord(place, _bytes(key), _bytes(value))

    def marks(self) -> Mapping[SourcePartition, Mark]:
        """See `Evidence`."""
        return {(m.topic, m.partition): Mark(m.offset, m.header, m.segments) for m in self._manifest.marks}

    def partitions(self, topic: str) -> int:
        """See `Evidence`."""
        return sum(name == topic for name, _ in self._places)

    def low(self, topic: str, partition: int) -> int:
        """See `Evidence`."""
        return self._places[topic, partition].low

    def settled(self, topic: str, partition: int) -> int:
        """See `Evidence`."""
        return self._places[topic, partition].settled

    def source(self, topic: str, partition: int) -> Iterator[SourceRecord]:
        """See `Evidence`."""
        for offset, sequence in self._rows(self._places[topic, partition].file):
            yield SourceRecord(offset, sequence)

    def share(self, topic: str, partition: int) -> Iterator[ShareRecord]:
        """See `Evidence`."""
        for offset, digest, key, is_removal in self._rows(self._places[topic, partition].file):
            yield ShareRecord(offset, bytes.fromhex(digest), bytes.fromhex(key), is_removal)

    def exposed(self, topic: str, partition: int) -> Iterator[Exposed]:
        """See `Evidence`."""
        for found in self._places[topic, partition].exposed:
            yield Exposed(*found)


def _bytes(value: str | None) -> bytes | None:
    return None if value is None else base64.b64decode(value, validate=True)

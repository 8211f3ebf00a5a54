"""Files that are read once: whole ones as they appear, and growing ones line by line.

ONCE: each file that is still in the directory has an entry in the position, which says how far it is read and what it began
with.  A file is followed by its inode through renames (rotation); one whose beginning or size is another than it was ends
the connector, for what was read of it cannot be told from what was not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

from connectors.codes import FILE_CHANGED, FILE_GONE, FILE_TRUNCATED, TOO_MANY_FILES
from connectors.files import sources
from connectors.files.lines import Mark, Raw
from connectors.files.listing import (
    PREFIX_BYTES,
    WHOLE_PREFIX_BYTES,
    Found,
    Settled,
    digest_of,
    look,
    open_file,
    prefix_digest,
)
from connectors.files.options import FilesOptions, Mode
from connectors.protocol import Change, Position
from contracts.faults import Code, Refused
from contracts.model import Contract

FILES_MAX = 300
_BATCH_BYTES = 8 * 1024 * 1024


@dataclass(slots=True)
class Entry:
    """How far one file is read.  `prefix` bytes of its beginning have the digest `digest`; `size` is what it had then."""

    name: str
    inode: int
    size: int
    prefix: int
    digest: str
    modified_ns: int = 0
    offset: int = 0
    line: int = 0
    done: bool = False


class Appended:
    """The files of one dataset, each row of them once."""

    def __init__(self, contract: Contract, options: FilesOptions) -> None:
        self._contract, self._options = contract, options
        self._grows = options.mode is Mode.GROW
        self._shaper = sources.shaper(contract, options)
        self._settled = Settled(options.settle_seconds)
        self._entries: list[Entry] = []
        self._open: tuple[Entry, Found, BinaryIO, Iterator[Raw]] | None = None

    def restore(self, state: Any) -> None:
        """Go on where a position stands; raises what a malformed one raises."""
        self.close()
        self._entries = [Entry(**one) for one in state or []]

    def state(self) -> Any:
        """Where this stands, as JSON."""
        return [asdict(entry) for entry in self._entries]

    def durable(self, _state: Any) -> None:
        """Nothing is kept besides the position."""

    def close(self) -> None:
        """Close the file that is being read."""
        if self._open is not None:
            self._open[2].close()
        self._open = None

    def read(self) -> list[Change]:
        """The next changes, of one file; empty when there are none.  Raises `Refused` and `Away`."""
        changes = self._take()
        if changes:
            return changes
        for entry, found in self._candidates():
            self._begin(entry, found)
            changes = self._take()
            if changes:
                return changes
        return []

    def _begin(self, entry: Entry, found: Found) -> None:
        self.close()
        stream = open_file(self._options.directory, entry.name)
        if os.fstat(stream.fileno()).st_ino != found.inode:  # renamed since we looked: the next look will tell
            stream.close()
            return
        try:
            mark = Mark(entry.offset, entry.line)
            raws = sources.rows(stream, entry.name, mark, self._contract, self._options, whole=not self._grows)
        except BaseException:
            stream.close()
            raise
        self._open = (entry, found, stream, raws)

    def _take(self) -> list[Change]:
        if self._open is None:
            return []
        entry, found, stream, raws = self._open
        if entry not in self._entries:
            if len(self._entries) >= FILES_MAX:
                raise Refused(TOO_MANY_FILES.fault(f"{self._contract.dataset}: {len(self._entries)}"))
            self._entries.append(entry)
        changes: list[Change] = []
        began = entry.offset
        for raw in raws:
            changes.append(self._change(entry, found, raw))
            entry.offset, entry.line = raw.after
            if len(changes) >= self._options.batch_changes_max or entry.offset - began >= _BATCH_BYTES:
                break
        else:
            entry.done = not self._grows
        self._remember(entry, stream)
        if entry.done or len(changes) == 0:
            self.close()
        return changes

    def _change(self, entry: Entry, found: Found, raw: Raw) -> Change:
        position = Position(f"{entry.name}:{raw.line}")
        if raw.problem is not None:
            return self._shaper.unreadable(raw.problem, position, found.modified)
        values, operation = sources.operation(raw.values, self._options)
        return self._shaper.change(values, position, found.modified, operation)

    def _remember(self, entry: Entry, stream: BinaryIO) -> None:
        """Of a growing file, keep the digest of what was read, as long as its beginning becomes longer."""
        length = min(PREFIX_BYTES, entry.offset)
        if self._grows and length > entry.prefix:
            entry.digest = digest_of(os.pread(stream.fileno(), length, 0))
            entry.prefix = length

    # -- which file is next ------------------------------------------------------------------------------------------

    def _candidates(self) -> Iterator[tuple[Entry, Found]]:
        found = look(self._options.directory, self._options.pattern(self._contract.dataset))
        if self._grows:
            yield from self._grown(found)
        else:
            yield from self._appeared(found)

    def _appeared(self, listed: list[Found]) -> Iterator[tuple[Entry, Found]]:
        """The file that is read in part, then new ones by name."""
        by_name = {found.name: found for found in listed}
        for entry in list(self._entries):
            found = by_name.get(entry.name)
            if found is None:
                if not entry.done:
                    raise _refused(FILE_GONE, entry)
                self._entries.remove(entry)
                continue
            if tuple(found) != (entry.name, entry.inode, entry.size, entry.modified_ns):
                if found.size != entry.size or not self._is(entry, found.name):
                    raise _refused(FILE_CHANGED, entry)
                entry.inode, entry.modified_ns = found.inode, found.modified_ns  # the same, copied or restored
            if not entry.done:
                yield entry, found
        known = {entry.name for entry in self._entries}
        for found in listed:
            if found.name not in known and self._settled(found):
                yield self._entry(found, min(WHOLE_PREFIX_BYTES, found.size)), found

    def _grown(self, listed: list[Found]) -> Iterator[tuple[Entry, Found]]:
        """Files with more than was read, those that were begun first; then new ones, the one that changed first before others.

        Rotation may have made several since the last look.  `x.log.2` is older than `x.log.1`, and both than `x.log`.
        """
        everywhere = look(self._options.directory)
        ready = []
        for entry in list(self._entries):
            found = self._followed(entry, everywhere)
            if found is not None and found.size > entry.offset:
                ready.append((entry, found))
        yield from ready
        known = {entry.inode for entry in self._entries}
        in_reverse = sorted(listed, key=lambda found: found.name, reverse=True)
        for found in sorted(in_reverse, key=lambda found: found.modified_ns):
            if found.inode not in known and found.size:
                yield self._entry(found, 0), found

    def _followed(self, entry: Entry, everywhere: list[Found]) -> Found | None:
        """Where a file that was begun is now, under whatever name; None, and its entry forgotten, when it is over."""
        same = next((found for found in everywhere if found.inode == entry.inode), None)
        named = next((found for found in everywhere if found.name == entry.name), None)
        for found in (same, named):
            if found is not None and found.size >= entry.offset and self._is(entry, found.name):
                entry.name, entry.inode, entry.size = found.name, found.inode, found.size
                return found
        if same is not None and same.name == entry.name and self._options.on_truncation != "reread":
            raise _refused(FILE_TRUNCATED, entry)
        if same is None and entry.size > entry.offset:
            raise _refused(FILE_GONE, entry)
        self._entries.remove(entry)
        return None

    def _is(self, entry: Entry, name: str) -> bool:
        return prefix_digest(self._options.directory, name, entry.prefix) == entry.digest

    def _entry(self, found: Found, prefix: int) -> Entry:
        digest = prefix_digest(self._options.directory, found.name, prefix)
        return Entry(found.name, found.inode, found.size, prefix, digest, found.modified_ns)


def _refused(code: Code, entry: Entry) -> Refused:
    return Refused(code.fault(f"{entry.name}, read up to line {entry.line}"))

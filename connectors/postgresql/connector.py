"""The PostgreSQL connector: logical replication with `pgoutput`, and a snapshot handed over without loss or repeat.

The connector opens two sessions: one streams from the replication slot, one asks the catalogue and reads the chunks of the
snapshot.  `poll` takes turns between a chunk and the stream.  CONFIRM-DURABLE-ONLY: the server is told only
positions that the runtime has called `durable`, heartbeats included, so it never forgets what Kafka does not hold.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import psycopg

from connectors.codes import UNKNOWN_SIGNAL
from connectors.health import Health
from connectors.postgresql.again import Held
from connectors.postgresql.assembler import Assembler
from connectors.postgresql.catalogue import Catalogue
from connectors.postgresql.check import Examined, wanted_of
from connectors.postgresql.chunks import ChunkReader
from connectors.postgresql.codes import TABLE_MISFIT
from connectors.postgresql.decoder import Decoder
from connectors.postgresql.draft import drafts
from connectors.postgresql.events import Events
from connectors.postgresql.feeding import feed
from connectors.postgresql.machine import Machine
from connectors.postgresql.opening import all_binary, prepared, start
from connectors.postgresql.options import PostgresqlOptions
from connectors.postgresql.outbox_rows import OutboxRows
from connectors.postgresql.places import EVERYTHING, Beginning
from connectors.postgresql.position import Key, Place, parse
from connectors.postgresql.report import report
from connectors.postgresql.sessions import Received, Stream, connect
from connectors.postgresql.slot import health
from connectors.postgresql.tables import leaves
from connectors.protocol import Batch, CheckReport, Options, Position, Signal
from connectors.written import SchemaIds
from contracts.faults import Failure, Refused
from contracts.model import Contract

_FEED_MESSAGES = 512
_ASK_SECONDS = 0.2


class PostgresqlConnector:
    """Reads the tables of one PostgreSQL database (14 or newer), one per contract."""

    name: ClassVar[str] = "postgresql"
    description: ClassVar[str] = "PostgreSQL 14 or newer, by logical replication"
    options_model: ClassVar[type[Options]] = PostgresqlOptions

    def __init__(self, name: str, options: Options, contracts: Sequence[Contract]) -> None:
        assert isinstance(options, PostgresqlOptions)
        self._options, self._name = options, name
        self._quarantine = options.on_schema_change == "quarantine"
        self._application = f"concordat/{name}"[:63]
        self._wanted = wanted_of(name, options, contracts, self._application)
        self._session: psycopg.Connection | None = None
        self._stream: Stream | None = None
        self._schemas: Mapping[str, SchemaIds] | None = None
        self._machine: Machine | None = None
        """Writes what is plain, once `write_with` asked for it."""
        self._decoder: Decoder
        self._events: Events
        self._outbox: OutboxRows
        self._assembler: Assembler
        self._again: set[str] = set()
        """Datasets whose tables are to be read again once the connector is open."""
        self._chunks: dict[str, ChunkReader] = {}
        self._queue: deque[Received] = deque()
        self._durable_lsn = 0
        self._stream_turn = False
        self._batch_at = self._asked_at = 0.0

    def write_with(self, schemas: Mapping[str, SchemaIds]) -> None:
        """From the next `open` on, give what is plain as bytes."""
        self._schemas = schemas

    def check(self) -> CheckReport:
        """Reachability, privileges, settings, keys and contract fit, with the SQL that mends each fault."""
        try:
            session = connect(self._options.conninfo(), self._application)
        except Failure as failure:
            return CheckReport(failure.faults)
        with contextlib.closing(session):
            return report(session, self._wanted, self._options.alarm_retained_bytes)

    def discover(self) -> Sequence[str]:
        """A draft contract for every table that the user can read; what an owner must decide is only proposed."""
        session = connect(self._options.conninfo(), self._application)
        with contextlib.closing(session):
            return drafts(session, self._name)

    def open(self, position: Position | None) -> None:
        """Connect and continue after `position`; makes the publication and the slot where it may.

        Raises `Unavailable` (unreachable, refused, misfit, slot held or ahead, another server) with what to do.
        """
        place = None if position is None else parse(position)
        self.close()
        try:
            self._open(place)
        except BaseException:
            self.close()
            raise

    def _open(self, place: Place | None) -> None:
        conninfo = self._options.conninfo()
        self._session = connect(conninfo, self._application)
        catalogue = Catalogue(self._session)
        stored = place is not None
        examined = prepared(self._session, catalogue, self._wanted, misfits=self._quarantine and stored, stored=stored)
        self._stream = Stream(conninfo, self._application)
        beginning = Beginning(
            self._stream,
            catalogue,
            self._wanted,
            snapshot=self._options.snapshot,
            wait=self._options.slot_wait_seconds,
        )
        place = beginning.place(place, self._again)
        schemas = self._schemas
        self._machine = None if schemas is None else Machine(self._name, schemas)
        self._chunks = {
            dataset: ChunkReader(contract, table, None if schemas is None else (self._name, schemas[dataset]))
            for dataset, table in examined.tables.items()
            if not isinstance(leaves(contract := self._wanted.contracts[dataset], table), list)
        }
        self._decoder = self._decoder_of(catalogue, examined)
        self._assembler = Assembler(place, self._options.batch_changes_max)
        self._read_again()
        self._queue.clear()
        self._durable_lsn = place.lsn
        start(
            self._stream,
            catalogue,
            self._wanted,
            place.lsn,
            wait_seconds=self._options.slot_wait_seconds,
            binary=all_binary(self._wanted, examined),
        )
        self._batch_at = self._asked_at = time.monotonic()

    def _decoder_of(self, catalogue: Catalogue, examined: Examined) -> Decoder:
        """What reads the stream; and, where there is an outbox, its rows."""
        wanted, box = self._wanted, examined.outbox
        identifier = None if box is None else box.identifier
        self._events = Events(wanted.outbox, wanted.messages, wanted.events, catalogue.described, identifier)
        if wanted.outbox_rows and wanted.outbox is not None and box is not None:
            self._outbox = OutboxRows(wanted.outbox, wanted.events, box)
        return Decoder(
            {wanted.tables[dataset]: contract for dataset, contract in wanted.contracts.items()},
            lambda _, relation: catalogue.described(relation),
            identifiers={table.identifier: wanted.contracts[dataset] for dataset, table in examined.tables.items()},
            quarantine=self._quarantine,
            machine=self._machine,
            events=self._events,
        )

    def poll(self, timeout_seconds: float) -> Batch | None:
        """The next rows of the outbox, the next chunk of the snapshot, or what the stream has brought, which take turns."""
        batch = self._next_events() or self._next_chunk()
        if batch is None:
            self._read_stream(self._patience(timeout_seconds))
            now = time.monotonic()
            batch = self._assembler.batch(heartbeat=now - self._batch_at >= self._options.heartbeat_seconds)
        if batch is not None:
            self._batch_at = time.monotonic()
        return batch

    def _patience(self, timeout_seconds: float) -> float:
        """How long to wait for the stream: not at all while there is a chunk to read."""
        if self._assembler.holding:
            return min(timeout_seconds, _ASK_SECONDS)
        return 0.0 if self._assembler.next_table() is not None else timeout_seconds

    def durable(self, position: Position) -> None:
        """Confirm `position` to the server, which may then forget it; also keeps the session alive."""
        self._durable_lsn = max(self._durable_lsn, parse(position).lsn)
        if self._stream is not None:
            self._stream.confirm(self._durable_lsn)

    def health(self) -> Health:
        """How far the slot is behind the server, and what is wrong with it."""
        if self._session is None:
            return Health()
        found = health(self._session, self._wanted.slot, self._durable_lsn, self._options.alarm_retained_bytes)
        return replace(found, passed_over=self._events.passed_over())

    def signal(self, signal: Signal) -> None:
        """`snapshot` [`table`]: read that dataset's table, or every one, again while its changes stream."""
        if signal.name != "snapshot":
            raise Refused(UNKNOWN_SIGNAL.fault(f"{self.name} takes no signal {signal.name!r}"))
        wanted = dict(signal.arguments).get("table")
        named = self._wanted.tables.items()
        found = {dataset for dataset, table in named if wanted in (None, dataset, ".".join(table), table[1])}
        if wanted is None:
            found.add(EVERYTHING)
        if not found:
            raise Refused(UNKNOWN_SIGNAL.fault(f"{self._name} reads no table {wanted!r} that could be read again"))
        self._again |= found
        if self._stream is not None:
            self._read_again()

    def _read_again(self) -> None:
        for dataset in self._again - {EVERYTHING}:
            self._assembler.read_again(dataset)
        self._again.clear()

    def close(self) -> None:
        """End both sessions; the slot stays."""
        if self._stream is not None:
            self._stream.close()
        if self._session is not None:
            self._session.close()
        self._stream = self._session = None

    # -- reading -----------------------------------------------------------------------------------------------------

    def _next_events(self) -> Batch | None:
        """The next rows of the outbox, while there are any that the slot's snapshot sees."""
        found = self._assembler.outbox
        if found is None:
            return None
        name, progress = found
        assert self._session is not None
        rows, last, done = self._outbox.take(self._session, progress.last, progress.before, self._options.chunk_rows)
        return self._assembler.take_outbox(name, rows, last, done=done)

    def _next_chunk(self) -> Batch | None:
        """The next chunk when it is the snapshot's turn; None when it is the stream's."""
        self._stream_turn = not self._stream_turn
        if self._stream_turn or not self._assembler.settled:
            return None
        if self._assembler.holding:
            return self._assembler.release()
        table = None if self._queue else self._assembler.next_table()
        if table is None:
            return None
        assert self._session is not None
        dataset, after = table
        chunks = self._chunks.get(dataset)
        if chunks is None:
            raise Refused(TABLE_MISFIT.fault(f"{dataset}: its snapshot cannot be read: the table does not fit"))
        if self._assembler.is_again(dataset):
            self._hold(dataset, after, chunks)
            return None
        taken = chunks.take(self._session, after, self._options.chunk_rows, self._assembler.may_take)
        return None if taken is None else self._assembler.take_chunk(dataset, taken.rows, taken.chunk, done=taken.done)

    def _hold(self, dataset: str, after: Key | None, chunks: ChunkReader) -> None:
        """Read a chunk of a table that is read again, and ask the server when the stream is there."""
        assert self._session is not None
        taken = chunks.take(self._session, after, self._options.chunk_rows, self._assembler.may_hold, keyed=True)
        if taken is not None:
            rows = dict(zip(taken.places, taken.rows, strict=True))
            self._assembler.hold_chunk(Held(dataset, rows, taken.chunk, taken.done))
            self._asked_at = 0.0

    def _read_stream(self, timeout_seconds: float) -> None:
        assert self._stream is not None
        if not self._queue:
            self._ask()
            self._queue.extend(self._stream.read(timeout_seconds))
        while self._queue and not self._assembler.full:
            run: list[bytes] = []
            while self._queue and len(run) < _FEED_MESSAGES:
                received = self._queue.popleft()
                if isinstance(received, int):
                    feed(run, self._assembler, self._decoder, self._machine)
                    run = []
                    self._assembler.idle_at(received)
                else:
                    run.append(received)
            feed(run, self._assembler, self._decoder, self._machine)

    def _ask(self) -> None:
        """Ask the server how far it is: often while chunks wait for the stream, else for the heartbeat."""
        assert self._stream is not None
        now = time.monotonic()
        every = (
            _ASK_SECONDS
            if self._assembler.place.in_flight or self._assembler.holding
            else self._options.heartbeat_seconds / 2
        )
        if now - self._asked_at >= every:
            self._asked_at = now
            self._stream.confirm(self._durable_lsn, reply=True)

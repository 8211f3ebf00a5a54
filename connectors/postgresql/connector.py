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
from typing import ClassVar

import psycopg

from connectors.codes import UNKNOWN_SIGNAL
from connectors.health import Health
from connectors.postgresql.again import Held
from connectors.postgresql.assembler import Assembler
from connectors.postgresql.catalogue import Catalogue
from connectors.postgresql.check import Wanted, examine
from connectors.postgresql.chunks import ChunkReader
from connectors.postgresql.codes import TABLE_MISFIT
from connectors.postgresql.decoder import Decoder
from connectors.postgresql.draft import drafts
from connectors.postgresql.feeding import feed
from connectors.postgresql.fit import advice
from connectors.postgresql.machine import Machine
from connectors.postgresql.opening import all_binary, prepared, start
from connectors.postgresql.options import PostgresqlOptions
from connectors.postgresql.places import begin_at
from connectors.postgresql.position import Key, Place, parse
from connectors.postgresql.sessions import Received, Stream, connect
from connectors.postgresql.slot import alarms, standing
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
        slot = options.slot or "concordat_" + "".join(c if c.isalnum() else "_" for c in name.lower())[:50]
        named = {contract.dataset: contract for contract in contracts}
        self._options, self._name = options, name
        self._quarantine = options.on_schema_change == "quarantine"
        self._application = f"concordat/{name}"[:63]
        self._wanted = Wanted(
            contracts=named,
            tables={dataset: options.table_of(dataset) for dataset in named},
            publication=options.publication or slot,
            slot=slot,
            manage=options.manage,
            application=self._application,
        )
        self._session: psycopg.Connection | None = None
        self._stream: Stream | None = None
        self._schemas: Mapping[str, SchemaIds] | None = None
        self._machine: Machine | None = None
        """Writes what is plain, once `write_with` asked for it."""
        self._decoder: Decoder
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
            findings, tables = examine(Catalogue(session), self._wanted)
            found = standing(session, self._wanted.slot)
        remedies = [statement for finding in findings for statement in finding.remedies]
        more = tuple(fault for name, table in tables.items() for fault in advice(self._wanted.contracts[name], table))
        if found is not None:
            more += alarms(self._wanted.slot, found, self._options.alarm_retained_bytes)
        return CheckReport(tuple(finding.fault for finding in findings), tuple(dict.fromkeys(remedies)), more)

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
        tables = prepared(self._session, catalogue, self._wanted, misfits=self._quarantine and place is not None)
        self._stream = Stream(conninfo, self._application)
        place = begin_at(
            place, self._stream, catalogue, self._wanted, again=self._again, snapshot=self._options.snapshot
        )
        schemas = self._schemas
        self._machine = None if schemas is None else Machine(self._name, schemas)
        self._chunks = {
            dataset: ChunkReader(contract, table, None if schemas is None else (self._name, schemas[dataset]))
            for dataset, table in tables.items()
            if not isinstance(leaves(contract := self._wanted.contracts[dataset], table), list)
        }
        by_table = {self._wanted.tables[dataset]: contract for dataset, contract in self._wanted.contracts.items()}
        self._decoder = Decoder(
            by_table,
            lambda _, relation: catalogue.described(relation),
            identifiers={table.identifier: self._wanted.contracts[dataset] for dataset, table in tables.items()},
            quarantine=self._quarantine,
            machine=self._machine,
        )
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
            binary=all_binary(self._wanted, tables),
        )
        self._batch_at = self._asked_at = time.monotonic()

    def poll(self, timeout_seconds: float) -> Batch | None:
        """The next chunk of the snapshot, or what the stream has brought; takes turns while there is a snapshot."""
        batch = self._next_chunk()
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
        found = standing(self._session, self._wanted.slot)
        wrong = alarms(self._wanted.slot, found, self._options.alarm_retained_bytes)
        if found is None:
            return Health(alarms=wrong)
        return Health(max(found.server_lsn - self._durable_lsn, 0), found.retained_bytes, wrong)

    def signal(self, signal: Signal) -> None:
        """`snapshot` [`table`]: read that dataset's table, or every one, again while its changes stream."""
        if signal.name != "snapshot":
            raise Refused(UNKNOWN_SIGNAL.fault(f"{self.name} takes no signal {signal.name!r}"))
        wanted = dict(signal.arguments).get("table")
        named = self._wanted.tables.items()
        found = {dataset for dataset, table in named if wanted in (None, dataset, ".".join(table), table[1])}
        if not found:
            raise Refused(UNKNOWN_SIGNAL.fault(f"{self._name} reads no table {wanted!r}"))
        self._again |= found
        if self._stream is not None:
            self._read_again()

    def _read_again(self) -> None:
        for dataset in self._again:
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

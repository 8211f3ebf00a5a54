"""What one past event would mean under an agreement, field by field, with the line of the agreement that decides it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from agreements import text
from agreements.model import Agreement
from agreements.snapshot import Snapshot
from broker.cluster.client import Message
from broker.policy.compile import compile_plan
from broker.policy.decision import SourceRecord
from broker.policy.explain import Explanation, explain
from broker.policy.reference import ReferenceEngine
from broker.register.acceptable import effective
from broker.register.codes import NO_SUCH
from broker.simulation.simulator import NO_SCHEMA, PassingKeys
from contracts import topics
from contracts.faults import Faults, Refused


class Decided(NamedTuple):
    """One field (or the record as a whole, where `field` is None), what becomes of it, and by which line."""

    field: str | None
    fate: str
    clause: str
    line: int | None
    words: str
    """The line of the agreement, as it stands there."""
    sentence: str
    source: Any
    received: Any


class ShareExplained(NamedTuple):
    """One event under one share."""

    share: str
    shared: bool
    sentence: str
    decided: tuple[Decided, ...]


def explained(agreement: Agreement, document: str, snapshot: Snapshot, message: Message) -> Iterator[ShareExplained]:
    """What `message` means under each share over its dataset; `document` is the agreement's text.

    Under an umbrella what holds is explained; a clause that comes from there has no line.

    Keys pass away with the explanation, so tokens shown are nobody's.  Raises `Refused` where a share does not compile.
    """
    dataset = topics.dataset_of(message.topic)
    lines = _Lines(text.lines(document), document.splitlines())
    agreement = effective(agreement, snapshot)
    for share in agreement.shares:
        entry = snapshot.contract(share.dataset, share.contract)
        if share.dataset != dataset:
            continue
        if entry is None:
            raise Refused(NO_SUCH.fault(f"a contract for {share.dataset} of major version {share.contract}"))
        content_hash = text.content_hash(agreement)
        plan = compile_plan(agreement, content_hash, share, entry.contract, view_schema_id=NO_SCHEMA)
        if isinstance(plan, Faults):
            raise Refused(*plan.items)
        engine = ReferenceEngine(entry, [plan], snapshot.schemas, PassingKeys())
        record = SourceRecord(message.offset, message.timestamp_ms, message.key, message.value)
        found = explain(engine, 0, record, message.timestamp_ms)
        yield ShareExplained(share.id, found.shared, found.sentence, tuple(_decided(found, lines)))


class _Lines(NamedTuple):
    """The lines of an agreement's text, and on which of them each clause is named."""

    places: dict[str, int]
    words: list[str]

    def of(self, clause: str) -> tuple[int | None, str]:
        """The line of a clause, or of the nearest clause around it, and what stands there."""
        while clause not in self.places and clause:
            clause = clause.rpartition(".")[0]
        line = self.places.get(clause)
        return line, "" if line is None else self.words[line - 1].strip()


def _decided(found: Explanation, lines: _Lines) -> Iterator[Decided]:
    fate = "shared" if found.shared else "not-shared"
    for reason in found.reasons:
        yield Decided(None, fate, reason.clause, *lines.of(reason.clause), found.sentence, None, None)
    for one in found.fields:
        at = lines.of(one.clause)
        yield Decided(one.path, one.fate.value, one.clause, *at, one.sentence, one.source, one.received)

"""The reference engine: short, obvious Python over decoded records.  It is the specification.

A native engine takes the same plans and bytes and gives the same verdicts, reasons, views and decisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from agreements.snapshot import ContractEntry, SchemaEntry
from broker.policy.compile import EVENT_TIME, token_domain
from broker.policy.decision import Decision, Evaluated, Mode, SourceRecord
from broker.policy.engine import Circumstance, Settlement
from broker.policy.headers import Headers, HeaderWriter
from broker.policy.plan import Plan
from broker.policy.read import Read, Reader, subject_text
from broker.policy.settle import settle
from broker.policy.shape import Shaper, event_time_ms
from broker.policy.treatments import KeyLookup, tokeniser
from contracts.model import Contract
from contracts.wire import WireError, unframe

SUBJECT = "subject"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class EvaluationFailed(RuntimeError):
    """The policy itself failed on the record at `offset`: a fault of the program, not of the record.

    It names the offset and the kind of failure, and never anything that the record holds.
    """

    def __init__(self, offset: int, kind: str) -> None:
        super().__init__(f"the policy failed on the record at offset {offset} ({kind})")
        self.offset = offset


class ReferenceEngine:
    """Fills `broker.policy.engine.Engine` for one contract version and the plans that cover it, in their order.

    Secret keys are asked for when it is made, so rotation and destruction reach it with the next snapshot; only the
    auditors' subject key is asked for once per year.
    """

    def __init__(
        self, entry: ContractEntry, plans: Sequence[Plan], schemas: Mapping[int, SchemaEntry], keys: KeyLookup
    ) -> None:
        self.plans = tuple(plans)
        self.reader = Reader(entry, schemas)
        self.shapers = tuple(Shaper(plan, entry.contract, keys) for plan in plans)
        self._headers = tuple(HeaderWriter(plan, keys) for plan in plans)
        self._withdraws = entry.contract.withdraws_on_quarantine
        self._event_time = next(iter(entry.contract.tagged(EVENT_TIME)), None)
        self._subjects = Subjects(entry.contract, keys)

    def evaluate(self, records: Sequence[SourceRecord], now_ms: int) -> list[Evaluated]:
        """Step 2 and the first half of step 4.  Raises `EvaluationFailed` only where the policy itself is at fault."""
        return [self._evaluate(record, now_ms) for record in records]

    def settle(self, evaluated: Sequence[Evaluated], circumstances: Sequence[Circumstance], mode: Mode) -> Settlement:
        """The second half of step 4; see `broker.policy.settle`."""
        return settle(self.plans, evaluated, circumstances, mode)

    def headers(self, decision: Decision, partition: int) -> Headers:
        """The headers of a delivered record."""
        assert decision.plan is not None
        return self._headers[decision.plan].headers(decision, partition)

    def event_time_ms(self, read: Read) -> int | None:
        """When the event of a record happened."""
        return event_time_ms(self._event_time, read)

    def _evaluate(self, record: SourceRecord, now_ms: int) -> Evaluated:
        try:
            return self._evaluated(self.reader.read(record), now_ms)
        except Exception as error:  # noqa: BLE001  whatever the fault is, only the offset may be told
            # The cause is left out on purpose: its message may quote the record.
            raise EvaluationFailed(record.offset, type(error).__name__) from None

    def _evaluated(self, read: Read, now_ms: int) -> Evaluated:
        happened = self.event_time_ms(read)
        if not read.faults:
            verdicts = tuple([shaper.verdict(read, happened, now_ms) for shaper in self.shapers])
        elif self._withdraws and read.key is not None:
            verdicts = tuple(shaper.withdrawn(read) for shaper in self.shapers)
        else:
            verdicts = ()
        return Evaluated(
            record=read.record,
            sequence=None if read.envelope is None else read.envelope.source.sequence,
            event_time_ms=happened,
            subject=self._subjects.pseudonym(read, now_ms),
            faults=read.faults,
            verdicts=verdicts,
            source_key=None if read.key is None else read.record.key,
        )


class Subjects:
    """The auditors' pseudonyms of persons: under a key of the year of decision that no department's plan ever names."""

    def __init__(self, contract: Contract, keys: KeyLookup) -> None:
        self._paths = contract.tagged(SUBJECT)
        field = contract.field(self._paths[0]) if self._paths else None
        self._domain = "" if field is None else token_domain(contract.dataset, self._paths[0], field)
        self._keys = keys
        self._made: dict[int, SubjectPseudonym | None] = {}

    def pseudonym(self, read: Read, now_ms: int) -> str | None:
        """The pseudonym of the person a record concerns; None without one, or without the year's key."""
        if not self._paths:
            return None
        text = subject_text(read, self._paths)
        if text is None:
            return None
        year = (_EPOCH + timedelta(milliseconds=now_ms)).year
        if year not in self._made:
            secret = self._keys.key(subject_key(year), 1)
            self._made[year] = None if secret is None else SubjectPseudonym(secret, year, self._domain)
        made = self._made[year]
        return None if made is None else made(text)


class SubjectPseudonym:
    """Makes `s<year>.<24 characters>` from the canonical text of a person's identifier, within its semantic type."""

    def __init__(self, secret: bytes, year: int, domain: str) -> None:
        self._token = tokeniser(secret, year, f"subject:{domain}")

    def __call__(self, text: str) -> str:
        """The pseudonym of one person's identifier."""
        return "s" + self._token(text)[1:]


def subject_key(year: int) -> str:
    """The identifier of the auditors' key of one year."""
    return f"subject/{year}"


def schema_ids(records: Iterable[SourceRecord]) -> set[int]:
    """Every schema id that the records name: one that a snapshot does not know may have been registered since."""
    found = set()
    for record in records:
        for data in (record.key, record.value):
            try:
                found.add(unframe(data or b"")[0])
            except WireError:
                continue
    return found

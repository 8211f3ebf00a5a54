"""Who was ever delivered a record, found in the audit by the keys under which the record left.

A leaf of the audit holds a digest of the key that the recipient was given.  Under each share there ever was, that key
follows from the record's key and a version of the share's secret key; so all of them are made, and looked for.  Agreements
that have ended count like those in force.  No Kafka here: evidence may be topics or an export.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from agreements.shares import Share
from agreements.snapshot import AgreementEntry, ContractEntry, Snapshot
from broker.audit.evidence import SegmentRecord
from broker.audit.leaf import DELIVERED, key_digest
from broker.audit.search import Coverage, Question, search
from broker.notices.codes import AUDIT_INCOMPLETE
from broker.policy.compile import key_plan
from broker.policy.plan import KeyPlan
from broker.policy.treatments import KeyLookup, compile_key
from contracts.faults import Refused

Keys = Sequence[Mapping[str, Any]]
"""Records by the values of their key fields, each of its contract's type."""


class Receiver(NamedTuple):
    """A share under which at least one of the records was delivered, and the keys that the records have there."""

    reference: str
    share: str
    recipient: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Receivers:
    """The answer, and what it does not rest on."""

    found: tuple[Receiver, ...]
    unsearched: tuple[str, ...]
    """Shares, as `<reference>/<share>`, of whose secret key a version is not here, or whose dataset had other key fields then."""


def receivers(
    records: Iterable[SegmentRecord], snapshot: Snapshot, dataset: str, keys: Keys, lookup: KeyLookup
) -> Receivers:
    """Every share that has ever delivered one of the records.

    Raises `Refused` where a segment cannot be read: to miss somebody is worse than to wait.
    """
    sought, unsearched = _sought(snapshot, dataset, keys, lookup)
    coverage = Coverage()
    found: dict[tuple[str, str, str], set[str]] = {}
    for decision in search(records, Question(dataset=dataset), coverage):
        said = decision.recipient
        if said.outcome not in DELIVERED or said.key is None:
            continue
        known = sought.get((said.agreement, said.share, said.key))
        if known is not None:
            recipient, key = known
            found.setdefault((said.agreement, said.share, recipient), set()).add(key)
    if coverage.faults:
        raise Refused(*(AUDIT_INCOMPLETE.fault(str(fault)) for fault in coverage.faults))
    told = tuple(Receiver(*place, tuple(sorted(names))) for place, names in sorted(found.items()))
    return Receivers(told, tuple(sorted(unsearched)))


def _sought(
    snapshot: Snapshot, dataset: str, keys: Keys, lookup: KeyLookup
) -> tuple[dict[tuple[str, str, str], tuple[str, str]], set[str]]:
    """(reference, share, key digest) to recipient and key, for every key that the records may ever have had."""
    sought: dict[tuple[str, str, str], tuple[str, str]] = {}
    unsearched: set[str] = set()
    for entry, share in _shares(snapshot, dataset):
        reference = entry.agreement.reference
        for made in _made(snapshot, entry, share, keys, lookup):
            if made is None:
                unsearched.add(f"{reference}/{share.id}")
            else:
                sought[reference, share.id, key_digest(made)] = (entry.recipient, made.decode())
    return sought, unsearched


def _shares(snapshot: Snapshot, dataset: str) -> Iterator[tuple[AgreementEntry, Share]]:
    """Every share of the dataset under which something may have been delivered."""
    for versions in snapshot.agreements.values():
        for entry in versions:
            if entry.was_signed:
                yield from ((entry, share) for share in entry.shares if share.dataset == dataset)


def _made(
    snapshot: Snapshot, entry: AgreementEntry, share: Share, keys: Keys, lookup: KeyLookup
) -> Iterator[bytes | None]:
    """The records' keys under every version of the contract and of the secret key; None where one cannot be made."""
    for published in snapshot.contracts.get(share.dataset, ()):
        if published.contract.major != share.contract:
            continue
        for plan in _plans(snapshot, entry, share, published):
            secret = None if plan.key is None else lookup.key(plan.key.identifier, plan.key.version)
            if (plan.key is not None and secret is None) or any(set(key) != set(plan.fields) for key in keys):
                yield None
                continue
            make = compile_key(plan, secret)
            yield from (make([key[name] for name in plan.fields]) for key in keys)


def _plans(snapshot: Snapshot, entry: AgreementEntry, share: Share, published: ContractEntry) -> Iterator[KeyPlan]:
    """How the share makes its keys, under each version that its secret key has had."""
    newest = key_plan(entry.agreement, share, published.contract, snapshot.key_versions)
    if newest is None or newest.key is None:
        yield from () if newest is None else (newest,)
        return
    for version in range(1, newest.key.version + 1):
        yield replace(newest, key=replace(newest.key, version=version))

"""Publishing data contracts: what a new version would break is named before it is published."""

from __future__ import annotations

from collections.abc import Iterable

from agreements.acts import ContractPublished, NewSchema
from agreements.signing import Signer
from agreements.snapshot import ContractEntry, Snapshot
from broker.cluster.client import Connection
from broker.policy.compile import compile_plan, compile_share
from broker.register.append import Appended, Deed, act
from broker.register.codes import BREAKS_AGREEMENTS
from contracts import compatibility, text, topics
from contracts.avro import key_schema, value_schema
from contracts.faults import Fault, Faults, Refused, Unusable
from contracts.model import Contract


def publish_contract(connection: Connection, signer: Signer, document: str, file: str | None = None) -> Appended:
    """Publish a version of a contract; only a signatory of its owner may.

    Raises `Unusable` for a text with faults, `Refused` when it is incompatible or would break a signed agreement.
    """
    contract = text.parse(document, file)
    if isinstance(contract, Faults):
        raise Unusable(*contract.items)

    def decide(snapshot: Snapshot) -> list[Deed]:
        if found := publication_faults(contract, snapshot):
            raise Refused(*found)
        source = topics.source(contract.dataset)
        wanted = ((f"{source}-key", key_schema(contract)), (f"{source}-value", value_schema(contract)))
        (key, value), new = schema_ids(wanted, snapshot)
        return [Deed(ContractPublished(contract.dataset, document, key, value, new), signer)]

    return act(connection, decide)


def publication_faults(contract: Contract, snapshot: Snapshot) -> tuple[Fault, ...]:
    """Why a contract may not be published on this register; every agreement it would break is named."""
    published = (entry.contract for entry in snapshot.contracts.get(contract.dataset, ()))
    found = list(compatibility.faults(contract, published))
    entry = ContractEntry(contract, key_schema=0, value_schema=0, position=-1)
    for coverage in snapshot.coverages(contract.dataset):
        if coverage.share.contract == contract.major:
            plan = compile_share(coverage.entry, coverage.share, entry, snapshot)
            whole = next(share for share in coverage.entry.agreement.shares if share.id == coverage.share.id)
            if whole != coverage.share and not isinstance(plan, Faults):  # its suspended fields are to come back
                plan = compile_plan(coverage.entry.agreement, coverage.entry.content_hash, whole, contract)
            if isinstance(plan, Faults):
                name = f"{coverage.entry.agreement.reference} share {coverage.share.id}"
                found += [BREAKS_AGREEMENTS.fault(f"{name}: {fault.message}") for fault in plan.items]
    return tuple(found)


def schema_ids(wanted: Iterable[tuple[str, str]], snapshot: Snapshot) -> tuple[tuple[int, ...], tuple[NewSchema, ...]]:
    """The id of each (subject, text), and those that have to be registered: the dense counter goes on (decision 26)."""
    known = {entry.text: entry.identifier for entry in snapshot.schemas.values()}
    new: list[NewSchema] = []
    identifiers = []
    for subject, schema in wanted:
        if schema not in known:
            known[schema] = len(snapshot.schemas) + len(new) + 1
            new.append(NewSchema(known[schema], subject, schema))
        identifiers.append(known[schema])
    return tuple(identifiers), tuple(new)

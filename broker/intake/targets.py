"""Which contracts a connector writes under, and the topics that its changes go to."""

from __future__ import annotations

from collections.abc import Mapping

from agreements.snapshot import ContractEntry, Snapshot
from broker.cluster.client import Connection
from broker.cluster.reader import Reader
from broker.delivery.quarantine import Sealer
from broker.intake.codes import CONTRACT_MISSING, NOT_DESIGNATED, TOPIC_MISSING
from broker.intake.configuration import Configuration
from broker.intake.encoding import Encoder, Target
from contracts import topics
from contracts.faults import Refused, Unavailable
from contracts.wire import EnvelopeCodec


def entries(configuration: Configuration, snapshot: Snapshot) -> dict[str, ContractEntry]:
    """The contract of each dataset; raises `Refused` for one that is missing or designates another store."""
    found: dict[str, ContractEntry] = {}
    faults = []
    for dataset in configuration.datasets:
        entry = snapshot.contract(dataset)
        if entry is None:
            faults.append(CONTRACT_MISSING.fault(dataset))
        elif entry.contract.store != configuration.name:
            message = f"{dataset}: the contract designates {entry.contract.store!r}, this is {configuration.name!r}"
            faults.append(NOT_DESIGNATED.fault(message))
        else:
            found[dataset] = entry
    if faults:
        raise Refused(*faults)
    return found


def encoder(
    connection: Connection, name: str, found: Mapping[str, ContractEntry], sealer: Sealer, register_position: int
) -> Encoder:
    """What encodes the connector's changes; raises `Unavailable` where a topic that it writes is missing."""
    with Reader(connection) as reader:
        counts = {dataset: reader.partitions(topics.source(dataset)) for dataset in found}
        quarantine = reader.partitions(topics.QUARANTINE)
    missing = [topics.source(dataset) for dataset, count in counts.items() if count == 0]
    if missing or quarantine == 0:
        raise Unavailable(TOPIC_MISSING.fault(", ".join(missing or [topics.QUARANTINE])))
    targets = {
        dataset: Target(entry, counts[dataset], EnvelopeCodec(entry.contract, entry.key_schema, entry.value_schema))
        for dataset, entry in found.items()
    }
    return Encoder(name, targets, sealer, quarantine, register_position)

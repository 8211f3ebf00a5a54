"""What acts on contracts and quarantined records do to the register, and who may do them.

Only a signatory of the owner publishes.  A dataset keeps its owner and its one designated store (decision 7); which
versions are compatible is checked before publication, where the agreements concerned can be named.
"""

from __future__ import annotations

from functools import lru_cache

from agreements.acts import Act, ContractPublished, QuarantineDiscarded, QuarantineReplayed
from agreements.codes import BAD_CONTRACT, NOT_ENTITLED, UNKNOWN_OBJECT, WRONG_STATE
from agreements.mutable import OPERATOR, Circumstances, MutableRegister, Rejected, Rule
from agreements.snapshot import ContractEntry, Job, JobKind
from contracts import text, topics
from contracts.faults import Faults
from contracts.model import Contract


@lru_cache(maxsize=256)
def _parsed(document: str) -> Contract | Faults:
    """A contract's text is folded by several readers of one process; reading it is by far the dearest step."""
    return text.parse(document)


def publish(register: MutableRegister, act: ContractPublished, at: Circumstances) -> None:
    """A new version of a dataset's contract."""
    contract = _parsed(act.text)
    if isinstance(contract, Faults):
        raise Rejected(BAD_CONTRACT, f"{act.dataset}: {contract.items[0].message}")
    if contract.dataset != act.dataset:
        raise Rejected(BAD_CONTRACT, f"the text is about {contract.dataset}, not {act.dataset}")
    if at.actor.signatory is None or at.actor.organisation != contract.owner:
        raise Rejected(NOT_ENTITLED, f"{at.actor.name} is no signatory of the owner {contract.owner}")
    newest = register.contract(act.dataset)
    if newest is not None:
        before = newest.contract
        if (contract.owner, contract.store) != (before.owner, before.store):
            message = f"{act.dataset} is {before.owner}'s, written by {before.store}; {contract.store} cannot claim it"
            raise Rejected(BAD_CONTRACT, message)
        if contract.version <= before.version:
            version = ".".join(map(str, before.version))
            raise Rejected(BAD_CONTRACT, f"{act.dataset} has version {version} already")
        if contract.kind is not before.kind:
            raise Rejected(BAD_CONTRACT, f"{act.dataset} stays of the kind {before.kind}")
    source = topics.source(act.dataset)
    used = ((f"{source}-key", act.key_schema), (f"{source}-value", act.value_schema))
    register.check_schemas(act.schemas, used)
    register.add_schemas(act.schemas)
    entry = ContractEntry(contract, act.key_schema, act.value_schema, at.position)
    register.contracts[act.dataset] = (*(register.contracts.get(act.dataset) or ()), entry)


def replay(register: MutableRegister, act: QuarantineReplayed, at: Circumstances) -> None:
    """A quarantined record is to be decided again; whether it is in quarantine, the worker looks (`broker.delivery.replays`).

    One that was given up is not, but where Kafka did not stamp the act: such records were written when nothing asked for that.
    """
    dataset = _dataset(register, act.topic, at)
    if at.is_stamped and register.is_discarded((act.topic, act.partition, act.offset)):
        raise Rejected(WRONG_STATE, f"{act.topic}/{act.partition}/{act.offset} was given up")
    job = Job(at.position, JobKind.REPLAY, dataset, partition=act.partition, offset=act.offset)
    register.jobs.append(job)


def discard(register: MutableRegister, act: QuarantineDiscarded, at: Circumstances) -> None:
    """A quarantined record is given up."""
    _dataset(register, act.topic, at)
    register.discarded.add((act.topic, act.partition, act.offset))


def _dataset(register: MutableRegister, topic: str, at: Circumstances) -> str:
    dataset = topics.dataset_of(topic)
    entry = register.contract(dataset) if dataset is not None else None
    if dataset is None or entry is None:
        raise Rejected(UNKNOWN_OBJECT, f"{topic} is not the source topic of a published contract")
    owner = entry.contract.owner
    if at.actor.name != OPERATOR and (at.actor.signatory is None or at.actor.organisation != owner):
        raise Rejected(NOT_ENTITLED, f"{at.actor.name} is neither the operator nor a signatory of the owner {owner}")
    return dataset


RULES: dict[type[Act], Rule] = {
    ContractPublished: publish,
    QuarantineReplayed: replay,
    QuarantineDiscarded: discard,
}
"""Which function applies each act."""

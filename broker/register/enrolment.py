"""Acts on who takes part: the operator, parties, signatories, workers, and versions of keys."""

from __future__ import annotations

from agreements import acts
from agreements.content_keys import PREFIX
from agreements.rules.parties import rotation_faults
from agreements.signing import Signer
from agreements.snapshot import Snapshot
from broker.cluster.client import Connection
from broker.delivery.quarantine import find_quarantined, stands
from broker.keys import KeyProvider
from broker.policy.plan import KeyReference
from broker.register.agreeing import seal_content_key
from broker.register.append import Appended, Deed, act
from broker.register.codes import INITIALISED, NO_SUCH, NOT_WAITING
from contracts.faults import Refused


def initialise(connection: Connection, operator: Signer) -> Appended:
    """The first act; raises `Refused` when there is one."""

    def decide(snapshot: Snapshot) -> list[Deed]:
        if snapshot.operator_key is not None:
            raise Refused(INITIALISED.fault(f"by the operator key {snapshot.operator_key[:16]}…"))
        return [Deed(acts.RegisterInitialised(operator.public_key), operator)]

    return act(connection, decide)


def add_party(
    connection: Connection,
    operator: Signer,
    organisation: str,
    name: str,
    *,
    public_key: str,
    encryption_key: str | None = None,
) -> Appended:
    """Enrol an organisation with its own public keys (hex)."""
    return _one(connection, acts.PartyAdded(organisation, name, public_key, encryption_key), operator)


def enrol_signatory(
    connection: Connection,
    party: Signer,
    organisation: str,
    identifier: str,
    *,
    office: str,
    public_key: str,
) -> Appended:
    """Enrol a person of an organisation, by the organisation's own key."""
    return _one(connection, acts.SignatoryEnrolled(organisation, identifier, office, public_key), party)


def end_signatory(connection: Connection, party: Signer, organisation: str, identifier: str) -> Appended:
    """End a signatory, by the organisation's own key."""
    return _one(connection, acts.SignatoryEnded(organisation, identifier), party)


def enrol_worker(connection: Connection, operator: Signer, identifier: str, public_key: str) -> Appended:
    """Enrol a worker's instance and key (hex); again to replace the key."""
    return _one(connection, acts.WorkerEnrolled(identifier, public_key), operator)


def rotate_key(connection: Connection, operator: Signer, identifier: str, keys: KeyProvider) -> Appended:
    """Make a new version of a key in the provider, then say so in the register, a content key sealed to its recipient.

    A version that was made but never said (a crash in between) is the one that the next call says.  Nothing is made for a
    rotation that the register would ignore: raises `Refused`.
    """

    def decide(snapshot: Snapshot) -> list[Deed]:
        said = snapshot.key_versions.get(identifier, 1)
        if keys.current(identifier) == 0:
            raise Refused(NO_SUCH.fault(f"the key {identifier}"))
        if faults := rotation_faults(snapshot, identifier):
            raise Refused(*faults)
        if keys.current(identifier) <= said:
            keys.rotate(identifier)
        key = KeyReference(identifier, said + 1)
        return [Deed(acts.KeyRotated(identifier, key.version, _sealed(snapshot, key, keys)), operator)]

    return act(connection, decide)


def replay_quarantined(connection: Connection, signer: Signer, topic: str, partition: int, offset: int) -> Appended:
    """Have a quarantined source record decided again; raises `Refused` for one that does not wait in quarantine."""
    entry = find_quarantined(connection, f"{topic}/{partition}/{offset}")

    def decide(snapshot: Snapshot) -> list[Deed]:
        if not stands(snapshot, (topic, partition, offset), entry.register_position):
            raise Refused(NOT_WAITING.fault(entry.identifier))
        return [Deed(acts.QuarantineReplayed(topic, partition, offset), signer)]

    return act(connection, decide)


def discard_quarantined(
    connection: Connection,
    signer: Signer,
    topic: str,
    partition: int,
    offset: int,
    *,
    reason: str,
) -> Appended:
    """Give a quarantined source record up."""
    return _one(connection, acts.QuarantineDiscarded(topic, partition, offset, reason), signer)


def _sealed(snapshot: Snapshot, key: KeyReference, keys: KeyProvider) -> str | None:
    if not key.identifier.startswith(PREFIX):
        return None
    entry = snapshot.agreement(key.identifier.split("/")[1])
    if entry is None:
        raise Refused(NO_SUCH.fault(f"the agreement of {key.identifier}"))
    return seal_content_key(entry.agreement, snapshot, keys, key)


def _one(connection: Connection, what: acts.AnyAct, signer: Signer) -> Appended:
    return act(connection, lambda _: [Deed(what, signer)])

"""Who takes part in the demonstration: organisations, the people who act for them, and their acts up to agreements in force."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from agreements.acts import PartyAdded, SignatoryEnrolled
from agreements.model import Agreement, Side
from agreements.reviews import TRACKS
from agreements.signing import Signer
from agreements.text import parse
from broker.cluster.client import Connection
from broker.codes import EXAMPLES_MISSING
from broker.demonstration.stores import EXAMPLES
from broker.keys import KeyProvider
from broker.register.append import Deed, act
from broker.register.commands import initialise, publish_contract, review, sign_agreement, submit
from broker.register.keyfiles import new_key, signing_key
from broker.register.undertaking import acknowledge
from contracts.faults import Faults, Unavailable, Unusable

ORGANISATIONS = {
    "home-office": "Home Office",
    "transport": "Department for Transport",
    "work-and-pensions": "Department for Work and Pensions",
    "revenue-and-customs": "Revenue and Customs",
    "health-security": "Health Security Agency",
}
DEPARTMENTS = ("work-and-pensions", "revenue-and-customs", "health-security")
DRAFTER = "Policy Adviser"
OWNER = "Information Asset Owner"
SIGNER = "Senior Information Risk Owner"
_OFFICES = {
    "home-office": (DRAFTER, SIGNER, OWNER),
    "transport": (DRAFTER, SIGNER),
    "work-and-pensions": (SIGNER,),
    "revenue-and-customs": (SIGNER,),
    "health-security": (SIGNER,),
}
"""A drafter beside the signers: who drafts cannot be the sole signer (SEPARATE-DUTIES)."""
_CONTRACT_OWNERS = {
    "ports": "transport",
    "movements": "transport",
    "travellers": "home-office",
    "crossings": "home-office",
}


@dataclass
class Participants:
    """Everybody's keys, in `directory`; `operator` makes the register, `people` act by organisation and office."""

    directory: Path
    operator: Signer
    people: dict[tuple[str, str], Signer] = field(default_factory=dict)


def enrol(connection: Connection, directory: Path) -> Participants:
    """Make the register's first act, then enrol every organisation and its signatories."""
    new_key(directory / "operator.key")
    everybody = Participants(directory, Signer("operator", signing_key(directory / "operator.key")))
    initialise(connection, everybody.operator)
    parties, people = [], []
    for organisation, name in ORGANISATIONS.items():
        public = new_key(directory / organisation / "party.key")
        encryption = new_key(directory / organisation / "encryption.key", encryption=True)
        parties.append(Deed(PartyAdded(organisation, name, public, encryption), everybody.operator))
        party = Signer(f"party/{organisation}", signing_key(directory / organisation / "party.key"))
        for office in _OFFICES[organisation]:
            identifier = f"{organisation}.{office.lower().replace(' ', '-')}"
            path = directory / organisation / f"{identifier}.key"
            people.append(Deed(SignatoryEnrolled(organisation, identifier, office, new_key(path)), party))
            everybody.people[organisation, office] = Signer(f"signatory/{identifier}", signing_key(path))
    act(connection, lambda _: parties)
    act(connection, lambda _: people)
    return everybody


def publish(connection: Connection, everybody: Participants) -> None:
    """Each owner publishes its contracts."""
    for dataset, owner in _CONTRACT_OWNERS.items():
        path = EXAMPLES / "contracts" / f"{dataset}.contract.yaml"
        publish_contract(connection, everybody.people[owner, SIGNER], _text(path), path.name)


def agree(connection: Connection, everybody: Participants, keys: KeyProvider) -> list[Agreement]:
    """Providers draft and submit, recipients review, then every office that is named signs.  Gives the agreements."""
    found = []
    for path in sorted((EXAMPLES / "agreements").glob("*.agreement.yaml")):
        agreement = parse(_text(path), path.name)
        if isinstance(agreement, Faults):
            raise Unusable(*agreement.items)
        provider = next(party for party in agreement.parties if party.side == "provider")
        submit(connection, everybody.people[provider.organisation, DRAFTER], _text(path), path.name)
        review(connection, reviewer(everybody, agreement), agreement.reference, TRACKS)
        for party in agreement.parties:
            for office in party.signs:
                signer = everybody.people[party.organisation, office]
                sign_agreement(connection, signer, agreement.reference, keys)
        recipient = agreement.party(Side.RECIPIENT).organisation
        acknowledge(connection, everybody.people[recipient, SIGNER], agreement.reference)
        found.append(agreement)
    return found


def reviewer(everybody: Participants, agreement: Agreement) -> Signer:
    """Who reviews an agreement: somebody of the recipient, who did not draft it (SEPARATE-DUTIES)."""
    return everybody.people[agreement.party(Side.RECIPIENT).organisation, SIGNER]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as missing:
        raise Unavailable(EXAMPLES_MISSING.fault(f"{path} is not there")) from missing

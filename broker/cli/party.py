"""`concordat party`: organisations, their keys and signatories."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from agreements.signing import Signer
from agreements.snapshot import PartyEntry, Signatory
from broker.cli.acting import Key, OperatorKey, cluster, operator, said
from broker.cli.output import Json, emit, table
from broker.register import commands
from broker.register.codes import NO_SUCH
from broker.register.follow import read_snapshot
from broker.register.keyfiles import signing_key
from contracts.faults import Refused

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)

_SLUG = re.compile("[a-z0-9]+(-[a-z0-9]+)*")
_PUBLIC_KEY = re.compile("[0-9a-f]{64}")


def _identifier(text: str) -> str:
    """An identifier as the register takes it; anything else is wrong usage."""
    if not _SLUG.fullmatch(text):
        raise typer.BadParameter(
            f"{text!r} is no identifier: small letters, digits and single hyphens, such as home-office"
        )
    return text


def _public_key(text: str | None) -> str | None:
    """A public key as the register takes it; anything else is wrong usage."""
    if text is not None and not _PUBLIC_KEY.fullmatch(text):
        raise typer.BadParameter("a public key is 64 hexadecimal digits, as `concordat key show FILE` prints it")
    return text


Organisation = Annotated[
    str, typer.Argument(help="The organisation's identifier, such as home-office.", callback=_identifier)
]
PublicKey = Annotated[
    str, typer.Option("--public-key", help="Ed25519 public key, 64 hexadecimal digits.", callback=_public_key)
]


@app.command()
def add(
    organisation: Organisation,
    *,
    name: Annotated[str, typer.Option(help="The organisation's name for people.")],
    public_key: PublicKey,
    encryption_key: Annotated[
        str | None, typer.Option(help="X25519 public key, for encrypted fields.", callback=_public_key)
    ] = None,
    key: OperatorKey = None,
    json: Json = False,
) -> None:
    """Enrol an organisation.  Only the operator may; the organisation's own key then enrols its signatories.

    Example: concordat party add home-office --name "Home Office" --public-key $(concordat key show ho.key)
    """
    appended = commands.add_party(
        cluster(),
        operator(key),
        organisation,
        name,
        public_key=public_key,
        encryption_key=encryption_key,
    )
    emit(said(appended, organisation=organisation), json=json, table=f"{organisation} is enrolled")


@app.command()
def enrol(
    organisation: Organisation,
    identifier: Annotated[
        str, typer.Argument(help="The signatory's identifier, such as jane-doe.", callback=_identifier)
    ],
    *,
    office: Annotated[str, typer.Option(help="The office that signs, as agreements name it.")],
    public_key: PublicKey,
    key: Key,
    json: Json = False,
) -> None:
    """Enrol a person who acts for an organisation, with the organisation's own key.

    Example: concordat party enrol home-office jane-doe --office "Senior Information Risk Owner"
    --public-key $(concordat key show jane.key) --key ho.key
    """
    party = Signer(f"party/{organisation}", signing_key(key))
    appended = commands.enrol_signatory(
        cluster(),
        party,
        organisation,
        identifier,
        office=office,
        public_key=public_key,
    )
    emit(said(appended, signatory=identifier), json=json, table=f"{identifier} acts for {organisation}")


@app.command()
def end(
    organisation: Organisation,
    identifier: Annotated[str, typer.Argument(help="The signatory's identifier.")],
    *,
    key: Key,
    json: Json = False,
) -> None:
    """End a signatory, with the organisation's own key.  What was signed stays signed.

    Example: concordat party end home-office jane-doe --key ho.key
    """
    party = Signer(f"party/{organisation}", signing_key(key))
    appended = commands.end_signatory(cluster(), party, organisation, identifier)
    emit(said(appended, signatory=identifier), json=json, table=f"{identifier} no longer acts for {organisation}")


@app.command(name="list")
def list_(*, json: Json = False) -> None:
    """List the organisations.

    Example: concordat party list
    """
    parties = sorted(read_snapshot(cluster()).parties.values(), key=lambda party: party.organisation)
    rows = [(party.organisation, party.name, len(_acting(party))) for party in parties]
    document = [_document(party) for party in parties]
    emit(document, json=json, table=table("Parties", ("organisation", "name", "signatories"), rows))


@app.command()
def show(organisation: Organisation, *, json: Json = False) -> None:
    """Show an organisation, its keys and its signatories.

    Example: concordat party show home-office
    """
    party = read_snapshot(cluster()).parties.get(organisation)
    if party is None:
        raise Refused(NO_SUCH.fault(f"the party {organisation}"))
    rows = [(s.identifier, s.office, s.public_key, s.enrolled_at, s.ended_at) for s in party.signatories]
    columns = ("signatory", "office", "public key", "enrolled", "ended")
    emit(_document(party), json=json, table=table(f"{party.name} ({party.public_key})", columns, rows))


def _acting(party: PartyEntry) -> list[Signatory]:
    return [signatory for signatory in party.signatories if signatory.ended_at is None]


def _document(party: PartyEntry) -> dict[str, Any]:
    return {
        "organisation": party.organisation,
        "name": party.name,
        "public_key": party.public_key,
        "encryption_key": party.encryption_key,
        "signatories": party.signatories,
    }

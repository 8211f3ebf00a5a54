"""An agreement's umbrella in the register: which entry it is, whether it may be stood under, and what follows for those below.

An agreement is pinned to one version of its umbrella by content hash.  A newer version of the umbrella changes nothing for
it; the umbrella's suspension stops it, and the umbrella's end ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from agreements.compare import changes
from agreements.entries import is_under
from agreements.model import Agreement, AgreementKind, Share, Side
from agreements.snapshot import SIGNED, AgreementEntry, ContractEntry, Snapshot, Suspension
from agreements.text import places as places_in
from agreements.text import render
from agreements.umbrella.codes import UMBRELLA, UMBRELLA_REQUIRED
from agreements.umbrella.meet import Effective, ceilings_of, meet
from agreements.umbrella.meeting import Positions
from contracts.faults import Fault, Faults

Find = Callable[[str], tuple[AgreementEntry, ...] | None]
"""Gives every version of a reference, oldest first; None where the register has none."""
Published = Callable[[str, int | None], ContractEntry | None]
"""Gives the newest published contract of a dataset and major version."""
WARNING = timedelta(days=90)
"""How long before its end an umbrella warns the agreements under it."""


class Rebase(NamedTuple):
    """A newer version of the umbrella than the one that an agreement is pinned to, and what it would change."""

    pinned: int
    newest: int
    clauses: tuple[tuple[str, str | None, str | None], ...]
    """(clause path, text before, text after) of what differs between the two versions of the umbrella."""
    document: Agreement
    """The agreement pinned to the newest: what would have to be signed."""
    effective: Effective | Faults
    """What would hold under the newest, or what in the agreement would widen it."""


class Expiring(NamedTuple):
    """An umbrella that ends soon, and the references of the agreements under it that are signed."""

    umbrella: AgreementEntry
    agreements: tuple[str, ...]


def what_holds(find: Find, agreement: Agreement, places: Positions | None = None) -> Effective | Faults:
    """The effective agreement on this register, or why it cannot stand under the umbrella that it names.

    An agreement under none is its own.  With `places`, faults name where clauses stand in both texts; the umbrella's text is
    the one that `concordat agreement show --text` prints.
    """
    if agreement.under is None:
        return Effective(agreement, {})
    entry = umbrella_of(find, agreement, places)
    if isinstance(entry, Fault):
        return Faults((entry,))
    if places is None:
        return meet(entry.agreement, agreement)
    return meet(entry.agreement, agreement, places=places, umbrella_places=places_in(render(entry.agreement)))


def without_umbrella(contract: Published, agreement: Agreement, places: Positions | None = None) -> list[Fault]:
    """A fault for each share of a DSA under no umbrella whose dataset's owner requires one (`concordat.umbrella`)."""
    found = []
    is_alone = agreement.kind is AgreementKind.DSA and agreement.under is None
    for index, share in enumerate(agreement.shares if is_alone else ()):
        entry = contract(share.dataset, share.contract)
        if entry is not None and entry.contract.umbrella_required:
            line, column = (places or {}).get(f"shares[{index}].dataset", (None, None))
            message = f"{agreement.reference} `shares[{index}]`: the owner of {share.dataset}"
            found.append(UMBRELLA_REQUIRED.fault(message, line=line, column=column))
    return found


def umbrella_of(find: Find, agreement: Agreement, places: Positions | None = None) -> AgreementEntry | Fault:
    """The approved umbrella that an agreement names by reference, version and hash, and that both its parties have signed."""
    under = agreement.under
    if under is None:
        raise ValueError(f"{agreement.reference} stands under nothing")

    def refused(key: str, message: str) -> Fault:
        line, column = (places or {}).get(f"under.{key}", (None, None))
        return UMBRELLA.fault(f"{under.reference} version {under.version}: {message}", line=line, column=column)

    entry = pinned(find, agreement)
    if entry is None:
        return refused("reference" if not find(under.reference) else "version", "the register does not have it")
    if entry.agreement.kind is AgreementKind.DSA:
        return refused("reference", "a DSA is no umbrella")
    if entry.content_hash != under.hash:
        return refused("hash", f"its content hash is {entry.content_hash}")
    if entry.state not in SIGNED:
        return refused("version", f"it is {entry.state}, not approved")
    acceded = accessions(entry)
    for party in agreement.parties:
        if party.organisation not in acceded:
            return refused("reference", f"{party.organisation} has not signed it")
    return entry


def pinned(find: Find, agreement: Agreement) -> AgreementEntry | None:
    """The version of the umbrella that an agreement names, whatever its state; None where the register has none."""
    if agreement.under is None:
        return None
    versions = find(agreement.under.reference) or ()
    return next((entry for entry in versions if entry.agreement.version == agreement.under.version), None)


def accessions(entry: AgreementEntry) -> frozenset[str]:
    """The organisations all of whose offices have signed: each of them is bound, whoever is still missing."""
    signed = {(signature.organisation, signature.office) for signature in entry.signatures}
    unsigned = {
        party.organisation
        for party in entry.agreement.parties
        for office in party.signs
        if (party.organisation, office) not in signed
    }
    return frozenset(party.organisation for party in entry.agreement.parties) - unsigned


def is_complete(entry: AgreementEntry) -> bool:
    """Whether the signatures are enough: all of them, but for an umbrella of many those of one party of each side.

    The others of an umbrella of many accede later, each for itself.
    """
    acceded = accessions(entry)
    parties = entry.agreement.parties
    if entry.agreement.kind is AgreementKind.UMBRELLA_MOU:
        return all(any(p.side is side and p.organisation in acceded for p in parties) for side in Side)
    return all(party.organisation in acceded for party in parties)


def takes_accessions(entry: AgreementEntry) -> bool:
    """Whether a party that has not signed yet still may, though the version is approved."""
    return entry.agreement.kind is AgreementKind.UMBRELLA_MOU and entry.state in SIGNED


def stopped_from_above(find: Find, agreement: Agreement, share: Share, now: datetime) -> str | None:
    """The reason code if the umbrella of an agreement is suspended, for this share too, or was ended by an act.

    An end by notice comes with its last day.
    """
    entry = pinned(find, agreement)
    if agreement.under is None:
        return None
    signed = [one for one in find(agreement.under.reference) or () if one.state in SIGNED]
    if entry is None or all(one.ending is not None and one.ends_at <= now for one in signed):
        return "umbrella-ended"
    suspensions = dict.fromkeys(suspension for one in signed for suspension in one.suspensions)
    ceilings = ceilings_of((entry.agreement, *(one.agreement for one in signed)), share)
    return "umbrella-suspended" if any(_stops(held, ceilings, share) for held in suspensions) else None


def ends_from_above(find: Find, agreement: Agreement) -> Iterator[datetime]:
    """When notices that were given to the umbrella of an agreement take effect."""
    versions = () if agreement.under is None else find(agreement.under.reference) or ()
    yield from (one.ends_at for one in versions if one.state in SIGNED and one.ending is not None)


def standing_under(versions: Iterable[tuple[AgreementEntry, ...]], reference: str) -> Iterator[AgreementEntry]:
    """Every signed agreement that stands under some version of the umbrella `reference`."""
    for entries in versions:
        for entry in entries:
            under = entry.agreement.under
            if entry.state in SIGNED and under is not None and under.reference == reference:
                yield entry


def rebase(snapshot: Snapshot, entry: AgreementEntry) -> Rebase | None:
    """The newer approved version of the umbrella that a signed agreement is not pinned to, and what it would change.

    `effective` is also what a simulation of the re-base runs, against `entry.agreement`.
    """
    under, before = entry.agreement.under, pinned(snapshot.agreements.get, entry.agreement)
    if under is None or before is None:
        return None
    signed = [one for one in snapshot.agreements.get(under.reference, ()) if one.state in SIGNED]
    newest = signed[-1] if signed else before
    if newest.agreement.version <= under.version:
        return None
    new_under = under.model_copy(update={"version": newest.agreement.version, "hash": newest.content_hash})
    rebased = entry.document.model_copy(update={"under": new_under})
    differences = tuple(changes(before.agreement, newest.agreement))
    return Rebase(under.version, newest.agreement.version, differences, rebased, meet(newest.agreement, rebased))


def expiring(snapshot: Snapshot, now: datetime, within: timedelta = WARNING) -> tuple[Expiring, ...]:
    """The umbrellas in force that end within that time and have agreements under them, the first to end first."""
    found = []
    for reference, versions in snapshot.agreements.items():
        below = list(standing_under(snapshot.agreements.values(), reference)) if _is_umbrella(versions) else []
        for umbrella in versions:
            names = sorted(
                {entry.agreement.reference for entry in below if pinned_to(entry, umbrella) and now < entry.ends_at}
            )
            if names and umbrella.state in SIGNED and now < umbrella.ends_at <= now + within:
                found.append(Expiring(umbrella, tuple(names)))
    return tuple(sorted(found, key=lambda one: (one.umbrella.ends_at, one.umbrella.agreement.reference)))


def pinned_to(entry: AgreementEntry, umbrella: AgreementEntry) -> bool:
    """Whether an agreement is pinned to this version of its umbrella."""
    under, above = entry.agreement.under, umbrella.agreement
    return under is not None and (under.reference, under.version) == (above.reference, above.version)


def held_by(effective: Effective, entry: AgreementEntry) -> AgreementEntry:
    """The entry with what holds in place of its text, which is kept as what was signed."""
    if effective.agreement == entry.agreement:
        return entry
    return replace(entry, agreement=effective.agreement, signed=entry.agreement)


def _is_umbrella(versions: tuple[AgreementEntry, ...]) -> bool:
    return bool(versions) and versions[-1].agreement.kind is not AgreementKind.DSA


def _stops(suspension: Suspension, ceilings: frozenset[str], share: Share) -> bool:
    """Whether a suspension of the umbrella stops a share that lies under one of its shares, or under none.

    A field of the umbrella that is suspended stops every share below that lets it leave.  A suspension names shares of the signed
    versions, where a ceiling may have another name than in the version that an agreement is pinned to.
    """
    if not ceilings or any(map(suspension.concerns, ceilings)):
        return True
    fields = frozenset(path for name, path in suspension.fields if name in ceilings)
    return any(treatment.action != "drop" and is_under(path, fields) for path, treatment in share.fields.items())

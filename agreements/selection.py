"""What a partial suspension asks for, resolved to shares and fields at the moment of the act.

    share=departures, or departures alone   purpose=benefits   dataset=crossings   recipient=tax-office
    field=address.line, or field=residents/address.line in one share alone

A purpose also means those below it; a field, what stands below it.  A field that is part of the Kafka key cannot be left out
of a record, so that its whole share stops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from agreements.entries import AgreementEntry, is_under
from agreements.lifecycle_codes import SELECTION
from agreements.model import Share, Side
from contracts.faults import Refused


class Selection(NamedTuple):
    """Whole shares, and (share, field path) of others."""

    shares: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]


KeyFields = Callable[[Share], Sequence[str]]
"""The key fields of a share's dataset."""


def select(entries: Sequence[AgreementEntry], only: Iterable[str], key_fields: KeyFields) -> Selection:
    """What `only` means in the signed versions of an agreement; raises `Refused` for what means nothing there."""
    shares: set[str] = set()
    fields: set[tuple[str, str]] = set()
    for asked in only:
        kind, separator, name = asked.partition("=")
        if not separator:
            kind, name = "share", asked
        found = list(_found(entries, kind, name, key_fields))
        if not found:
            raise Refused(SELECTION.fault(f"`{asked}`"))
        shares |= {share for share, path in found if path is None}
        fields |= {(share, path) for share, path in found if path is not None}
    return Selection(tuple(sorted(shares)), tuple(sorted(one for one in fields if one[0] not in shares)))


def _found(
    entries: Sequence[AgreementEntry], kind: str, name: str, key_fields: KeyFields
) -> Iterator[tuple[str, str | None]]:
    for entry in entries:
        for share in entry.agreement.shares:
            match kind:
                case "field":
                    yield from _field(share, name, key_fields)
                case "share" if share.id == name:
                    yield share.id, None
                case "dataset" if share.dataset == name:
                    yield share.id, None
                case "recipient" if _receives(entry, name):
                    yield share.id, None
                case "purpose" if share.purpose == name or share.purpose.startswith(name + "."):
                    yield share.id, None


def _receives(entry: AgreementEntry, organisation: str) -> bool:
    parties = entry.agreement.parties
    return any(party.side is Side.RECIPIENT and party.organisation == organisation for party in parties)


def _field(share: Share, name: str, key_fields: KeyFields) -> Iterator[tuple[str, str | None]]:
    """The share where the field leaves it: without the field, or as a whole where its key has the field."""
    place, separator, path = name.rpartition("/")
    if separator and place != share.id:
        return
    wanted = frozenset([path])
    leaves = any(is_under(one, wanted) and treatment.action != "drop" for one, treatment in share.fields.items())
    in_key = any(is_under(key, wanted) for key in key_fields(share))
    if in_key:
        yield share.id, None
    elif leaves:
        yield share.id, path

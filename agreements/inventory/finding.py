"""Finding agreements: by state, party, dataset, purpose, or words anywhere in their text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from agreements.model import Agreement
from agreements.snapshot import AgreementEntry
from agreements.text import render


class Wanted(NamedTuple):
    """What an agreement has to have; an empty part is not asked for."""

    state: str | None = None
    party: str | None = None
    dataset: str | None = None
    purpose: str | None = None
    """Or one below it."""
    words: str | None = None
    """Every one of them, in any case and any order."""


def found(entries: Iterable[AgreementEntry], wanted: Wanted) -> list[AgreementEntry]:
    """Those of `entries` that have everything that is wanted."""
    return [entry for entry in entries if wanted.state in (None, entry.state) and _has(entry.agreement, wanted)]


def _has(agreement: Agreement, wanted: Wanted) -> bool:
    organisations = {party.organisation for party in agreement.parties}
    datasets = {share.dataset for share in agreement.shares}
    purposes = [share.purpose for share in agreement.shares]
    if wanted.party is not None and wanted.party not in organisations:
        return False
    if wanted.dataset is not None and wanted.dataset not in datasets:
        return False
    if wanted.purpose is not None and not any(f"{one}.".startswith(f"{wanted.purpose}.") for one in purposes):
        return False
    if wanted.words is None:
        return True
    text = render(agreement).lower()
    return all(word in text for word in wanted.words.lower().split())

"""Small registers to plan against."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from agreements.model import Agreement, AgreementKind, Dates, Delivery, Law, Party, Share, Side, Treatment
from agreements.snapshot import AgreementEntry, AgreementState, ContractEntry, PartyEntry, Snapshot, Suspension
from contracts.model import Contract, Field, FieldType, Kind, TypeName

NOW = datetime(2026, 6, 1, tzinfo=UTC)
STARTS = datetime(2026, 1, 1, tzinfo=UTC)
ENDS = datetime(2027, 1, 1, tzinfo=UTC)


def contract(dataset: str, kind: Kind = Kind.ENTITY, store: str = "carriers", major: int = 1) -> ContractEntry:
    fields = (Field("id", FieldType(TypeName.STRING), required=True, tags=frozenset({"not-personal"})),)
    value = Contract(dataset, (major, 0, 0), kind, "OFFICIAL", "border-agency", store, dataset, ("id",), fields)
    return ContractEntry(value, key_schema=1, value_schema=2, position=0)


def agreement(
    reference: str,
    recipient: str,
    *shares: tuple[str, str],
    state: AgreementState = AgreementState.APPROVED,
    suspended: frozenset[str] | str | None = "no",
    retention: timedelta = timedelta(days=30),
    version: int = 1,
    ends_at: datetime = ENDS,
) -> AgreementEntry:
    """Shares are (share id, dataset); `suspended` None means every share, a set means those."""
    value = Agreement(
        reference=reference,
        version=version,
        kind=AgreementKind.DSA,
        title="a test",
        parties=(
            Party(organisation="border-agency", side=Side.PROVIDER, role="controller", signs=("Owner",)),
            Party(organisation=recipient, side=Side.RECIPIENT, role="controller", signs=("Owner",)),
        ),
        law=Law(power="an act", lawful_basis="a task", regime="uk-gdpr"),
        shares=tuple(
            Share(
                id=share,
                dataset=dataset,
                contract=1,
                purpose="testing",
                classification_ceiling="OFFICIAL",
                key="tokenise",
                fields={"id": Treatment(action="tokenise")},
            )
            for share, dataset in shares
        ),
        dates=Dates(start=date(2026, 1, 1), end=date(2026, 12, 31)),
        delivery=Delivery(retention=retention),
    )
    held = () if suspended == "no" else (Suspension(7, NOW, "border-agency", "a test", suspended),)
    entry = AgreementEntry(value, "sha256:" + "0" * 64, "x", state, 1, STARTS, ends_at, suspensions=held)
    return entry if state is AgreementState.SUBMITTED else replace(entry, approved_position=5)


def register(contracts: list[ContractEntry], agreements: list[AgreementEntry]) -> Snapshot:
    by_reference: dict[str, tuple[AgreementEntry, ...]] = {}
    for entry in agreements:
        reference = entry.agreement.reference
        by_reference[reference] = (*by_reference.get(reference, ()), entry)
    organisations = {"border-agency"} | {entry.recipient for entry in agreements}
    return Snapshot(
        position=9,
        parties={name: PartyEntry(name, name, None, (), 1) for name in organisations},
        contracts={entry.contract.dataset: (entry,) for entry in contracts},
        agreements=by_reference,
    )

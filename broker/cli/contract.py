"""`concordat contract`: data contracts, checked, compared, published; and how good the data is that they promise."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any

import typer

from agreements.snapshot import ContractEntry
from broker.cli.acting import As, Key, cluster, said, signatory, text_of
from broker.cli.contract_figures import figures
from broker.cli.output import Json, emit, results, table, write
from broker.register import commands
from broker.register.codes import NO_SUCH
from broker.register.follow import read_snapshot
from contracts import compatibility, text
from contracts.faults import AnswerIsNo, Fault, Faults, Refused, Unusable
from contracts.model import Contract
from contracts.outline import outline

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)
app.command()(figures)

Dataset = Annotated[str, typer.Argument(help="The dataset's identifier, such as border-crossings.")]
File = Annotated[Path, typer.Argument(help="A contract, ODCS 3.2 YAML.")]


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Contracts, ODCS 3.2 YAML.")],
    *,
    published: Annotated[
        bool, typer.Option(help="Also against the register: compatible, and which agreements break.")
    ] = False,
    json: Json = False,
) -> None:
    """Check contracts: form, labels, types; with --published also what publishing would break.

    Example: concordat contract check examples/contracts/ports.contract.yaml
    """
    found: list[Fault] = []
    contracts: list[tuple[Path, Contract]] = []
    for file in files:
        contract = text.parse(text_of(file), str(file))
        if isinstance(contract, Faults):
            found += contract.items
        else:
            contracts.append((file, contract))
    if found:
        raise Unusable(*found)
    if published:
        snapshot = read_snapshot(cluster())
        for file, contract in contracts:
            found += [fault.in_file(str(file)) for fault in commands.publication_faults(contract, snapshot)]
    if found:
        raise AnswerIsNo(*found)
    document = [{"file": str(file), "dataset": contract.dataset, "faults": []} for file, contract in contracts]
    emit(document, json=json, table="\n".join(f"{file}: no faults" for file, _ in contracts))


@app.command()
def publish(file: File, *, as_: As, key: Key, json: Json = False) -> None:
    """Publish a contract, as a signatory of its owner.  Refused if a signed agreement would break: each one is named.

    Example: concordat contract publish ports.contract.yaml --as jane-doe --key jane.key
    """
    appended = commands.publish_contract(cluster(), signatory(as_, key), text_of(file), str(file))
    contract = text.parse(text_of(file))
    if isinstance(contract, Faults):
        raise Unusable(*contract.items)
    entry = appended.snapshot.contract(contract.dataset)
    schemas = {} if entry is None else {"key_schema": entry.key_schema, "value_schema": entry.value_schema}
    document = said(appended, dataset=contract.dataset, version=_version(contract), **schemas)
    emit(document, json=json, table=f"{contract.dataset} {_version(contract)} is published")


@app.command(name="list")
def list_(*, json: Json = False) -> None:
    """List the newest version of every published contract.

    Example: concordat contract list
    """
    entries = [versions[-1] for _, versions in sorted(read_snapshot(cluster()).contracts.items())]
    rows = [(c.dataset, _version(c), c.kind, c.classification, c.owner, c.store) for c in (e.contract for e in entries)]
    columns = ("dataset", "version", "kind", "classification", "owner", "store")
    emit([_document(entry) for entry in entries], json=json, table=table("Contracts", columns, rows))


@app.command()
def show(dataset: Dataset, *, json: Json = False) -> None:
    """Show a published contract and its fields.

    Example: concordat contract show border-crossings
    """
    entry = _published(dataset)
    rows = [
        (path, field.type.name, "yes" if field.required else "", ", ".join(sorted(field.tags)))
        for path, field in entry.contract.leaves()
    ]
    title = f"{dataset} {_version(entry.contract)}, schemas {entry.key_schema} and {entry.value_schema}"
    emit(_document(entry), json=json, table=table(title, ("field", "type", "required", "tags"), rows))


@app.command()
def diff(
    first: Annotated[Path, typer.Argument(help="The older contract.")],
    second: Annotated[Path, typer.Argument(help="The newer contract.")],
    *,
    json: Json = False,
) -> None:
    """Compare two contracts field by field, and say what stands against publishing the second after the first.

    Example: concordat contract diff old.contract.yaml new.contract.yaml
    """
    before, after = _parsed(first), _parsed(second)
    lines = [line for line in difflib.ndiff(outline(before), outline(after)) if line[0] in "+-"]
    reasons = compatibility.reasons(before, after) if before.major == after.major else ()
    shown = "\n".join([*lines, *(f"not compatible: {reason}" for reason in reasons)]) or "no difference in meaning"
    document = {"changes": lines, "incompatible": reasons, "compatible": not reasons}
    if json:
        emit(document, json=True)
    else:
        results.print(shown, markup=False)


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="An ODCS document from another tool.")],
    *,
    output: Annotated[
        Path | None, typer.Option(help="Where the contract is written, never over a file.  Default: standard output.")
    ] = None,
    json: Json = False,
) -> None:
    """Take over an ODCS document as it is, byte for byte, once it has the `concordat.` terms; else say which are missing.

    Example: concordat contract import theirs.yaml --output border-crossings.contract.yaml
    """
    document = text_of(file)
    contract = text.parse(document, str(file))
    if isinstance(contract, Faults):
        raise Unusable(*contract.items)
    if output is not None:
        _write(output, document)
        emit({"file": str(output), "dataset": contract.dataset}, json=json, table=f"{contract.dataset} is in {output}")
    elif json:
        emit({"file": None, "dataset": contract.dataset, "text": document}, json=True)
    else:
        write(document)


@app.command()
def export(
    dataset: Dataset,
    *,
    output: Annotated[Path | None, typer.Option(help="Default: standard output.")] = None,
    json: Json = False,
) -> None:
    """Write the exact text of a published contract: an ODCS 3.2 document.

    Example: concordat contract export border-crossings --output border-crossings.contract.yaml
    """
    entry = _published(dataset)
    if output is not None:
        _write(output, entry.contract.text)
    if json:
        emit({**_document(entry), "text": entry.contract.text}, json=True)
    elif output is None:
        write(entry.contract.text)


def _write(output: Path, document: str) -> None:
    try:
        with output.open("xb") as file:
            file.write(document.encode())
    except OSError as error:
        raise Refused(NO_SUCH.fault(f"{output}: {error.strerror}")) from error


def _parsed(file: Path) -> Contract:
    contract = text.parse(text_of(file), str(file))
    if isinstance(contract, Faults):
        raise Unusable(*contract.items)
    return contract


def _published(dataset: str) -> ContractEntry:
    entry = read_snapshot(cluster()).contract(dataset)
    if entry is None:
        raise Refused(NO_SUCH.fault(f"a contract for {dataset}"))
    return entry


def _version(contract: Contract) -> str:
    return ".".join(map(str, contract.version))


def _document(entry: ContractEntry) -> dict[str, Any]:
    contract = entry.contract
    return {
        "dataset": contract.dataset,
        "version": _version(contract),
        "kind": contract.kind,
        "classification": contract.classification,
        "owner": contract.owner,
        "store": contract.store,
        "digest": contract.digest,
        "key": contract.key,
        "fields": [
            {"path": path, "type": field.type.name, "required": field.required, "tags": sorted(field.tags)}
            for path, field in contract.leaves()
        ],
        "key_schema": entry.key_schema,
        "value_schema": entry.value_schema,
        "position": entry.position,
    }

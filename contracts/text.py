"""A contract's text form: ODCS 3.2 YAML with our terms in its `customProperties` (prefix `concordat.`).

`parse` gives the contract or every fault of the document in one run.  The text itself is kept in the contract, so import
and export lose nothing.  `docs/formats/contract.md` is the format's page.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from contracts.avro import type_names
from contracts.codes import (
    KEY_WRONG,
    NAME_UNUSABLE,
    TERM_MISSING,
    TERM_WRONG,
)
from contracts.faults import Faults
from contracts.fields import read_fields
from contracts.labels import label_faults
from contracts.model import Caveat, Contract, Field, Kind, OnQuarantine, TypeName
from contracts.odcs import Document, Path, read

_PREFIX = "concordat."
_DATASET = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_CLASSIFICATIONS = ("OFFICIAL", "SECRET", "TOP SECRET")
_REGIMES = ("uk-gdpr", "part-3", "part-4")
_TERMS = (
    "kind",
    "classification",
    "markings",
    "owner",
    "store",
    "regime",
    "caveats",
    "on_quarantine",
    "quarantine_encrypted",
    "row_bytes_max",
    "umbrella",
)
_ROW_BYTES_MAX = 900_000


def parse(text: str, file: str | None = None) -> Contract | Faults:
    """The contract that `text` states, or all its faults, in the order of the text."""
    document = read(text)
    contract = _contract(document, text) if document.value else None
    if contract is not None:
        _check_type_names(document, contract)
    if contract is None or document.faults:
        faults = Faults(tuple(sorted(document.faults, key=lambda fault: (fault.line or 0, fault.column or 0))))
        return faults.in_file(file) if file is not None else faults
    return contract


def digest(text: str) -> str:
    """The SHA-256 of the exact text, as `sha256:<hex>`."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _contract(document: Document, text: str) -> Contract | None:
    """The contract as far as it can be read; the document collects what is wrong with it."""
    terms = _terms(document)
    schema = _schema(document)
    fields, key = read_fields(document, schema) if schema is not None else ((), ())
    kind = _one_of(document, terms, "kind", tuple(kind.value for kind in Kind))
    classification = _one_of(document, terms, "classification", _CLASSIFICATIONS)
    owner = _word(document, terms, "owner", required=True)
    dataset = str(document.value.get("id", ""))
    if not _DATASET.fullmatch(dataset):
        document.fault(NAME_UNUSABLE, ("id",), f"`{dataset}`: lower-case words with dashes name a dataset")
    regime = _one_of(document, terms, "regime", _REGIMES, default="uk-gdpr")
    on_quarantine = _one_of(document, terms, "on_quarantine", ("keep", "withdraw"), default="withdraw")
    umbrella = _one_of(document, terms, "umbrella", ("optional", "required"), default="optional")
    _check_key(document, fields, key)
    _check_labels(document, fields)
    if document.faults or kind is None or classification is None or owner is None:
        return None
    if regime is None or on_quarantine is None:
        return None
    return (
        Contract(
            dataset=dataset,
            version=_version(document),
            kind=Kind(kind),
            classification=classification,
            owner=owner,
            store=_word(document, terms, "store") or owner,
            name=str(document.value.get("name") or dataset),
            key=key,
            fields=fields,
            regime=regime,
            markings=_markings(document, terms),
            caveats=_caveats(document, terms),
            on_quarantine=OnQuarantine(on_quarantine),
            quarantine_encrypted=_flag(document, terms, "quarantine_encrypted", default=True),
            row_bytes_max=_bytes_max(document, terms),
            umbrella_required=umbrella == "required",
            text=text,
            digest=digest(text),
        )
        if not document.faults
        else None
    )


def _terms(document: Document) -> dict[str, tuple[Any, Path]]:
    """Our terms with the place of each value."""
    found: dict[str, tuple[Any, Path]] = {}
    properties = document.value.get("customProperties")
    for index, entry in enumerate(properties if isinstance(properties, list) else ()):
        name = str(entry.get("property", "")) if isinstance(entry, dict) else ""
        if not name.startswith(_PREFIX):
            continue
        term, path = name.removeprefix(_PREFIX), ("customProperties", index, "value")
        if term not in _TERMS:
            document.fault(TERM_WRONG, ("customProperties", index), f"`{name}` is not a term")
        elif term in found:
            document.fault(TERM_WRONG, ("customProperties", index), f"`{name}` stands twice")
        else:
            found[term] = (entry.get("value"), path)
    return found


def _schema(document: Document) -> dict[str, Any] | None:
    schemas = document.value.get("schema")
    if not isinstance(schemas, list) or len(schemas) != 1 or not isinstance(schemas[0], dict):
        document.fault(TERM_MISSING, ("schema",), "`schema` with exactly one object: a contract is about one dataset")
        return None
    return schemas[0]


def _one_of(
    document: Document,
    terms: dict[str, tuple[Any, Path]],
    term: str,
    values: tuple[str, ...],
    default: str | None = None,
) -> str | None:
    value, path = terms.get(term, (default, ("customProperties",)))
    if value is None:
        document.fault(TERM_MISSING, path, f"`{_PREFIX}{term}`: one of {', '.join(values)}")
    elif value not in values:
        document.fault(TERM_WRONG, path, f"`{_PREFIX}{term}` is `{value}`: one of {', '.join(values)}")
    else:
        return str(value)
    return None


def _word(
    document: Document,
    terms: dict[str, tuple[Any, Path]],
    term: str,
    *,
    required: bool = False,
) -> str | None:
    value, path = terms.get(term, (None, ("customProperties",)))
    if value is None:
        if required:
            document.fault(TERM_MISSING, path, f"`{_PREFIX}{term}`: an organisation's identifier")
        return None
    if not isinstance(value, str) or not _DATASET.fullmatch(value):
        document.fault(TERM_WRONG, path, f"`{_PREFIX}{term}`: lower-case words with dashes")
        return None
    return value


def _flag(document: Document, terms: dict[str, tuple[Any, Path]], term: str, *, default: bool) -> bool:
    value, path = terms.get(term, (default, ()))
    if not isinstance(value, bool):
        document.fault(TERM_WRONG, path, f"`{_PREFIX}{term}`: true or false")
    return value is True


def _bytes_max(document: Document, terms: dict[str, tuple[Any, Path]]) -> int:
    value, path = terms.get("row_bytes_max", (262_144, ()))
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _ROW_BYTES_MAX:
        document.fault(TERM_WRONG, path, f"`{_PREFIX}row_bytes_max`: a number of bytes from 1 to {_ROW_BYTES_MAX}")
        return _ROW_BYTES_MAX
    return value


def _markings(document: Document, terms: dict[str, tuple[Any, Path]]) -> tuple[str, ...]:
    value, path = terms.get("markings", ([], ()))
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        document.fault(TERM_WRONG, path, f"`{_PREFIX}markings`: a list of words")
        return ()
    return tuple(value)


def _caveats(document: Document, terms: dict[str, tuple[Any, Path]]) -> tuple[Caveat, ...]:
    value, path = terms.get("caveats", ([], ()))
    caveats: list[Caveat] = []
    for index, entry in enumerate(value if isinstance(value, list) else [None]):
        if not isinstance(entry, dict) or set(entry) != {"id", "version", "text"} or type(entry["version"]) is not int:
            document.fault(TERM_WRONG, (*path, index), "a caveat is {id: word, version: whole number, text: sentence}")
        else:
            caveats.append(Caveat(str(entry["id"]), entry["version"], str(entry["text"])))
    return tuple(caveats)


def _version(document: Document) -> tuple[int, int, int]:
    parts = str(document.value.get("version", "")).split(".")
    if len(parts) != 3 or not all(part.isdigit() and len(part) < 10 for part in parts):
        document.fault(TERM_WRONG, ("version",), "`version` is three numbers, e.g. `1.0.0`")
        return (0, 0, 0)
    return (int(parts[0]), int(parts[1]), int(parts[2]))


def _check_key(document: Document, fields: tuple[Field, ...], key: tuple[str, ...]) -> None:
    by_name = {field.name: field for field in fields}
    if fields and not key:
        document.fault(KEY_WRONG, ("schema", 0, "properties"), "no field is marked `primaryKey: true`")
    for name in key:
        field = by_name[name]
        if not field.required:
            document.faults.append(
                KEY_WRONG.fault(f"key field `{name}` must be required", line=field.line, column=field.column)
            )
        if field.type.name in (TypeName.RECORD, TypeName.ARRAY, TypeName.MAP, TypeName.DOUBLE):
            document.faults.append(
                KEY_WRONG.fault(f"key field `{name}` is a {field.type.name}", line=field.line, column=field.column),
            )


def _check_labels(document: Document, fields: tuple[Field, ...]) -> None:
    for code, message, field in label_faults(_leaves("", fields)):
        if field is None:
            document.fault(code, ("schema", 0, "properties"), message)
        else:
            document.faults.append(code.fault(message, line=field.line, column=field.column))


def _check_type_names(document: Document, contract: Contract) -> None:
    """Avro names a nested type by its path with `_` for `.`: `a.b_c` and `a_b.c` cannot both be types of their own."""
    names = type_names(contract)
    for name in sorted({name for name in names if names.count(name) > 1}):
        document.fault(NAME_UNUSABLE, ("schema", 0, "properties"), f"two nested types would both be named `{name}`")


def _leaves(prefix: str, fields: tuple[Field, ...]) -> list[tuple[str, Field]]:
    found: list[tuple[str, Field]] = []
    for field in fields:
        path = prefix + field.name
        nested = field.type.name is TypeName.RECORD
        found += _leaves(path + ".", field.type.fields) if nested else [(path, field)]
    return found

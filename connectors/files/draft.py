"""Draft contracts of what a directory holds, for its owner to finish: types are proposed from the first rows of the last file.

Every tag, the kind, the classification and the owner are only *proposed*: nothing of a draft can flow before its owner
has confirmed them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from ruamel.yaml import YAML

from connectors.files.cells import decoded, splitter
from connectors.files.lines import Mark, read_lines
from connectors.files.listing import look, open_file
from connectors.files.options import FilesOptions, Format
from connectors.files.sources import container_rows, header
from connectors.proposals import PROPOSED, proposed_tags
from connectors.typed import Unreadable, from_text, json_of
from contracts.model import FieldType, TypeName

ROWS = 1_000
_TYPES: tuple[tuple[FieldType, dict[str, Any]], ...] = (
    (FieldType(TypeName.INTEGER), {"logicalType": "integer"}),
    (FieldType(TypeName.DOUBLE), {"logicalType": "number"}),
    (FieldType(TypeName.DATE), {"logicalType": "date"}),
    (FieldType(TypeName.TIMESTAMP), {"logicalType": "timestamp"}),
    (FieldType(TypeName.UUID), {"logicalType": "string", "logicalTypeOptions": {"format": "uuid"}}),
)
"""What text may be, the first that every value fits."""
_BOOLEAN = {"true", "false"}
_LEADING_ZERO = re.compile(r"[+-]?0[0-9]|\+", re.ASCII)


def drafts(store: str, options: FilesOptions) -> list[str]:
    """One draft in ODCS 3.2 YAML for each dataset; raises `Away` when the directory cannot be read."""
    patterns = options.files or _groups(options)
    found = []
    for dataset, pattern in sorted(patterns.items()):
        files = look(options.directory, pattern)
        columns = _columns(files[-1].name, options) if files else {}
        if columns:
            found.append(_draft(store, options, dataset, files[-1].name, columns))
    return found


def _groups(options: FilesOptions) -> dict[str, str]:
    """Files whose names begin with the same letters are one dataset: `crossings-2024-01-01.csv` is of `crossings`."""
    found = {}
    for file in look(options.directory):
        stem = re.match(r"[A-Za-z][A-Za-z_-]*", file.name.split(".")[0])
        if stem is not None:
            start = stem[0].rstrip("-_")
            found[re.sub(r"[^a-z0-9]+", "-", start.lower())] = f"{start}*"
    return found


def _columns(name: str, options: FilesOptions) -> dict[str, list[Any]]:
    """Each column's values in the first rows."""
    columns: dict[str, list[Any]] = {}
    with open_file(options.directory, name) as stream:
        for values in islice(_values(stream, options), ROWS):
            for column, value in values.items():
                columns.setdefault(column, []).append(value)
    return columns


def _values(stream: Any, options: FilesOptions) -> Any:
    if not options.format.is_text:
        yield from container_rows(stream, options.format)
        return
    names, mark = header(stream, options) if options.format is Format.CSV else (None, Mark())
    split = splitter(options.delimiter, options.encoding)

    def parse(record: bytes) -> dict[str, Any]:
        if names is not None:
            return dict(zip(names, split(record), strict=False))
        found = json_of(decoded(record, options.encoding).removeprefix("\ufeff"))
        return found if isinstance(found, dict) else {}

    quotes = options.format is Format.CSV
    for raw in read_lines(stream, mark, parse, limit=options.row_bytes_max, whole=True, quotes=quotes):
        if raw.values is not None:
            yield raw.values


def _logical(values: Sequence[Any], options: FilesOptions) -> dict[str, Any]:
    """The type that every value of a column fits; text where none is sure."""
    given = [value for value in values if value is not None and value != ""]
    if not given:
        return {"logicalType": "string"}
    kinds = {type(value).__name__ for value in given}
    native = {"bool": "boolean", "int": "integer", "float": "number", "date": "date", "datetime": "timestamp"}
    if len(kinds) == 1 and (kind := kinds.pop()) in native:
        return {"logicalType": native[kind]}
    if all(isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in given):
        return {"logicalType": "number"}
    if not all(isinstance(value, str) for value in given):
        return {"logicalType": "string", "description": "The values are of several types, or nested: to be written."}
    return _text_type(given, options)


def _text_type(given: Sequence[str], options: FilesOptions) -> dict[str, Any]:
    """What every one of some texts may be."""
    csv = options.format is Format.CSV
    if csv and all(value.lower() in _BOOLEAN for value in given):
        return {"logicalType": "boolean"}
    for type_, logical in _TYPES if csv else _TYPES[2:]:
        if all(_fits(type_, value, options) for value in given):
            return dict(logical)
    return {"logicalType": "string"}


def _fits(type_: FieldType, text: str, options: FilesOptions) -> bool:
    if type_.name in (TypeName.INTEGER, TypeName.DOUBLE) and _LEADING_ZERO.match(text):
        return False  # a reference or a telephone number: it would lose its zeros
    try:
        from_text(type_, str(text), options.zone)
    except Unreadable:
        return False
    return True


def _draft(store: str, options: FilesOptions, dataset: str, file: str, columns: dict[str, list[Any]]) -> str:
    types = {name: _logical(values, options) for name, values in columns.items()}
    most = max(len(values) for values in columns.values())
    full = [name for name, values in columns.items() if len(values) == most and None not in values and "" not in values]
    key = next((name for name in full if _all_differ(columns[name]) and types[name]["logicalType"] != "number"), None)
    tags = proposed_tags({name: type_["logicalType"] for name, type_ in types.items()}, [key] if key else [])
    personal = any(tag == PROPOSED + "personal" for of_column in tags.values() for tag in of_column)
    properties: list[dict[str, Any]] = []
    for name, type_ in types.items():
        one: dict[str, Any] = {"name": name, "physicalName": name, **type_}
        if name == key:
            one |= {"primaryKey": True, "primaryKeyPosition": 1, "required": True}
        one["transformSourceObjects"] = [f"{options.pattern(dataset)}.{name}"]
        one["tags"] = list(tags[name])
        properties.append(one)
    terms: dict[str, Any] = {
        "kind": PROPOSED + "entity",
        "classification": PROPOSED + "OFFICIAL",
        "owner": PROPOSED + store,
        "store": store,
    }
    if personal:
        terms["markings"] = [PROPOSED + "SENSITIVE"]
    document = {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": dataset,
        "name": dataset,
        "version": "0.1.0",
        "status": "draft",
        "description": {"purpose": f"To be written by the owner. Types are proposed from the first rows of {file}."},
        "customProperties": [{"property": f"concordat.{name}", "value": value} for name, value in terms.items()],
        "schema": [{"name": dataset, "physicalName": file, "logicalType": "object", "properties": properties}],
    }
    text = io.StringIO()
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 10_000
    yaml.dump(document, text)
    return text.getvalue()


def _all_differ(values: Sequence[Any]) -> bool:
    return len({repr(value) for value in values}) == len(values)

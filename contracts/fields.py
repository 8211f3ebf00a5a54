"""From ODCS properties to a contract's fields: names, types with their rules, tags and the key."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from typing import Any

import re2

from contracts.codes import KEY_WRONG, NAME_UNUSABLE, TYPE_UNSUPPORTED
from contracts.model import Field, FieldType, TypeName
from contracts.odcs import Document, Path

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_DECIMAL = re.compile(r"(?i)\s*(?:decimal|numeric|number)\s*\(\s*(\d{1,3})\s*(?:,\s*(\d{1,3})\s*)?\)\s*")
_BYTES = re.compile(r"(?i)\s*(bytea|bytes|binary|varbinary|blob)\b.*")
_OPTIONS: dict[TypeName, tuple[str, ...]] = {
    TypeName.STRING: ("pattern", "minLength", "maxLength", "format"),
    TypeName.UUID: ("format", "minLength", "maxLength"),
    TypeName.BYTES: ("format",),
    TypeName.INTEGER: ("minimum", "maximum", "format"),
    TypeName.DOUBLE: ("minimum", "maximum", "format"),
    TypeName.DECIMAL: ("minimum", "maximum", "format", "precision", "scale"),
    TypeName.DATE: ("minimum", "maximum", "format"),
    TypeName.TIMESTAMP: ("minimum", "maximum", "format", "timezone", "defaultTimezone"),
    TypeName.ARRAY: ("minItems", "maxItems"),
    TypeName.MAP: (),
    TypeName.RECORD: (),
    TypeName.BOOLEAN: (),
    TypeName.ENUM: ("minLength", "maxLength", "pattern", "format"),
}
_TOP = 3
"""The length of the path of the dataset's own properties."""
_SIMPLE = {
    "integer": TypeName.INTEGER,
    "number": TypeName.DOUBLE,
    "boolean": TypeName.BOOLEAN,
    "date": TypeName.DATE,
    "timestamp": TypeName.TIMESTAMP,
    "array": TypeName.ARRAY,
    "map": TypeName.MAP,
    "object": TypeName.RECORD,
    "string": TypeName.STRING,
}


def read_fields(document: Document, schema: dict[str, Any]) -> tuple[tuple[Field, ...], tuple[str, ...]]:
    """The dataset's fields in order, and the names of its key fields in key order."""
    path: Path = ("schema", 0, "properties")
    properties = schema.get("properties")
    if not isinstance(properties, list) or not properties:
        document.fault(TYPE_UNSUPPORTED, path, "the dataset has no `properties`")
        return (), ()
    fields = _fields(document, properties, path)
    return fields, _key(document, properties, fields, path)


def _fields(document: Document, properties: list[Any], path: Path) -> tuple[Field, ...]:
    fields: list[Field] = []
    for index, entry in enumerate(properties):
        if isinstance(entry, dict):
            field = _field(document, entry, (*path, index))
            if len(path) > _TOP and entry.get("primaryKey") is True:
                document.fault(KEY_WRONG, (*path, index, "primaryKey"), f"key field `{field.name}` is nested")
            if any(other.name == field.name for other in fields):
                document.fault(NAME_UNUSABLE, (*path, index, "name"), f"`{field.name}` stands twice")
            fields.append(field)
    return tuple(fields)


def _field(document: Document, entry: dict[str, Any], path: Path) -> Field:
    name = str(entry.get("name", ""))
    if not _NAME.fullmatch(name):
        document.fault(NAME_UNUSABLE, (*path, "name"), f"`{name}`: letters, digits and `_`, not first a digit")
    tags = entry.get("tags")
    return Field(
        name=name,
        type=_type(document, entry, path),
        required=entry.get("required") is True,
        tags=frozenset(str(tag) for tag in tags) if isinstance(tags, list) else frozenset(),
        description=entry.get("description") if isinstance(entry.get("description"), str) else None,
        line=document.places.get(path, (1, 1))[0],
        column=document.places.get(path, (1, 1))[1],
    )


def _type(document: Document, entry: dict[str, Any], path: Path) -> FieldType:
    name = _type_name(entry)
    if name is None:
        given = entry.get("logicalType")
        message = f"logical type `{given}`" if given else "`logicalType` is missing"
        document.fault(TYPE_UNSUPPORTED, (*path, "logicalType") if given else path, message)
        return FieldType(TypeName.STRING)
    options = entry.get("logicalTypeOptions")
    options = options if isinstance(options, dict) else {}
    for option in options:
        if option not in _OPTIONS[name]:
            message = f"option `{option}` of a {name} would not be checked"
            document.fault(TYPE_UNSUPPORTED, (*path, "logicalTypeOptions", option), message)
    if "enum" in entry and name is not TypeName.STRING:
        document.fault(TYPE_UNSUPPORTED, (*path, "enum"), f"`enum` of `{name}` would not be checked")
    match name:
        case TypeName.STRING | TypeName.ENUM:
            return _string(document, entry, options, path)
        case TypeName.ARRAY | TypeName.MAP:
            return _collection(document, name, entry, options, path)
        case TypeName.RECORD:
            nested = entry.get("properties")
            if not isinstance(nested, list) or not nested:
                document.fault(TYPE_UNSUPPORTED, path, "an object needs `properties`")
                return FieldType(name)
            return FieldType(name, fields=_fields(document, nested, (*path, "properties")))
        case _:
            return _plain(document, name, entry, options, path)


def _type_name(entry: dict[str, Any]) -> TypeName | None:
    name = _SIMPLE.get(str(entry.get("logicalType")))
    physical = str(entry.get("physicalType") or "")
    options = entry.get("logicalTypeOptions") or {}
    if name is TypeName.DOUBLE and (
        _DECIMAL.fullmatch(physical) or (isinstance(options, dict) and "precision" in options)
    ):
        return TypeName.DECIMAL
    if name is TypeName.STRING:
        if isinstance(options, dict) and options.get("format") == "uuid":
            return TypeName.UUID
        if _BYTES.fullmatch(physical) or (isinstance(options, dict) and options.get("format") == "binary"):
            return TypeName.BYTES
    return name


def _string(document: Document, entry: dict[str, Any], options: dict[str, Any], path: Path) -> FieldType:
    allowed = entry.get("enum")
    values = (
        tuple(str(item.get("value")) for item in allowed if isinstance(item, dict)) if isinstance(allowed, list) else ()
    )
    for index, item in enumerate(allowed if isinstance(allowed, list) else ()):
        if isinstance(item, dict) and not isinstance(item.get("value"), str):
            document.fault(TYPE_UNSUPPORTED, (*path, "enum", index, "value"), "a string's permitted value is text")
    if len(set(values)) != len(values):
        document.fault(TYPE_UNSUPPORTED, (*path, "enum"), "a value stands twice")
    pattern = options.get("pattern")
    if pattern is not None and not _is_pattern(pattern):
        document.fault(TYPE_UNSUPPORTED, (*path, "logicalTypeOptions", "pattern"), f"`{pattern}` is not an RE2 pattern")
        pattern = None
    is_enum = bool(values) and all(_NAME.fullmatch(value) for value in values) and pattern is None
    lowest, highest = _bounds(document, options, ("minLength", "maxLength"), path)
    return FieldType(
        TypeName.ENUM if is_enum else TypeName.STRING,
        symbols=values if is_enum else (),
        values=() if is_enum else values,
        pattern=pattern,
        characters_min=lowest,
        characters_max=highest,
    )


def _is_pattern(pattern: Any) -> bool:
    quiet = re2.Options()
    quiet.log_errors = False
    try:
        re2.compile(pattern, quiet)
    except (re2.error, TypeError):
        return False
    return True


def _collection(
    document: Document,
    name: TypeName,
    entry: dict[str, Any],
    options: dict[str, Any],
    path: Path,
) -> FieldType:
    place = (*path, "items") if name is TypeName.ARRAY else (*path, "map", "value")
    mapping = entry.get("map")
    item = entry.get("items") if name is TypeName.ARRAY else mapping.get("value") if isinstance(mapping, dict) else None
    if not isinstance(item, dict):
        document.fault(TYPE_UNSUPPORTED, path, f"{name} needs `{'items' if name is TypeName.ARRAY else 'map.value'}`")
        return FieldType(name, items=FieldType(TypeName.STRING))
    lowest, highest = _bounds(document, options, ("minItems", "maxItems"), path)
    required = item.get("required") is not False
    return FieldType(
        name,
        items=_type(document, item, place),
        items_required=required,
        items_min=lowest,
        items_max=highest,
    )


def _plain(
    document: Document,
    name: TypeName,
    entry: dict[str, Any],
    options: dict[str, Any],
    path: Path,
) -> FieldType:
    minimum, maximum = (_limit(document, name, options, option, path) for option in ("minimum", "maximum"))
    if name is not TypeName.DECIMAL:
        return FieldType(name, minimum=minimum, maximum=maximum)
    found = _DECIMAL.fullmatch(str(entry.get("physicalType") or ""))
    precision = int(found[1]) if found else options.get("precision")
    scale = int(found[2] or 0) if found else options.get("scale", 0)
    if type(precision) is not int or type(scale) is not int or not 0 <= scale <= precision <= 76 or precision < 1:
        document.fault(TYPE_UNSUPPORTED, path, "a decimal has a precision from 1 to 76 and a scale up to it")
        precision, scale = 38, 0
    return FieldType(name, minimum=minimum, maximum=maximum, precision=precision, scale=scale)


def _limit(document: Document, name: TypeName, options: dict[str, Any], option: str, path: Path) -> Any:
    value = options.get(option)
    place = (*path, "logicalTypeOptions", option)
    if value is None or name not in (
        TypeName.INTEGER,
        TypeName.DOUBLE,
        TypeName.DECIMAL,
        TypeName.DATE,
        TypeName.TIMESTAMP,
    ):
        return None
    if name in (TypeName.DATE, TypeName.TIMESTAMP):
        try:
            date.fromisoformat(str(value)) if name is TypeName.DATE else datetime.fromisoformat(str(value))
        except ValueError:
            document.fault(TYPE_UNSUPPORTED, place, f"`{option}` is a {name} in RFC 3339 form")
            return None
        return str(value)
    if type(value) not in (int, float) or not math.isfinite(value):
        document.fault(TYPE_UNSUPPORTED, place, f"`{option}` is a number")
        return None
    return value


def _bounds(
    document: Document,
    options: dict[str, Any],
    names: tuple[str, str],
    path: Path,
) -> tuple[int | None, int | None]:
    found: list[int | None] = []
    for name in names:
        value = options.get(name)
        if value is not None and (type(value) is not int or value < 0):
            document.fault(TYPE_UNSUPPORTED, (*path, "logicalTypeOptions", name), f"`{name}` is a whole number from 0")
            value = None
        found.append(value)
    return found[0], found[1]


def _key(document: Document, properties: list[Any], fields: tuple[Field, ...], path: Path) -> tuple[str, ...]:
    """Key fields by `primaryKeyPosition`; without positions, in the order of the text."""
    marked = [entry for entry in properties if isinstance(entry, dict) and entry.get("primaryKey") is True]
    positions = [entry.get("primaryKeyPosition") for entry in marked]
    if any(position not in (None, -1) for position in positions):
        if sorted(str(position) for position in positions) != sorted(str(n + 1) for n in range(len(marked))):
            document.fault(KEY_WRONG, path, f"`primaryKeyPosition` must count 1 to {len(marked)}")
            return ()
        marked.sort(key=lambda entry: int(entry["primaryKeyPosition"]))
    names = {field.name for field in fields}
    return tuple(str(entry.get("name")) for entry in marked if entry.get("name") in names)

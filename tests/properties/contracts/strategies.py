"""Random contracts and rows that keep them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import strategies as st

from contracts.model import Contract, Field, FieldType, Kind, TypeName

T = TypeName
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
TIMES = st.datetimes(datetime(1700, 1, 1), datetime(2300, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds have no zone

PLAIN = st.sampled_from([T.STRING, T.UUID, T.INTEGER, T.DOUBLE, T.BOOLEAN, T.DATE, T.TIMESTAMP, T.BYTES]).map(FieldType)
ENUMS = st.lists(NAMES, min_size=1, max_size=3, unique=True).map(lambda names: FieldType(T.ENUM, symbols=tuple(names)))
DECIMALS = st.tuples(st.integers(1, 40), st.integers(0, 40)).filter(lambda pair: pair[1] <= pair[0])
DECIMAL_TYPES = DECIMALS.map(lambda pair: FieldType(T.DECIMAL, precision=pair[0], scale=pair[1]))


def collections(inner: st.SearchStrategy[FieldType]) -> st.SearchStrategy[FieldType]:
    """Arrays, maps and records of simpler types."""
    lists = st.tuples(st.sampled_from([T.ARRAY, T.MAP]), inner, st.booleans()).map(
        lambda parts: FieldType(parts[0], items=parts[1], items_required=parts[2])
    )
    return lists | fields(inner).map(lambda found: FieldType(T.RECORD, fields=found))


def fields(types: st.SearchStrategy[FieldType]) -> st.SearchStrategy[tuple[Field, ...]]:
    """Some fields of different names."""
    field = st.builds(Field, NAMES, types, required=st.booleans(), description=st.none() | TEXTS)
    return st.lists(field, min_size=1, max_size=4, unique_by=lambda one: one.name).map(tuple)


TYPES = st.recursive(PLAIN | ENUMS | DECIMAL_TYPES, collections, max_leaves=5)


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    """A contract whose key is its first field."""
    key = Field("key", draw(PLAIN), required=True)
    rest = draw(fields(TYPES).filter(lambda found: all(field.name != "key" for field in found)))
    return Contract("things", (1, 0, 0), Kind.ENTITY, "OFFICIAL", "owner", "store", "Things", ("key",), (key, *rest))


def rows(fields_: tuple[Field, ...]) -> st.SearchStrategy[dict]:
    """Rows that keep the promises of these fields."""
    return st.fixed_dictionaries(
        {field.name: values(field.type) if field.required else st.none() | values(field.type) for field in fields_}
    )


def values(type_: FieldType) -> st.SearchStrategy:
    """Values of one type."""
    match type_.name:
        case T.ENUM:
            return st.sampled_from(type_.symbols)
        case T.DECIMAL:
            most = 10**type_.precision - 1
            return st.integers(-most, most).map(
                lambda digits: Decimal((digits < 0, _digits(digits), -(type_.scale or 0)))
            )
        case T.ARRAY:
            return st.lists(_items(type_), max_size=3)
        case T.MAP:
            return st.dictionaries(TEXTS, _items(type_), max_size=3)
        case T.RECORD:
            return rows(type_.fields)
        case _:
            return _PLAIN[type_.name]


def _digits(number: int) -> tuple[int, ...]:
    return tuple(int(digit) for digit in str(abs(number)))


def _items(type_: FieldType) -> st.SearchStrategy:
    return values(type_.items) if type_.items_required else st.none() | values(type_.items)


_PLAIN = {
    T.STRING: TEXTS,
    T.UUID: st.uuids(),
    T.INTEGER: st.integers(-(2**63), 2**63 - 1),
    T.DOUBLE: st.floats(allow_nan=False, allow_infinity=False),
    T.BOOLEAN: st.booleans(),
    T.DATE: st.dates(date(1, 1, 1)),
    T.TIMESTAMP: TIMES,
    T.BYTES: st.binary(max_size=8),
}

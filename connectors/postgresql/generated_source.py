"""The text of the generated writers (`generated`): a line or a few for each column, in the order in which they come.

It is made of this module's own words and of numbers: no name and no value from a store or a contract stands in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from connectors.postgresql.column_code import SIZES, Code
from connectors.postgresql.columns import BINARY, NULL, TEXT, UNCHANGED
from connectors.postgresql.tables import Leaf
from contracts.model import Contract, Field

Block = list[str]
"""Lines of one depth."""


class Carried(NamedTuple):
    """One contracted field and its column.  `place` is its number; a part of the key must be there."""

    place: int
    leaf: Leaf
    field: Field
    code: Code | None
    is_key: bool
    letter: str = "v"

    @property
    def variable(self) -> str:
        """Holds the field's Avro bytes."""
        return f"{self.letter}{self.place}"

    def again(self) -> Carried:
        """The same in a second tuple."""
        return self._replace(letter="w")


def stream_source(contract: Contract, carried: Sequence[Carried], columns: Sequence[str]) -> str:
    """`after`, `row` and `key_of`, for the tuples of a stream."""
    by_column = {one.leaf.column: one for one in carried}
    found = [by_column.get(column) for column in columns]
    body = [*_counted(columns), "gone = ()"]
    keys = _counted(columns)
    for one in found:
        body += _passing() if one is None else _in_stream(one)
        keys += _in_stream(one) if one is not None and one.is_key else _passing()
    records, parts = _row(contract, carried)
    key = _key(contract, carried)
    both = _both(contract, columns, found)
    body += ["if at > len(data): raise NotPlain", *records]
    return _functions(
        ("both(data, at, position)", both),
        ("after(data, at, position)", [*body, f"return {key}, join((AFTER, {parts}, SOURCE, position)), gone"]),
        ("row(data, at)", [*body, "if gone: raise NotPlain", f"return {key}, join((SOME, {parts})), at"]),
        ("key_of(data, at)", [*keys, "if at > len(data): raise NotPlain", f"return {key}"]),
    )


def chunk_source(
    contract: Contract, carried: Sequence[Carried], columns: Sequence[tuple[str, bytes]]
) -> tuple[str, tuple[str, ...]]:
    """`after`, for the rows of a binary COPY; `columns` are names and the kinds of their values.

    Every `take<n>` that it calls reads by one format of `struct`; the formats come with it, in order.
    """
    by_column = {one.leaf.column: one for one in carried}
    body: Block = []
    stretches = _stretches([(by_column[column], kind) for column, kind in columns])
    for number, stretch in enumerate(stretches):
        body += _stretch(stretch, number, len(columns))
    records, parts = _row(contract, carried)
    body += ["if at > len(data): raise NotPlain", *records]
    source = _functions(
        (
            "after(data, at, position)",
            [*body, f"return {_key(contract, carried)}, join((AFTER, {parts}, SOURCE, position)), at"],
        )
    )
    return source, tuple(("H" if not number else "") + one.format for number, one in enumerate(stretches))


class _Stretch(NamedTuple):
    """Columns of a fixed size, and the length of the one after them: bytes that stand at known places while nothing is null."""

    fixed: list[tuple[Carried, Code]]
    last: tuple[Carried, Code] | None

    @property
    def format(self) -> str:
        """Of its lengths and values, in `struct`."""
        return "".join(f"i{code.letter}" for _, code in self.fixed) + ("i" if self.last else "")


def _stretches(columns: Sequence[tuple[Carried, bytes]]) -> list[_Stretch]:
    found = [_Stretch([], None)]
    for one, kind in columns:
        code = one.code
        if code is None or (kind != BINARY and not code.alike):
            code = Code(f"{'binary' if kind == BINARY else 'text'}{one.place}(text)")
        if code.letter is not None and kind == BINARY:
            found[-1].fixed.append((one, code))
        else:
            found[-1] = found[-1]._replace(last=(one, code))
            found.append(_Stretch([], None))
    return found if found[-1].fixed else found[:-1]


def _stretch(stretch: _Stretch, number: int, columns: int) -> Block:
    """One stretch of a COPY's row.

    All its numbers are taken at once; where one of them is null, they are taken one by one.  At the very end of a chunk there may
    be no room for numbers after a null: that row goes the general way.
    """
    fixed, last = stretch
    names = [name for one, _ in fixed for name in (f"size{one.place}", f"value{one.place}")]
    opened: Block = []
    if not number:  # the count of columns stands before the first
        names.insert(0, "count")
        opened = [f"if count != {columns}: raise NotPlain", "at += 2"]
    if last is None:
        return [_taken(names, number), *opened, *_fixed(fixed, [])]
    one_by_one = ["size, = signed(data, at)"]
    return [_taken([*names, "size"], number), *opened, *_fixed(fixed, one_by_one), "at += 4", *_sized(*last)]


def _taken(names: Sequence[str], number: int) -> str:
    return f"{', '.join(names)}, = take{number}(data, at)"


def _fixed(fixed: Sequence[tuple[Carried, Code]], afterwards: Block) -> Block:
    """The values of a stretch that were taken together; where one is missing each by itself, and then `afterwards`."""
    if not fixed:
        return []
    sizes = {one.place: SIZES[code.letter or ""] for one, code in fixed}
    all_there = " and ".join(f"size{place} == {size}" for place, size in sizes.items())
    together = [_assigned(one, code, f"value{one.place}") for one, code in fixed]
    single = [line for one, code in fixed for line in _in_chunk(one, code)]
    skipped = sum(size + 4 for size in sizes.values())
    return _branches([(all_there, [*together, f"at += {skipped}"])], [*single, *afterwards])


def _sized(one: Carried, code: Code) -> Block:
    """A value whose length has been taken; -1 is null."""
    absent = ["raise NotPlain"] if one.is_key else [f"{one.variable} = NULL"]
    there = ["start = at", "at += size", *_text(one, code)]
    return _branches([("size >= 0", there)], absent)


def _both(contract: Contract, columns: Sequence[str], found: Sequence[Carried | None]) -> Block:
    """An update that carries the row before: most columns are as they were, and what they became stands already.

    A part of the key that is not the same, byte for byte, is for the general way.
    """
    before = [one for one in found if one is not None]
    after = [one.again() for one in before]
    body = [*_counted(columns), "gone = ()"]
    for number, one in enumerate(found):
        body += [f"p{number} = at", *(_passing() if one is None else _in_stream(one))]
    records, parts = _row(contract, before)
    body += [f"p{len(found)} = at", "at += 1", *records, *_counted(columns)]
    for number, one in enumerate(found):
        start, end = f"p{number}", f"p{number + 1}"
        same = f"data.startswith(data[{start}:{end}], at)"
        if one is None:
            body += _passing()
        elif one.is_key:
            body += [
                f"if not {same}: raise NotPlain",
                f"{one.again().variable} = {one.variable}",
                f"at += {end} - {start}",
            ]
        else:
            kept = [f"{one.again().variable} = {one.variable}", f"at += {end} - {start}"]
            body += _branches([(same, kept)], _in_stream(one.again()))
    new_records, new_parts = _row(contract, after)
    joined = f"join((OPENING, SOME, {parts}, SOME, {new_parts}, SOURCE, position))"
    ending = ["if gone or at > len(data): raise NotPlain", *new_records]
    return [*body, *ending, f"return {_key(contract, before)}, {joined}"]


def _functions(*written: tuple[str, Block]) -> str:
    return "\n".join("\n".join((f"def {head}:", *_indented(body))) for head, body in written) + "\n"


def _indented(block: Block) -> Block:
    return [f"    {line}" for line in block]


def _counted(columns: Sequence[object]) -> Block:
    return [f"if count(data, at)[0] != {len(columns)}: raise NotPlain", "at += 2"]


def _passing() -> Block:
    return ["at = passed(data, at)"]


def _in_stream(one: Carried) -> Block:
    """One column of a stream's tuple: a byte for its kind, then, where there is a value, its length and itself."""
    general = [f"{one.variable}, at = other(data, at, text{one.place}, binary{one.place})"]
    branches: list[tuple[str, Block]] = []
    if one.code is not None:
        kinds = (BINARY, TEXT) if one.code.alike else (BINARY,)
        branches.append((" or ".join(f"kind == {kind[0]}" for kind in kinds), _value(one, one.code, 1)))
    absent = [f"{one.variable} = NULL", "at += 1"]
    if not one.is_key:
        branches.append((f"kind == {NULL[0]}", absent))
        if len(one.leaf.path) == 1:  # inside a record it would decide whether the record is null
            branches.append((f"kind == {UNCHANGED[0]}", [*absent, f"gone += ({one.place},)"]))
    return ["kind = data[at]", *_branches(branches, general)]


def _in_chunk(one: Carried, code: Code) -> Block:
    """One column of a fixed size in a COPY's row: its length, -1 for null, and itself."""
    absent = ["raise NotPlain"] if one.is_key else [f"{one.variable} = NULL", "at += 4"]
    take, _, *rest = _value(one, code, 0)
    return [
        take,
        *_branches([(f"size == {SIZES[code.letter or '']}", rest), ("size == -1", absent)], ["raise NotPlain"]),
    ]


def _branches(branches: Sequence[tuple[str, Block]], otherwise: Block) -> Block:
    if not branches:
        return otherwise
    lines: Block = []
    for number, (condition, block) in enumerate(branches):
        lines += [f"{'elif' if number else 'if'} {condition}:", *_indented(block)]
    return [*lines, "else:", *_indented(otherwise)]


def _value(one: Carried, code: Code, kind_bytes: int) -> Block:
    """From the length of a value on, which stands `kind_bytes` after `at`."""
    at = f"at + {kind_bytes}" if kind_bytes else "at"
    if code.letter is not None:
        size = SIZES[code.letter]
        return [
            f"size, value = take_{code.letter}(data, {at})",
            f"if size != {size}: raise NotPlain",
            _assigned(one, code, "value"),
            f"at += {kind_bytes + 4 + size}",
        ]
    return [f"size = length(data, {at})[0]", f"start = at + {kind_bytes + 4}", "at = start + size", *_text(one, code)]


def _text(one: Carried, code: Code) -> Block:
    """A value from `start` up to `at`, whose length is `size`."""
    version = ["if size < 1 or data[start] != 1: raise NotPlain", "start += 1", "size -= 1"] if code.version else []
    return [*version, "text = data[start:at]", *([code.check] if code.check else []), _assigned(one, code, "value")]


def _assigned(one: Carried, code: Code, value: str) -> str:
    expression = code.expression.replace("uses", f"uses{one.place}").replace("value", value)
    return f"{one.variable} = {expression}"


def _row(contract: Contract, carried: Sequence[Carried]) -> tuple[Block, str]:
    """Lines that make a variable of each record, and the variables of the row's fields in the contract's order."""
    by_path = {one.leaf.path: one.variable for one in carried}
    lines: Block = []
    letter = "r" if carried[0].letter == "v" else "s"

    def variable(path: tuple[str, ...], field: Field) -> str:
        if path in by_path:
            return by_path[path]
        inner = [variable((*path, one.name), one) for one in field.type.fields]
        name = f"{letter}{len(lines)}"
        every = " == ".join([*inner, "NULL"])  # a record whose every field is null is null itself
        lines.append(f"{name} = NULL if {every} else join((SOME, {', '.join(inner)}))")
        return name

    keys = {one.variable for one in carried if one.is_key}
    found = [variable((field.name,), field) for field in contract.fields]
    return lines, ", ".join(f"SOME, {name}" if name in keys else name for name in found)


def _key(contract: Contract, carried: Sequence[Carried]) -> str:
    """The framed key; in its schema only a field that is not required may be null."""
    by_name = {one.leaf.path[0]: one for one in carried if one.is_key}
    found = [by_name[name] for name in contract.key]
    return " + ".join(
        ["KEY", *(part for one in found for part in ([] if one.field.required else ["SOME"]) + [one.variable])]
    )

"""One file as rows: its columns held against the contract first, then every row after a mark."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import fastavro

from connectors.codes import COLUMNS_WRONG
from connectors.files.cells import decoded, is_null, splitter
from connectors.files.lines import BOM, Mark, Raw, read_lines
from connectors.files.options import FilesOptions, Format
from connectors.items import Read, Shaper
from connectors.typed import Unreadable, from_text, from_value, json_of
from contracts.faults import Refused
from contracts.model import Contract, FieldType, TypeName

_ROWS = 1_000
_TEXTS = (TypeName.STRING, TypeName.BYTES)


def shaper(contract: Contract, options: FilesOptions) -> Shaper:
    """What makes changes of a dataset's rows."""
    ignore = options.on_unknown_column == "ignore" or options.format is not Format.JSON_LINES
    return Shaper(contract, options.zone, ignore_unknown=ignore, read=_reader(options))


def rows(
    stream: BinaryIO, name: str, mark: Mark, contract: Contract, options: FilesOptions, *, whole: bool
) -> Iterator[Raw]:
    """The rows of a file after `mark`; raises `Refused` when its columns do not fit (JSON has none to hold against it)."""
    if options.format is Format.JSON_LINES:
        start = mark if mark.offset else Mark(_after_bom(stream, options), 0)
        encoding = options.encoding
        return _lines(stream, start, lambda record: json_of(decoded(record, encoding)), options, whole=whole)
    if options.format is Format.CSV:
        return _csv(stream, name, mark, contract, options, whole=whole)
    return _container(stream, name, mark, contract, options)


def header(stream: BinaryIO, options: FilesOptions) -> tuple[list[str] | None, Mark]:
    """The columns of a CSV file and where its rows begin; None when the first line is not there yet."""
    start = Mark(_after_bom(stream, options), 0)
    split = splitter(options.delimiter, options.encoding)
    first = next(_lines(stream, start, split, options, whole=False), None)
    if first is None:
        first = next(_lines(stream, start, split, options, whole=options.mode != "grow"), None)
    if first is None:
        return None, start
    return first.values if first.values is not None else [], first.after


def container_columns(stream: BinaryIO, form: Format) -> list[str]:
    """The columns of an Avro or Parquet file; raises `Unreadable` for another."""
    stream.seek(0)
    try:
        if form is Format.AVRO:
            schema: Any = fastavro.reader(stream).writer_schema
            return [field["name"] for field in schema["fields"]]
        from pyarrow import parquet  # noqa: PLC0415 - a large library, which only this format needs

        return list(parquet.ParquetFile(stream).schema_arrow.names)
    except Exception as error:  # noqa: BLE001 - a damaged file may raise anything
        raise Unreadable(f"not {form} ({type(error).__name__})") from None


def _csv(
    stream: BinaryIO, name: str, mark: Mark, contract: Contract, options: FilesOptions, *, whole: bool
) -> Iterator[Raw]:
    columns, start = header(stream, options)
    if columns is None:
        if not whole or options.mode == "append":
            return iter(())
        raise Refused(COLUMNS_WRONG.fault(f"{name}: it has no header"))
    _fit(name, columns, contract, options)
    split = splitter(options.delimiter, options.encoding)

    def parse(record: bytes) -> dict[str, str]:
        cells = split(record)
        if len(cells) != len(columns):
            raise Unreadable(f"a row of {len(cells)} cells under a header of {len(columns)}")
        return dict(zip(columns, cells, strict=True))

    return _lines(stream, mark if mark.offset else start, parse, options, whole=whole)


def _container(stream: BinaryIO, name: str, mark: Mark, contract: Contract, options: FilesOptions) -> Iterator[Raw]:
    try:
        columns = container_columns(stream, options.format)
    except Unreadable as unreadable:
        return iter([Raw(1, None, str(unreadable), Mark(1, 1))] if mark.offset == 0 else [])
    _fit(name, columns, contract, options)
    return _numbered(container_rows(stream, options.format), mark)


def container_rows(stream: BinaryIO, form: Format) -> Iterator[Any]:
    """The rows of an Avro or Parquet file; what a damaged one raises is its library's."""
    stream.seek(0)
    return _avro(stream) if form is Format.AVRO else _parquet(stream)


def _numbered(found: Iterator[Any], mark: Mark) -> Iterator[Raw]:
    """The rows after a mark.  What cannot be decoded ends the file: where the next row begins is unknown."""
    number = 0
    while True:
        try:
            values = next(found, None)
        except Exception as error:  # noqa: BLE001 - a damaged file may raise anything
            values = Unreadable(f"the rest of the file cannot be decoded ({type(error).__name__})")
        if values is None:
            return
        number += 1
        if number <= mark.offset:
            continue
        after = Mark(number, number)
        if isinstance(values, Unreadable):
            yield Raw(number, None, str(values), after)
            return
        yield Raw(number, values, None, after)


def _avro(stream: BinaryIO) -> Iterator[Any]:
    yield from fastavro.reader(stream)


def _parquet(stream: BinaryIO) -> Iterator[Any]:
    from pyarrow import parquet  # noqa: PLC0415 - a large library, which only this format needs

    for batch in parquet.ParquetFile(stream).iter_batches(batch_size=_ROWS):
        yield from batch.to_pylist()


def _lines(
    stream: BinaryIO, mark: Mark, parse: Callable[[bytes], Any], options: FilesOptions, *, whole: bool
) -> Iterator[Raw]:
    quotes = options.format is Format.CSV
    return read_lines(stream, mark, parse, limit=options.row_bytes_max, whole=whole, quotes=quotes)


def _after_bom(stream: BinaryIO, options: FilesOptions) -> int:
    stream.seek(0)
    return len(BOM) if options.encoding == "utf-8" and stream.read(len(BOM)) == BOM else 0


def _fit(name: str, columns: Sequence[str], contract: Contract, options: FilesOptions) -> None:
    """Hold a file's columns against the contract: a missing one must not look like null, an unknown one is the owner's choice."""
    wanted = {field.name for field in contract.fields}
    if options.operation_column is not None:
        wanted.add(options.operation_column)
    faults = [COLUMNS_WRONG.fault(f"{name}: {column!r} is missing") for column in sorted(wanted - set(columns))]
    twice = sorted({column for column in columns if list(columns).count(column) > 1})
    faults += [COLUMNS_WRONG.fault(f"{name}: {column!r} stands twice") for column in twice]
    if options.on_unknown_column == "refuse":
        unknown = sorted(set(columns) - wanted)
        faults += [COLUMNS_WRONG.fault(f"{name}: {column!r} is unknown to the contract") for column in unknown]
    if faults:
        raise Refused(*faults)


def _reader(options: FilesOptions) -> Read:
    """How one value is read: CSV has text alone."""
    zone, empty = options.zone, options.empty

    def read_cell(type_: FieldType, cell: Any) -> Any:
        return None if is_null(cell, empty, text=type_.name in _TEXTS) else from_text(type_, str(cell), zone)

    def read_value(type_: FieldType, value: Any) -> Any:
        return from_value(type_, value, zone)

    return read_cell if options.format is Format.CSV else read_value


def operation(values: Any, options: FilesOptions) -> tuple[Any, Any]:
    """A row without its operation, and the operation, empty text where it is missing; None when no column says it."""
    if options.operation_column is None or not isinstance(values, Mapping):
        return values, None
    rest = {name: value for name, value in values.items() if name != options.operation_column}
    return rest, values.get(options.operation_column, "")

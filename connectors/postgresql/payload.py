"""From an event's payload, a JSON object, to a row of its contract.

Members that the contract does not name are left out; one that is not there is null, as in a JSON column.
"""

from __future__ import annotations

from collections.abc import Collection

from connectors.postgresql.binary import Unrepresentable
from connectors.postgresql.documents import document_value
from connectors.typed import Unreadable, json_of
from contracts.change import Row
from contracts.model import Contract, FieldType, TypeName


class Payload:
    """Reads the payloads of one dataset; fields in `elsewhere` do not come from the payload."""

    def __init__(self, contract: Contract, elsewhere: Collection[str] = ()) -> None:
        self.contract = contract
        fields = tuple(field for field in contract.fields if field.name not in elsewhere)
        self._type = FieldType(TypeName.RECORD, fields=fields)
        self._empty: Row = {field.name: None for field in contract.fields}

    def read(self, payload: bytes | None) -> tuple[Row, str | None]:
        """The row in a payload, and why there is none; the reason never shows a value."""
        if payload is None:
            return dict(self._empty), "the payload is null"
        try:
            found = json_of(payload.decode())
            if not isinstance(found, dict):
                return dict(self._empty), "the payload is no JSON object"
            return {**self._empty, **document_value(found, self._type)}, None
        except UnicodeDecodeError:
            return dict(self._empty), "the payload is not UTF-8"
        except (Unreadable, Unrepresentable) as exception:
            return dict(self._empty), f"the payload: {exception}"

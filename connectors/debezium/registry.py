"""Avro schemas by their number: from files, or from a registry that speaks Confluent's interface."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from connectors.codes import REGISTRY_REFUSES, REGISTRY_UNREACHABLE, SCHEMA_FILE_UNREADABLE
from connectors.debezium.options import DebeziumOptions
from connectors.protocol import Away
from contracts.faults import Refused, Unavailable

_TIMEOUT_SECONDS = 10
_BYTES_MAX = 4_000_000


class Schemas:
    """Looks a schema up in the options' files, then in the registry; a schema never changes, so each is asked once."""

    def __init__(self, options: DebeziumOptions) -> None:
        self._files = options.schemas
        self._address = options.registry.rstrip("/") if options.registry is not None else None
        self._credentials = options.registry_credentials_file
        self._known: dict[int, str | None] = {}

    def schema_text(self, schema_id: int) -> str | None:
        """The schema's text, None when there is none; raises `Away`, `Refused` or `Unavailable`."""
        if schema_id not in self._known:
            file = self._files.get(schema_id)
            self._known[schema_id] = _text(file) if file is not None else self._asked(schema_id)
        return self._known[schema_id]

    def ask(self) -> None:
        """See that the registry answers; raises like `schema_text`."""
        self._asked(1)

    def _asked(self, schema_id: int) -> str | None:
        if self._address is None:
            return None
        request = Request(f"{self._address}/schemas/ids/{schema_id}")  # noqa: S310 - the options admit http and https only
        if self._credentials is not None:
            pair = base64.b64encode(_text(self._credentials).strip().encode()).decode()
            request.add_header("Authorization", f"Basic {pair}")
        try:
            with urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
                text = json.loads(answer.read(_BYTES_MAX))["schema"]
        except HTTPError as error:
            self._failed(error.code)
            return None
        except (URLError, OSError, ValueError, KeyError, TypeError) as error:
            raise Away(REGISTRY_UNREACHABLE.fault(f"{self._address}: {type(error).__name__}")) from error
        return str(text)

    def _failed(self, status: int) -> None:
        """Raise what a refusal means; return for a schema that is not there."""
        if status in (401, 403):
            raise Refused(REGISTRY_REFUSES.fault(f"{self._address} answers {status}"))
        if status not in (404, 422):
            raise Away(REGISTRY_UNREACHABLE.fault(f"{self._address} answers {status}"))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(SCHEMA_FILE_UNREADABLE.fault(f"{path}: {type(error).__name__}")) from error

"""The Schema Registry read API over the register's schemas: what every Kafka client's Avro deserializer asks.

A caller signs in with its Kafka name and password (basic authentication) and sees its own subjects alone; what is not its
own does not exist for it.  Nothing can be written here: schemas are registered by acts on the register.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from agreements.snapshot import SchemaEntry, Snapshot
from broker.cluster import principals
from contracts import topics

_VALUE, _KEY = "-value", "-key"
_SEES_ALL = frozenset({principals.OPERATOR, principals.AUDITOR, principals.WORKER, principals.SERVICE})

Authenticate = Callable[[str, str], bool]
"""Whether Kafka accepts this name and password."""


class RegistryError(Exception):
    """An answer that is not the one asked for, with the registry's own error code."""

    def __init__(self, status: int, error_code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.error_code, self.message = status, error_code, message


def answer(_: Request, error: RegistryError) -> JSONResponse:
    """The form in which a schema registry reports an error."""
    headers = {"WWW-Authenticate": "Basic"} if error.status == 401 else None
    return JSONResponse({"error_code": error.error_code, "message": error.message}, error.status, headers)


def subjects_of(snapshot: Snapshot, principal: str, administrator: str | None = None) -> dict[str, list[SchemaEntry]]:
    """The subjects a principal may see, with their schemas by version."""
    found: dict[str, list[SchemaEntry]] = {}
    wanted = None if principal in _SEES_ALL or principal == administrator else _own_topics(snapshot, principal)
    for entry in snapshot.schemas.values():
        topic = entry.subject.removesuffix(_VALUE).removesuffix(_KEY)
        if wanted is None or topic in wanted:
            found.setdefault(entry.subject, []).append(entry)
    for entries in found.values():
        entries.sort(key=lambda entry: entry.subject_version)
    return found


def _own_topics(snapshot: Snapshot, principal: str) -> frozenset[str]:
    """What a department receives, or what a connector writes."""
    shared = {
        topics.share(entry.agreement.reference, share.id)
        for versions in snapshot.agreements.values()
        for entry in versions
        if entry.recipient == principal
        for share in entry.agreement.shares
    }
    written = {
        topics.source(dataset)
        for dataset, published in snapshot.contracts.items()
        if principals.connector(published[-1].contract.store) == principal
    }
    return frozenset(shared | written)


def routes(snapshot: Callable[[], Snapshot], authenticate: Authenticate, administrator: str | None) -> APIRouter:
    """The registry's routes; `snapshot` gives the newest register, `administrator` may see every subject."""
    basic = HTTPBasic(auto_error=False)

    def caller(given: Annotated[HTTPBasicCredentials | None, Depends(basic)]) -> dict[str, list[SchemaEntry]]:
        if given is None or not authenticate(given.username, given.password):
            raise RegistryError(401, 40101, "sign in with your Kafka user name and password")
        return subjects_of(snapshot(), given.username, administrator)

    router = APIRouter(dependencies=[Depends(caller)])
    own = Annotated[dict[str, list[SchemaEntry]], Depends(caller)]
    _schema_routes(router, own)
    _subject_routes(router, own)
    _constant_routes(router)
    return router


def _schema_routes(router: APIRouter, own: Any) -> None:
    @router.get("/schemas/ids/{identifier}")
    def schema(identifier: int, subjects: own) -> dict[str, str]:
        return {"schema": _by_id(subjects, identifier)[0].text}

    @router.get("/schemas/ids/{identifier}/schema", response_class=PlainTextResponse)
    def schema_text(identifier: int, subjects: own) -> str:
        return _by_id(subjects, identifier)[0].text

    @router.get("/schemas/ids/{identifier}/subjects")
    def schema_subjects(identifier: int, subjects: own) -> list[str]:
        return sorted(entry.subject for entry in _by_id(subjects, identifier))

    @router.get("/schemas/ids/{identifier}/versions")
    def schema_versions(identifier: int, subjects: own) -> list[dict[str, Any]]:
        return [{"subject": entry.subject, "version": entry.subject_version} for entry in _by_id(subjects, identifier)]


def _subject_routes(router: APIRouter, own: Any) -> None:
    @router.get("/subjects")
    def all_subjects(subjects: own) -> list[str]:
        return sorted(subjects)

    @router.get("/subjects/{subject}/versions")
    def versions(subject: str, subjects: own) -> list[int]:
        return [entry.subject_version for entry in _by_subject(subjects, subject)]

    @router.get("/subjects/{subject}/versions/{version}")
    def version(subject: str, version: str, subjects: own) -> dict[str, Any]:
        entry = _by_version(subjects, subject, version)
        return {
            "subject": entry.subject,
            "id": entry.identifier,
            "version": entry.subject_version,
            "schema": entry.text,
        }

    @router.get("/subjects/{subject}/versions/{version}/schema", response_class=PlainTextResponse)
    def version_text(subject: str, version: str, subjects: own) -> str:
        return _by_version(subjects, subject, version).text


def _constant_routes(router: APIRouter) -> None:
    @router.get("/schemas/types")
    def types() -> list[str]:
        return ["AVRO"]

    @router.get("/config")
    @router.get("/config/{subject}")
    def compatibility() -> dict[str, str]:
        return {"compatibilityLevel": "FULL_TRANSITIVE"}

    @router.get("/mode")
    @router.get("/mode/{subject}")
    def mode() -> dict[str, str]:
        return {"mode": "READONLY"}


def _by_id(subjects: dict[str, list[SchemaEntry]], identifier: int) -> list[SchemaEntry]:
    found = [entry for entries in subjects.values() for entry in entries if entry.identifier == identifier]
    if not found:
        raise RegistryError(404, 40403, f"Schema {identifier} not found")
    return found


def _by_subject(subjects: dict[str, list[SchemaEntry]], subject: str) -> list[SchemaEntry]:
    if subject not in subjects:
        raise RegistryError(404, 40401, f"Subject '{subject}' not found.")
    return subjects[subject]


def _by_version(subjects: dict[str, list[SchemaEntry]], subject: str, version: str) -> SchemaEntry:
    entries = _by_subject(subjects, subject)
    if version in ("latest", "-1"):
        return entries[-1]
    if not version.isdigit():
        raise RegistryError(422, 42202, f"The specified version '{version}' is not a valid version id.")
    found = next((entry for entry in entries if entry.subject_version == int(version)), None)
    if found is None:
        raise RegistryError(404, 40402, f"Version {version} not found.")
    return found

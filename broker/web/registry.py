"""The Schema Registry read API over the register's schemas: what every Kafka client's Avro deserializer asks.

A caller signs in with its Kafka name and password (basic authentication) and sees its own subjects alone; what is not its
own does not exist for it.  Nothing can be written here: schemas are registered by acts on the register.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from agreements.snapshot import SchemaEntry, Snapshot
from broker.cluster import principals
from contracts import topics

_VALUE, _KEY = "-value", "-key"
_DIGITS_MAX = 9
_SEES_ALL = frozenset({principals.OPERATOR, principals.AUDITOR, principals.WORKER, principals.SERVICE})

Subjects = dict[str, list[SchemaEntry]]
"""Subjects with their schemas, oldest version first."""
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


def subjects_of(snapshot: Snapshot, principal: str, administrator: str | None = None) -> Subjects:
    """The subjects a principal may see, with their schemas by version."""
    found: Subjects = {}
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
        for share in entry.shares
    }
    written = {
        topics.source(dataset)
        for dataset, published in snapshot.contracts.items()
        if principals.connector(published[-1].contract.store) == principal
    }
    return frozenset(shared | written)


@dataclass(frozen=True)
class Registry:
    """What the routes answer from: the newest register, Kafka's sign-in, and who may see every subject."""

    snapshot: Callable[[], Snapshot]
    authenticate: Authenticate
    administrator: str | None


def own_subjects(
    request: Request, given: Annotated[HTTPBasicCredentials | None, Depends(HTTPBasic(auto_error=False))]
) -> Subjects:
    """The subjects of whoever signs in; `request.app.state.registry` is the `Registry`."""
    registry: Registry = request.app.state.registry
    if given is None or not registry.authenticate(given.username, given.password):
        raise RegistryError(401, 40101, "sign in with your Kafka user name and password")
    return subjects_of(registry.snapshot(), given.username, registry.administrator)


Own = Annotated[Subjects, Depends(own_subjects)]
# Routes are functions of the module: FastAPI reads their annotations by name.
router = APIRouter(dependencies=[Depends(own_subjects)])


@router.get("/schemas/types")
def schema_types() -> list[str]:
    """The only kind of schema there is."""
    return ["AVRO"]


@router.get("/schemas/ids/{identifier}")
def schema(identifier: int, subjects: Own) -> dict[str, str]:
    """A schema by its id."""
    return {"schema": _by_id(subjects, identifier)[0].text}


@router.get("/schemas/ids/{identifier}/schema", response_class=PlainTextResponse)
def schema_text(identifier: int, subjects: Own) -> str:
    """A schema by its id, alone."""
    return _by_id(subjects, identifier)[0].text


@router.get("/schemas/ids/{identifier}/subjects")
def schema_subjects(identifier: int, subjects: Own) -> list[str]:
    """The caller's subjects that hold a schema."""
    return sorted(entry.subject for entry in _by_id(subjects, identifier))


@router.get("/schemas/ids/{identifier}/versions")
def schema_versions(identifier: int, subjects: Own) -> list[dict[str, Any]]:
    """The caller's subjects that hold a schema, with its version in each."""
    return [{"subject": entry.subject, "version": entry.subject_version} for entry in _by_id(subjects, identifier)]


@router.get("/subjects")
def all_subjects(subjects: Own) -> list[str]:
    """The caller's subjects."""
    return sorted(subjects)


@router.get("/subjects/{subject}/versions")
def subject_versions(subject: str, subjects: Own) -> list[int]:
    """The versions of a subject."""
    return [entry.subject_version for entry in _by_subject(subjects, subject)]


@router.get("/subjects/{subject}/versions/{version}")
def subject_version(subject: str, version: str, subjects: Own) -> dict[str, Any]:
    """One version of a subject; `latest` and `-1` name the newest."""
    entry = _by_version(subjects, subject, version)
    return {"subject": entry.subject, "id": entry.identifier, "version": entry.subject_version, "schema": entry.text}


@router.get("/subjects/{subject}/versions/{version}/schema", response_class=PlainTextResponse)
def subject_version_text(subject: str, version: str, subjects: Own) -> str:
    """One version of a subject, the schema alone."""
    return _by_version(subjects, subject, version).text


@router.get("/sealed-keys/{topic}")
def sealed_keys(topic: str, request: Request, subjects: Own) -> dict[str, Any]:
    """The content keys of one of the caller's share topics, sealed to its recipient: version to base64.

    Not of Confluent's API: what is encrypted for a recipient can be read with these and its own private key alone.
    """
    if f"{topic}{_VALUE}" not in subjects:
        raise RegistryError(404, 40401, f"Topic '{topic}' not found.")
    registry: Registry = request.app.state.registry
    reference, share = topics.share_of(topic) or ("", "")
    return {"topic": topic, "versions": dict(registry.snapshot().sealed(reference, share))}


@router.get("/config")
@router.get("/config/{subject}")
def compatibility() -> dict[str, str]:
    """What a new version of a contract is held to within its major version."""
    return {"compatibilityLevel": "FULL_TRANSITIVE"}


@router.get("/mode")
@router.get("/mode/{subject}")
def mode() -> dict[str, str]:
    """Schemas are registered by acts on the register alone."""
    return {"mode": "READONLY"}


def _by_id(subjects: Subjects, identifier: int) -> list[SchemaEntry]:
    found = [entry for entries in subjects.values() for entry in entries if entry.identifier == identifier]
    if not found:
        raise RegistryError(404, 40403, f"Schema {identifier} not found")
    return found


def _by_subject(subjects: Subjects, subject: str) -> list[SchemaEntry]:
    if subject not in subjects:
        raise RegistryError(404, 40401, f"Subject '{subject}' not found.")
    return subjects[subject]


def _by_version(subjects: Subjects, subject: str, version: str) -> SchemaEntry:
    entries = _by_subject(subjects, subject)
    if version in ("latest", "-1"):
        return entries[-1]
    if not version.isdecimal() or len(version) > _DIGITS_MAX:
        raise RegistryError(422, 42202, f"The specified version '{version}' is not a valid version id.")
    found = next((entry for entry in entries if entry.subject_version == int(version)), None)
    if found is None:
        raise RegistryError(404, 40402, f"Version {version} not found.")
    return found

"""The HTTP service: schema registry, health and metrics."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from starlette.exceptions import HTTPException

from agreements.inventory.due import overdue_retrospectives
from agreements.snapshot import Snapshot
from broker import __version__, clock
from broker.cluster.client import Connection
from broker.cluster.reader import Reader
from broker.register.follow import RegisterFollower
from broker.web.registry import Registry, RegistryError, answer, router
from contracts import topics
from contracts.faults import Unavailable

_OVERDUE = Gauge(
    "concordat_retrospective_reviews_overdue", "Exceptional disclosures without their review beyond its day"
)
_READY_MILLISECONDS = 5_000
_REMEMBER_SECONDS = 60.0
_REMEMBER_MAX = 1_000


def make_app(connection: Connection, follower: RegisterFollower) -> FastAPI:
    """The service over a register that `follower` reads; sign-in is Kafka's own."""
    app = FastAPI(title="Concordat", version=__version__, docs_url=None, redoc_url=None)
    app.add_exception_handler(RegistryError, answer)  # type: ignore[arg-type]  # starlette types handlers by Exception
    app.add_exception_handler(Unavailable, _not_reached)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _not_understood)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _not_valid)  # type: ignore[arg-type]

    @app.get("/healthz")
    def alive() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz")
    def ready() -> JSONResponse:
        return readiness(follower)

    @app.get("/metrics")
    def metrics() -> Response:
        _note_overdue(follower)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    def snapshot() -> Snapshot:
        return follower.snapshot

    app.state.registry = Registry(snapshot, Accepted(connection), connection.username)
    app.include_router(router)
    return app


def _note_overdue(follower: RegisterFollower) -> None:
    """Bring the figures that follow from the register and the time up to date; they stay where it cannot be read."""
    with contextlib.suppress(Unavailable):
        _OVERDUE.set(overdue_retrospectives(follower.snapshot, clock.now()))


def readiness(follower: RegisterFollower) -> JSONResponse:
    """Whether the register is read and fresh; 503 with the reason when it is not."""
    try:
        age = follower.age_milliseconds()
        position = follower.snapshot.position
    except Unavailable as failure:
        return JSONResponse({"status": "not ready", "reason": str(failure)}, 503)
    if age > _READY_MILLISECONDS:
        return JSONResponse({"status": "not ready", "reason": "the register has not been read for a while"}, 503)
    return JSONResponse({"status": "ready", "register_position": position})


class Accepted:
    """Whether Kafka accepts a name and password; an acceptance is remembered for a minute, a refusal is not.

    What is remembered is a digest under a key of this process, never the password.
    """

    def __init__(self, connection: Connection, try_sign_in: Callable[[Connection], bool] | None = None) -> None:
        self._connection = connection
        self._try = try_sign_in or _signs_in
        self._key = secrets.token_bytes(32)
        self._known: dict[bytes, float] = {}

    def __call__(self, username: str, password: str) -> bool:
        """Whether this name and password sign in; raises `Unavailable` when Kafka cannot be asked."""
        digest = hashlib.blake2b(f"{username}\0{password}".encode(), key=self._key).digest()
        now = clock.monotonic_seconds()
        if self._known.get(digest, -1.0) > now:
            return True
        if not self._try(self._connection.as_user(username, password)):
            return False
        if len(self._known) >= _REMEMBER_MAX:
            self._known.clear()
        self._known[digest] = now + _REMEMBER_SECONDS
        return True


def _signs_in(connection: Connection) -> bool:
    with Reader(connection) as reader:
        return reader.can_sign_in(topics.REGISTER)


def _not_reached(_: Request, failure: Unavailable) -> JSONResponse:
    """Kafka or the register does not answer: the caller may ask again."""
    return JSONResponse({"error_code": 50001, "message": str(failure)}, 503, {"Retry-After": "1"})


def _not_understood(_: Request, error: HTTPException) -> JSONResponse:
    return JSONResponse({"error_code": error.status_code, "message": str(error.detail)}, error.status_code)


def _not_valid(_: Request, error: RequestValidationError) -> JSONResponse:
    places = ", ".join(".".join(str(part) for part in found["loc"]) for found in error.errors())
    return JSONResponse({"error_code": 422, "message": f"not valid: {places}"}, 422)

"""The HTTP service: what a caller sees of the registry, and what it says when something is away."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from broker.cluster.client import Connection
from broker.codes import REGISTRY_UNREACHABLE
from broker.web import app
from contracts.faults import Unavailable
from tests.unit.web.registers import Follower, register

DEPARTMENT = ("work-and-pensions", "secret")
SHARE = "share.dsa-2026-101.departures-value"
CONNECTION = Connection("nowhere:1", {"sasl.username": "admin"})


class Client:
    """Asks the service without a network."""

    def __init__(self, service: Any) -> None:
        self._service = service

    def get(self, path: str, auth: tuple[str, str] | None = None) -> httpx.Response:
        return self.request("GET", path, auth)

    def request(self, method: str, path: str, auth: tuple[str, str] | None) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._service)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                return await client.request(method, path, auth=auth)

        return asyncio.run(ask())


@pytest.fixture
def follower():
    return Follower(register())


@pytest.fixture
def tried():
    return []


@pytest.fixture
def client(follower, tried, monkeypatch):
    def sign_in(connection: Connection) -> bool:
        tried.append(connection.username)
        if connection.username == "away":
            raise Unavailable(REGISTRY_UNREACHABLE.fault("kafka"))
        return connection.properties["sasl.password"] == "secret"

    monkeypatch.setattr(app, "_signs_in", sign_in)
    return Client(app.make_app(CONNECTION, follower))


def test_a_department_sees_its_own_subjects_alone(client):
    assert client.get("/subjects", auth=DEPARTMENT).json() == [SHARE]
    assert client.get("/subjects", auth=("revenue", "secret")).json() == []
    assert client.get("/subjects", auth=("connector.borders", "secret")).json() == [
        "source.crossings-key",
        "source.crossings-value",
    ]
    for all_seeing in ("admin", "concordat.auditor"):
        assert len(client.get("/subjects", auth=(all_seeing, "secret")).json()) == 3


def test_schemas_by_id_and_by_version(client):
    schema = client.get("/schemas/ids/4", auth=DEPARTMENT).json()["schema"]
    latest = client.get(f"/subjects/{SHARE}/versions/latest", auth=DEPARTMENT).json()
    assert latest == {"subject": SHARE, "id": 4, "version": 2, "schema": schema}
    assert client.get(f"/subjects/{SHARE}/versions/-1", auth=DEPARTMENT).json() == latest
    assert client.get(f"/subjects/{SHARE}/versions/1", auth=DEPARTMENT).json()["id"] == 3
    assert client.get(f"/subjects/{SHARE}/versions", auth=DEPARTMENT).json() == [1, 2]
    assert client.get("/schemas/ids/3/versions", auth=DEPARTMENT).json() == [{"subject": SHARE, "version": 1}]
    assert client.get("/schemas/ids/3/schema", auth=DEPARTMENT).text == schema
    assert client.get("/config", auth=DEPARTMENT).json() == {"compatibilityLevel": "FULL_TRANSITIVE"}
    assert client.get("/schemas/types", auth=DEPARTMENT).json() == ["AVRO"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/schemas/ids/1", 404, 40403),  # another's schema is as unknown as one that does not exist
        ("/schemas/ids/999", 404, 40403),
        ("/schemas/ids/x", 422, 422),
        ("/subjects/source.crossings-value/versions", 404, 40401),
        (f"/subjects/{SHARE}/versions/9", 404, 40402),
        (f"/subjects/{SHARE}/versions/²", 422, 42202),
        (f"/subjects/{SHARE}/versions/" + "9" * 5000, 422, 42202),
        ("/nothing", 404, 404),
    ],
)
def test_errors_have_the_registrys_form(client, path, status, code):
    answer = client.get(path, auth=DEPARTMENT)
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert answer.json()["message"]


def test_who_does_not_sign_in_is_told_how(client):
    for auth in (None, ("work-and-pensions", "wrong")):
        answer = client.get("/subjects", auth=auth)
        assert (answer.status_code, answer.json()["error_code"]) == (401, 40101)
        assert answer.headers["WWW-Authenticate"] == "Basic"


def test_nothing_can_be_written(client):
    assert client.request("POST", f"/subjects/{SHARE}/versions", DEPARTMENT).status_code == 405


def test_an_acceptance_is_remembered_and_a_refusal_is_not(client, tried):
    for _ in range(3):
        client.get("/subjects", auth=DEPARTMENT)
        client.get("/subjects", auth=("revenue", "wrong"))
    assert tried == [DEPARTMENT[0], "revenue", "revenue", "revenue"]


def test_kafka_or_the_register_away_is_a_passing_error(client, follower):
    assert client.get("/subjects", auth=("away", "secret")).status_code == 503
    follower.found = None
    answer = client.get("/subjects", auth=DEPARTMENT)
    assert (answer.status_code, answer.json()["error_code"]) == (503, 50001)


def test_health_readiness_and_metrics_need_no_sign_in(client, follower):
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {"status": "ready", "register_position": 9}
    assert "python_info" in client.get("/metrics").text
    follower.age = 60_000
    assert client.get("/readyz").status_code == 503
    follower.found = None
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200

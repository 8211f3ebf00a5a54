"""The conformance kit on the PostgreSQL connector and a real server."""

from __future__ import annotations

import pytest

from connectors.conformance import PROMISES, Outcome, prove
from connectors.conformance.testing import check
from tests.postgresql_server import Postgresql

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("postgresql-conformance")]


@pytest.fixture(scope="module")
def outcomes(postgresql: Postgresql) -> dict[str, Outcome]:
    settings = {"dsn": postgresql.dsn_of("postgres")}
    return {one.promise: one for one in prove("connectors.postgresql.harness:PostgresqlHarness", settings)}


@pytest.mark.parametrize("promise", [promise.name for promise in PROMISES])
def test_the_postgresql_connector_keeps(outcomes: dict[str, Outcome], promise: str) -> None:
    check(outcomes[promise])

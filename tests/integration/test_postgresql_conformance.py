"""The conformance kit on the PostgreSQL connector and a real server."""

from __future__ import annotations

import pytest

from connectors.conformance import PROMISES
from connectors.conformance.testing import Run
from tests.postgresql_server import Postgresql

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("postgresql-conformance")]


@pytest.fixture(scope="module", params=["PostgresqlHarness", "OutboxHarness"])
def run(postgresql: Postgresql, request: pytest.FixtureRequest) -> Run:
    return Run(f"connectors.postgresql.harness:{request.param}", {"dsn": postgresql.dsn_of("postgres")})


@pytest.mark.parametrize("promise", [promise.name for promise in PROMISES])
def test_the_postgresql_connector_keeps(run: Run, promise: str) -> None:
    run.check(promise)

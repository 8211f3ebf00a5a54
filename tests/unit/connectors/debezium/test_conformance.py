"""The Debezium connector passes the conformance kit, with a Debezium that writes some records twice."""

from __future__ import annotations

import pytest

from connectors.conformance.testing import conformance_tests
from connectors.debezium.harness import DebeziumHarness

pytestmark = pytest.mark.xdist_group("conformance")

test_debezium = conformance_tests(DebeziumHarness)

"""The HTTP connectors keep every promise of the kit."""

import pytest

from connectors.conformance.testing import conformance_tests
from connectors.http.harness import PollHarness, PushHarness

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("kit-http")]

test_poll = conformance_tests(PollHarness)
test_push = conformance_tests(PushHarness)

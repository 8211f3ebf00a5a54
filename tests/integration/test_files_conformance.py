"""The files connector keeps every promise of the kit, in each of its modes."""

import pytest

from connectors.conformance.testing import conformance_tests
from connectors.files.harness import AppendHarness, ExtractHarness, GrowHarness

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("kit-files")]

test_append = conformance_tests(AppendHarness)
test_grow = conformance_tests(GrowHarness)
test_extract = conformance_tests(ExtractHarness)

"""What stands against an agreement on a register, beyond its own text."""

from datetime import timedelta

import pytest

from agreements.model import Delivery
from broker.cluster.topics import SOURCE_RETENTION
from broker.register.acceptable import register_faults
from tests.registers import agreement, enrolled


@pytest.mark.parametrize(("days", "codes"), [(-1, set()), (0, {"REG-013"}), (9, {"REG-013"})])
def test_an_embargo_is_shorter_than_events_are_kept(days, codes):
    delivery = Delivery(embargo=SOURCE_RETENTION + timedelta(days=days))
    found = register_faults(agreement().model_copy(update={"delivery": delivery}), enrolled().snapshot)
    assert {fault.code.identifier for fault in found} == codes

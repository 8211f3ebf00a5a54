"""What a worker says of its end, to its supervisor and to people."""

from __future__ import annotations

import pytest

from broker.cluster.client import ClusterFatal, Fenced, OffsetsLost
from broker.delivery import codes
from broker.delivery.__main__ import _ending
from broker.delivery.supervisor import Ending
from broker.delivery.transaction import OutcomeUnknown


@pytest.mark.parametrize(
    ("fatal", "ending", "code", "cause"),
    [
        (Fenced, Ending.FENCED, "DEL-006", "another process took this worker's place"),
        (ClusterFatal, Ending.CLIENT_FATAL, "DEL-006", "client has failed or no longer answers"),
        (OffsetsLost, Ending.OFFSETS_LOST, "DEL-005", "retention removed records"),
        (OutcomeUnknown, Ending.OUTCOME_UNKNOWN, "DEL-007", "did not confirm a commit"),
    ],
)
def test_every_fatal_end_has_its_status_and_a_code_whose_cause_it_is(fatal, ending, code, cause):
    assert _ending(fatal("what happened")) == (ending, code)
    assert cause in next(one.cause for one in codes.CODES if one.identifier == code)

"""Everything that can be done to the register, as functions; the command line is only one of their callers."""

from __future__ import annotations

from broker.register.acceptable import submission_faults
from broker.register.agreeing import sign_agreement, submit
from broker.register.ending import certify, terminate, waive
from broker.register.enrolment import (
    add_party,
    discard_quarantined,
    end_signatory,
    enrol_signatory,
    enrol_worker,
    initialise,
    replay_quarantined,
    rotate_key,
)
from broker.register.publishing import publication_faults, publish_contract
from broker.register.reviewing import review, withdraw
from broker.register.stop import Stop, await_stop
from broker.register.stopping import resume, suspend

__all__ = [
    "Stop",
    "add_party",
    "await_stop",
    "certify",
    "discard_quarantined",
    "end_signatory",
    "enrol_signatory",
    "enrol_worker",
    "initialise",
    "publication_faults",
    "publish_contract",
    "replay_quarantined",
    "resume",
    "review",
    "rotate_key",
    "sign_agreement",
    "submission_faults",
    "submit",
    "suspend",
    "terminate",
    "waive",
    "withdraw",
]

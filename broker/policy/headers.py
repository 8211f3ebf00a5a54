"""CloudEvents 1.0 headers of shared records, as the Kafka binding's binary mode has them: which, and with what values.

No header holds anything of the record, nor when its event happened: an agreement may have made just that coarser.  Where the
change stood in its source is not told either, or two departments could compare what they receive (UNLINKABLE): the event's
identifier is a token of it under the agreement's own key.  `docs/formats/cloudevents.md` is the page.
"""

from __future__ import annotations

from agreements.model import Agreement, Share
from broker.policy.decision import Decision, Outcome
from broker.policy.plan import HeaderPlan, KeyReference, Plan
from broker.policy.treatments import KeyLookup, tokeniser

Headers = tuple[tuple[str, bytes], ...]
_TYPES = {Outcome.WITHDRAW: "concordat.record.withdrawn", Outcome.DELETE: "concordat.record.deleted"}
_SHARED = "concordat.record.shared"


def header_plan(agreement: Agreement, share: Share, key: KeyReference) -> HeaderPlan | None:
    """What every record of a share says alike; None where the agreement asks for no such headers."""
    if not agreement.delivery.cloudevents_headers:
        return None
    fixed = {
        "ce_specversion": "1.0",
        "ce_agreementid": agreement.reference,
        "ce_agreementver": str(agreement.version),
        "ce_purpose": share.purpose,
        "ce_share": share.id,
    }
    if share.caveats:
        fixed["ce_caveatid"] = ",".join(share.caveats)
    return HeaderPlan(tuple(sorted(fixed.items())), key)


class HeaderWriter:
    """Writes the headers of one plan's deliveries; none where the plan asks for none, or its key was destroyed."""

    def __init__(self, plan: Plan, keys: KeyLookup) -> None:
        said = plan.headers
        secret = None if said is None else keys.key(said.key.identifier, said.key.version)
        self._topic = plan.topic
        self._fixed: tuple[tuple[str, str], ...] | None = None
        if said is not None and secret is not None:
            self._fixed = said.fixed
            self._identify = tokeniser(secret, said.key.version, f"event:{plan.topic}")

    def headers(self, decision: Decision, partition: int) -> Headers:
        """The headers of one delivered record, which goes to the share's `partition`."""
        if self._fixed is None:
            return ()
        event_type = _TYPES.get(decision.outcome, _SHARED)
        own = {
            "ce_type": event_type,
            "ce_source": f"/{self._topic}/{partition}",
            "ce_id": self._identify(f"{partition} {decision.record.offset} {event_type}"),
        }
        return tuple((name, value.encode()) for name, value in sorted((*self._fixed, *own.items())))

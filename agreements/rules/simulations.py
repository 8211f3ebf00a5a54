"""What acts on simulations do to the register: nothing but to stand there, and who may do them."""

from __future__ import annotations

from agreements.acts import Act, AgreementSimulated
from agreements.codes import NOT_ENTITLED, UNKNOWN_OBJECT
from agreements.mutable import Circumstances, MutableRegister, Rejected, Rule


def simulated(register: MutableRegister, act: AgreementSimulated, at: Circumstances) -> None:
    """A party's signatory has tried an agreement: what it saw is what the agreement would have delivered, in counts."""
    if unknown := [name for name in act.organisations if name not in register.parties]:
        raise Rejected(UNKNOWN_OBJECT, f"the party {', '.join(unknown)}")
    if at.actor.signatory is None or at.actor.organisation not in act.organisations:
        raise Rejected(NOT_ENTITLED, f"{at.actor.name} is no signatory of a party of {act.reference}")


RULES: dict[type[Act], Rule] = {AgreementSimulated: simulated}
"""Which function applies each act."""

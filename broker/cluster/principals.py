"""Who signs in to Kafka: the names of SCRAM users.

A department signs in under its organisation's identifier, which holds no dot; every other principal's name holds one, so the
two never meet.  `RESERVED` organisations would: their groups begin like ours, or they are the administrator.
"""

from __future__ import annotations

OPERATOR = "concordat.operator"
"""Acts on the register: parties, contracts, agreements."""
WORKER = "concordat.worker"
"""Decides and delivers."""
AUDITOR = "concordat.auditor"
"""Reads what is needed to verify and to search; writes nothing."""
SERVICE = "concordat.service"
"""Answers schema and health requests; reads the register alone."""
RESERVED = frozenset({"admin", "anonymous", "concordat", "connector"})
"""Identifiers that no organisation that receives may have."""

_CONNECTOR = "connector."


def connector(name: str) -> str:
    """The principal of one connector, the only one that may write its datasets' topics."""
    return _CONNECTOR + name


def is_managed(principal: str, organisations: frozenset[str]) -> bool:
    """Whether the rules of this principal are the broker's to keep; others are the administrator's own."""
    ours = principal in (OPERATOR, WORKER, AUDITOR, SERVICE) or principal.startswith(_CONNECTOR)
    return ours or (principal in organisations and principal not in RESERVED)

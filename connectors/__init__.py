"""Connectors: where changes come from.  What the author of one needs is here; `connectors.protocol` says what it promises.

A connector refuses with `Refused`, says that its store is away for now with `Away` and that it cannot be read at all with
`Unavailable`; each is made of a `Fault` of a `Code` of its own.
"""

from connectors.health import Health
from connectors.protocol import Away, Batch, Change, CheckReport, Connector, Options, Position, Signal
from contracts.change import Op, Row
from contracts.faults import Code, Failure, Fault, Refused, Unavailable
from contracts.model import Contract, Field, FieldType, Kind, TypeName

__all__ = [
    "Away",
    "Batch",
    "Change",
    "CheckReport",
    "Code",
    "Connector",
    "Contract",
    "Failure",
    "Fault",
    "Field",
    "FieldType",
    "Health",
    "Kind",
    "Op",
    "Options",
    "Position",
    "Refused",
    "Row",
    "Signal",
    "TypeName",
    "Unavailable",
]

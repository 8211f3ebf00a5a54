"""The acts behind one object, as the fold accepted them."""

from __future__ import annotations

from typing import NamedTuple

from agreements.acts import Statement, read_statement, split
from agreements.fold import fold_batch
from agreements.snapshot import EMPTY
from broker.cluster.client import Connection
from broker.cluster.reader import Reader
from broker.register.codes import NOT_INITIALISED
from broker.register.follow import logged
from contracts import topics
from contracts.faults import Unavailable


class Accepted(NamedTuple):
    """An act that the fold accepted, where it stands, and its type."""

    position: int
    statement: Statement
    act_type: str


def history_of(connection: Connection, *subjects: str) -> list[Accepted]:
    """Every accepted act on some objects, oldest first; raises `Unavailable`."""
    with Reader(connection) as reader:
        if reader.partitions(topics.REGISTER) == 0:
            raise Unavailable(NOT_INITIALISED.fault(f"there is no topic {topics.REGISTER}"))
        records = [logged(message) for message in reader.read(topics.REGISTER, 0)]
    ignored = {alarm.position for alarm in fold_batch(EMPTY, records).alarms}
    found = []
    for one in records:
        if one.position not in ignored:
            statement = read_statement(split(one.value or b"").statement)
            if statement.act.subject() in subjects:
                found.append(Accepted(one.position, statement, str(type(statement.act).__struct_config__.tag)))
    return found

"""Where the connector begins when the server is not what it was."""

from __future__ import annotations

from types import SimpleNamespace
from typing import NoReturn

import pytest

from connectors.postgresql.catalogue import Slot
from connectors.postgresql.codes import NOT_PROMOTED
from connectors.postgresql.places import EVERYTHING, Beginning
from connectors.postgresql.position import Place, TableProgress
from connectors.postgresql.sessions import Server
from connectors.protocol import Away


class Stream:
    """Of a server that has written up to LSN 500."""

    def identify(self) -> Server:
        return Server("s", 1, 500)

    def create_slot(self, *_: object, **__: object) -> NoReturn:
        raise AssertionError("a slot on a standby")


@pytest.mark.parametrize("slot", [None, Slot("pgoutput", "db", None, 300, False, None, True)])
@pytest.mark.parametrize("again", [(), (EVERYTHING, "items")])
def test_a_standby_that_is_not_promoted_is_waited_for_whatever_was_asked(slot: Slot | None, again: tuple) -> None:
    catalogue = SimpleNamespace(in_recovery=lambda: True, slot=lambda _: slot)
    wanted = SimpleNamespace(
        slot="x", manage=True, failover=False, outbox_rows=False, outbox=None, events={}, contracts={"items": 1}
    )
    stored = Place(system="s", timeline=1, slot="x", lsn=400, tables={"items": TableProgress(done=True)})
    with pytest.raises(Away) as away:
        Beginning(Stream(), catalogue, wanted, snapshot=True, wait=0.1).place(stored, again)
    assert away.value.faults[0].code is NOT_PROMOTED

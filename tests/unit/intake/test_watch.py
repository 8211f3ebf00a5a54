"""How a connector stands: kept with each batch, restated when it is news, alarms logged once when they begin and end."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from broker import clock
from broker.cli.connector_status import shown, status_rows
from broker.intake.measures import Measures
from broker.intake.positions import Standing, Stored
from broker.intake.watch import LOOK_SECONDS, RESTATE_MILLISECONDS, Watch
from connectors.health import Health
from connectors.postgresql import codes
from connectors.postgresql.slot import SlotStanding, alarms
from connectors.protocol import Batch, Change, Position
from contracts.change import Op

NOW_MS = 1_800_000_000_000


class Told:
    """A connector that says what it is told to, and a log that remembers."""

    def __init__(self) -> None:
        self.said, self.lines = Health(), []

    def health(self) -> Health:
        return self.said

    def warning(self, event: str, **facts: object) -> None:
        self.lines.append((event, facts["code"]))

    info = warning


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    moments = iter(range(0, 1000, int(LOOK_SECONDS)))
    monkeypatch.setattr(clock, "monotonic_seconds", lambda: next(moments))
    return Told()


def watch(told: Told) -> Watch:
    return Watch(told, "store", ("items",), Measures("store"), told)


def batch(*ages_ms: int) -> Batch:
    changes = [
        Change(
            "items",
            Op.CREATE,
            {},
            None,
            {},
            Position("p"),
            datetime.fromtimestamp((NOW_MS - age) / 1000, UTC),
        )
        for age in ages_ms
    ]
    return Batch(tuple(changes), Position("p"))


def test_an_alarm_is_logged_once_when_it_begins_and_once_when_it_is_over(told: Told) -> None:
    watching = watch(told)
    fault = codes.SLOT_RETAINS.fault("much")
    for faults in ((), (fault,), (fault,), (), ()):
        told.said = Health(5, 6, faults)
        watching.look()
    assert told.lines == [("alarm", "CNR-028"), ("alarm over", "CNR-028")]
    assert watching.standing == Standing(lag_bytes=5)


def test_a_connector_that_tells_nothing_is_not_asked() -> None:
    watching = Watch(object(), "store", ("items",), Measures("store"), None)
    watching.look()
    assert watching.standing == Standing()


def test_the_standing_of_a_batch_is_that_of_its_newest_change_and_a_position_alone_has_caught_up(told: Told) -> None:
    watching = watch(told)
    watching.written(watching.with_batch(batch(9000, 4000), NOW_MS))
    assert watching.standing.newest_ms == {"items": NOW_MS - 4000}
    assert watching.standing.behind_ms == {"items": 4000}
    assert watching.with_batch(batch(), NOW_MS).behind_ms == {"items": 0}
    watching.caught_up()
    assert watching.standing.newest_ms == {"items": NOW_MS - 4000}
    assert watching.standing.behind_ms == {"items": 0}


def test_an_alarm_is_news_at_once_and_the_rest_from_time_to_time(told: Told) -> None:
    watching = watch(told)
    stored = Stored("store", None, {}, "", NOW_MS)
    watching.begin(stored.standing)
    assert not watching.is_news(stored, NOW_MS + 10 * RESTATE_MILLISECONDS)
    told.said = Health(lag_bytes=7)
    watching.look()
    assert not watching.is_news(stored, NOW_MS + 1)
    assert watching.is_news(stored, NOW_MS + RESTATE_MILLISECONDS)
    told.said = Health(7, None, (codes.SLOT_IDLE.fault("x"),))
    watching.look()
    assert watching.is_news(stored, NOW_MS + 1)
    again = watch(told)
    again.begin(watching.standing)
    assert again.is_news(replace(stored, standing=watching.standing), NOW_MS), "raised anew by each process"


MIB = 1 << 20
CASES = {
    "fine": (SlotStanding(True, "reserved", None, 0, MIB), []),
    "nobody reads": (SlotStanding(False, "reserved", None, 0, MIB), ["CNR-027"]),
    "over the owner's limit": (SlotStanding(True, "reserved", None, 0, 3 * MIB), ["CNR-028"]),
    "extended": (SlotStanding(True, "extended", None, 0, MIB), ["CNR-029"]),
    "unreserved": (SlotStanding(True, "unreserved", -5, 0, MIB), ["CNR-019"]),
    "near its limit": (SlotStanding(True, "reserved", MIB // 4, 0, MIB), ["CNR-019"]),
    "lost": (SlotStanding(False, "lost", None, 0, 9 * MIB), ["CNR-020"]),
    "gone": (None, ["CNR-020"]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_of_a_slot_is_an_alarm(case: str) -> None:
    found, expected = CASES[case]
    assert [fault.code.identifier for fault in alarms("slot", found, 2 * MIB)] == expected


def test_status_shows_each_dataset_with_its_own_lag() -> None:
    standing = Standing({"a": NOW_MS}, {"a": 1500}, 99, ("CNR-027", "CNR-028"))
    stored = Stored("store", "p", {"source.b": {0: 1}, "source.a": {0: 2, 1: 3}}, "", NOW_MS, standing=standing)
    first, second = status_rows(stored, NOW_MS + 2000)
    assert (first["topic"], first["changes"], first["lag_seconds"], first["age_seconds"]) == ("source.a", 5, 1.5, 2.0)
    assert (second["newest"], second["lag_seconds"], second["lag_bytes"]) == (None, None, 99)
    assert shown(first["alarms"]) == "CNR-027 CNR-028"
    assert [one["topic"] for one in status_rows(Stored("new", None, {}, "", NOW_MS), NOW_MS)] == [""]

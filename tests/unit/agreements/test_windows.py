"""The delivery window in London's time, also where its clocks change."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agreements.model import Window
from agreements.snapshot import Coverage, Standing
from agreements.standing import moments, stand
from agreements.windows import is_open, next_change
from tests.registers import agreement, approved

WORKING = Window(opens="08:00", closes="18:00", days=("monday", "tuesday", "wednesday", "thursday", "friday"))
NIGHT = Window(opens="22:00", closes="06:00")


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "now", "expected"),
    [
        (WORKING, "2026-01-05T08:00:00", True),
        (WORKING, "2026-01-05T07:59:59.999", False),
        (WORKING, "2026-01-05T18:00:00", False),
        (WORKING, "2026-01-10T12:00:00", False),
        (WORKING, "2026-07-06T07:00:00", True),  # 08:00 in British Summer Time
        (WORKING, "2026-07-06T17:00:00", False),
        (NIGHT, "2026-01-05T23:00:00", True),
        (NIGHT, "2026-01-06T05:59:00", True),
        (NIGHT, "2026-01-06T06:00:00", False),
        (Window(opens="22:00", closes="06:00", days=("friday",)), "2026-01-10T03:00:00", True),  # Friday's night
        (Window(opens="22:00", closes="06:00", days=("friday",)), "2026-01-09T03:00:00", False),
    ],
)
def test_the_hours_are_those_of_london(window, now, expected):
    assert is_open(window, at(now)) is expected


def test_a_night_is_an_hour_shorter_or_longer_where_the_clocks_change():
    for day, hours in (("2026-03-28", 7), ("2026-10-24", 9), ("2026-06-06", 8)):
        opens = datetime.fromisoformat(f"{day}T22:00").replace(tzinfo=ZoneInfo("Europe/London")).astimezone(UTC)
        assert next_change(NIGHT, opens - timedelta(seconds=1)) == opens
        assert next_change(NIGHT, opens) - opens == timedelta(hours=hours)


times = st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda found: "{:02}:{:02}".format(*found))
names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
windows = (
    st.tuples(times, times, st.sets(st.sampled_from(names)))
    .filter(lambda found: found[0] != found[1])
    .map(lambda found: Window(opens=found[0], closes=found[1], days=tuple(d for d in names if d in found[2])))
)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(windows, st.integers(0, 2 * 365 * 24 * 3600).map(lambda seconds: at("2026-01-01") + timedelta(seconds=seconds)))
def test_nothing_changes_before_the_next_change(window, now):
    change = next_change(window, now)
    assert timedelta(0) < change - now <= timedelta(days=8)
    assert is_open(window, now) is is_open(window, change - timedelta(microseconds=1))


def test_outside_its_window_a_share_is_held_whatever_a_suspension_does():
    register = approved()
    (entry,) = register.snapshot.agreements["DSA-2026-101"]
    terms = entry.agreement.model_copy(
        update={"delivery": entry.agreement.delivery.model_copy(update={"window": WORKING})}
    )

    entry = replace(entry, agreement=terms)
    coverage = Coverage(entry, agreement().shares[0])
    saturday = at("2027-01-09T12:00")
    assert stand(register.snapshot, coverage, saturday) == (Standing.HELD, "outside-window", "delivery.window")
    assert stand(register.snapshot, coverage, at("2027-01-11T12:00")).standing is Standing.IN_FORCE
    assert at("2027-01-11T08:00") in moments(register.snapshot, entry, saturday)

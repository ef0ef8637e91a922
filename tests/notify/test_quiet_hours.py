"""Quiet hours follow the person's own clock, over midnight, weekends and changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.notify.quiet import quiet_until

NIGHT: dict[str, Any] = {
    "starts": time(22),
    "ends": time(7),
    "weekends": False,
    "zone": "Europe/Berlin",
}


def at(text: str, zone: str = "Europe/Berlin") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        ("2026-11-18T21:59", None),
        ("2026-11-18T22:00", "2026-11-19T07:00"),
        ("2026-11-19T03:00", "2026-11-19T07:00"),
        ("2026-11-19T07:00", None),
    ],
)
def test_night__each_side_of_its_edges(moment: str, until: str | None) -> None:
    assert quiet_until(at(moment), **NIGHT) == (at(until) if until else None)


def test_spring_forward__ends_at_seven_by_the_wall_clock() -> None:
    until = quiet_until(at("2026-03-28T23:00"), **NIGHT)
    assert until == at("2026-03-29T07:00")
    assert until - at("2026-03-28T23:00") == timedelta(hours=7)


def test_autumn_back__ends_at_seven_by_the_wall_clock() -> None:
    until = quiet_until(at("2026-10-24T23:00"), **NIGHT)
    assert until == at("2026-10-25T07:00")
    assert until - at("2026-10-24T23:00") == timedelta(hours=9)


def test_autumn_back__an_end_in_the_hour_that_comes_twice_is_never_in_the_past() -> None:
    hours = NIGHT | {"ends": time(2, 30)}
    first, second = (
        datetime(2026, 10, 25, 2, 15, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold)
        for fold in (0, 1)
    )
    assert quiet_until(first.astimezone(UTC), **hours) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert quiet_until(second.astimezone(UTC), **hours) is None


def test_weekend__a_saturday_noon_waits_until_mondays_night_ends() -> None:
    hours = NIGHT | {"weekends": True}
    assert quiet_until(at("2026-11-21T12:00"), **hours) == at("2026-11-23T07:00")


def test_weekend__without_a_night_ends_at_mondays_midnight() -> None:
    hours: dict[str, Any] = {
        "starts": time(12),
        "ends": time(13),
        "weekends": True,
        "zone": "Europe/Berlin",
    }
    assert quiet_until(at("2026-11-21T15:00"), **hours) == at("2026-11-23T00:00")


@given(
    moment=st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    starts=st.times(),
    ends=st.times(),
    weekends=st.booleans(),
    zone=st.sampled_from(["UTC", "Europe/London", "Australia/Lord_Howe", "America/New_York"]),
)
def test_end__lies_ahead_and_is_itself_not_quiet(
    moment: datetime, starts: time, ends: time, weekends: bool, zone: str
) -> None:
    starts, ends = (t.replace(second=0, microsecond=0) for t in (starts, ends))
    if starts == ends:
        return
    until = quiet_until(moment, starts=starts, ends=ends, weekends=weekends, zone=zone)
    if until is not None:
        assert moment < until <= moment + timedelta(days=4)

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.jobs.periods import containing, periods_between
from controlplane.jobs.schedules import Cron, Every
from controlplane.lib.errors import Invalid

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]
moments = st.datetimes(datetime(2005, 1, 1), datetime(2035, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def following(line: str, moment: datetime, zone: str = "UTC") -> datetime:
    return Cron(line, zone).after(moment, moment)


@pytest.mark.parametrize(
    ("line", "after", "expected"),
    [
        ("03:15", "2026-11-01T03:15", "2026-11-02T03:15"),
        ("15 3 * * *", "2026-11-01T03:14", "2026-11-01T03:15"),
        ("*/20 * * * *", "2026-11-01T00:20", "2026-11-01T00:40"),
        ("0 9 * * mon-fri", "2026-11-06T09:00", "2026-11-09T09:00"),
        ("0 0 1 */3 *", "2026-11-01T00:00", "2027-01-01T00:00"),
        ("0 0 29 2 *", "2026-11-01T00:00", "2028-02-29T00:00"),
        ("0 8 1,15 * sun", "2026-11-02T00:00", "2026-11-08T08:00"),
        ("0 8 * * 7", "2026-11-02T00:00", "2026-11-08T08:00"),
    ],
)
def test_cron__next_time(line: str, after: str, expected: str) -> None:
    assert following(line, utc(after)) == utc(expected)


@pytest.mark.parametrize(
    "line", ["", "* * * *", "60 * * * *", "* 24 * * *", "a * * * *", "5-1 * * * *", "*/0 * * * *"]
)
def test_cron__nonsense__refused(line: str) -> None:
    with pytest.raises(Invalid):
        Cron(line)


def test_cron__day_that_never_comes__refused_when_asked() -> None:
    with pytest.raises(Invalid):
        following("0 0 31 2 *", utc("2026-01-01T00:00"))


def test_cron__time_the_clock_skips__runs_after_the_gap() -> None:
    # Berlin, 29 March 2026: 02:30 does not exist.
    assert following("30 2 * * *", utc("2026-03-28T12:00"), "Europe/Berlin") == utc(
        "2026-03-29T01:30"
    )


def test_cron__time_that_happens_twice__runs_the_first_time_only() -> None:
    # Berlin, 25 October 2026: 02:30 happens at 00:30 and at 01:30 UTC.
    first = following("30 2 * * *", utc("2026-10-24T12:00"), "Europe/Berlin")
    assert first == utc("2026-10-25T00:30")
    assert following("30 2 * * *", first, "Europe/Berlin") == utc("2026-10-26T01:30")


@given(moments, st.sampled_from(ZONES), st.integers(0, 23), st.integers(0, 59))
def test_daily_cron__every_zone__once_each_local_day(
    moment: datetime, zone: str, hour: int, minute: int
) -> None:
    schedule = Cron(f"{minute} {hour} * * *", zone)
    days = []
    for _ in range(4):
        moment = schedule.after(moment, moment)
        days.append(moment.astimezone(ZoneInfo(zone)).date())
    steps = [(later - earlier).days for earlier, later in pairwise(days)]
    # Apia has no 30 December 2011: crossing the date line takes that day from the calendar.
    assert all(step == 1 or zone == "Pacific/Apia" for step in steps)
    assert all(step >= 1 for step in steps)


@given(moments, moments, st.integers(1, 100_000))
def test_every__stays_in_step_and_skips_what_was_missed(
    due: datetime, now: datetime, seconds: int
) -> None:
    interval = timedelta(seconds=seconds)
    upcoming = Every(interval).after(due, now)
    assert (upcoming - due) % interval == timedelta(0)
    assert upcoming >= due
    if now >= due:
        assert now < upcoming <= now + interval


def test_every__less_than_a_second__refused() -> None:
    with pytest.raises(Invalid):
        Every(timedelta(milliseconds=500))


@pytest.mark.parametrize(
    ("line", "gap"),
    [
        ("03:15", timedelta(days=1)),
        ("0 9 * * mon", timedelta(days=7)),
        ("0 0 1 * *", timedelta(days=31)),
        ("0 0 1 */3 *", timedelta(days=92)),
        ("*/5 * * * *", timedelta(minutes=5)),
        ("0 9-17 * * mon-fri", timedelta(hours=64)),
    ],
)
def test_cron__longest_gap(line: str, gap: timedelta) -> None:
    assert Cron(line).longest_gap == gap


@given(
    st.sampled_from(["daily", "weekly", "biweekly", "monthly", "quarterly", "yearly"]),
    st.dates(date(2020, 1, 1), date(2040, 1, 1)),
    st.integers(0, 400),
)
def test_periods__cover_every_day_once_and_have_their_own_names(
    cadence: str, first: date, span: int
) -> None:
    last = first + timedelta(days=span)
    periods = periods_between(cadence, first, last)
    assert periods[0].first <= first
    assert periods[-1].end > last
    assert len({period.name for period in periods}) == len(periods)
    for earlier, later in pairwise(periods):
        assert earlier.end == later.first
    assert containing(cadence, last) == periods[-1]


def test_period_bounds__local_midnight__days_of_23_and_25_hours() -> None:
    zone = ZoneInfo("Europe/Berlin")
    for day, hours in (("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-01", 24)):
        start, end = containing("daily", datetime.fromisoformat(day).date()).bounds(zone)
        assert end - start == timedelta(hours=hours)

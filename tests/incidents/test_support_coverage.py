"""Time that counts only while somebody is there."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.lib.errors import Invalid
from incidents.support.coverage import (
    MIDNIGHT,
    Coverage,
    covered_between,
    due,
    is_open,
    read_spans,
    read_week,
    write_week,
)

HOUR = 3_600
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia",
         "America/Sao_Paulo", "Australia/Lord_Howe"]  # fmt: skip
BERLIN = ZoneInfo("Europe/Berlin")


def week(*lines: str, zone: str = "UTC", days: dict[date, str] | None = None) -> Coverage:
    told = {day: read_spans("hours", text) for day, text in (days or {}).items()}
    return Coverage(ZoneInfo(zone), read_week("hours", lines), told)


def at(day: int, hour: float = 0, month: int = 6) -> datetime:
    """June 2026 begins on a Monday."""
    return datetime(2026, month, day, tzinfo=UTC) + timedelta(hours=hour)


SUPPORT = week("mon-fri 06:00-22:00")


@pytest.mark.parametrize(
    ("start", "seconds", "expected"),
    [
        (at(1, 9), 4 * HOUR, at(1, 13)),
        (at(1, 20), 4 * HOUR, at(2, 8)),
        (at(5, 20), 4 * HOUR, at(8, 8)),  # over a weekend
        (at(6, 12), 900, at(8, 6.25)),
        (at(1, 20), 2 * HOUR, at(1, 22)),  # up to the end, not to the next morning
        (at(6, 12), 0, at(6, 12)),
    ],
)
def test_due__only_covered_hours_count(start: datetime, seconds: int, expected: datetime) -> None:
    assert due(SUPPORT, start, seconds) == expected


def test_round_the_clock__is_time_as_it_passes() -> None:
    always = week("daily 00:00-24:00")
    assert due(always, at(6, 3), 30 * HOUR) == at(7, 9)
    assert covered_between(always, at(1), at(15)) == 14 * 24 * HOUR


def test_holidays__are_closed_or_short() -> None:
    desk = week("mon-fri 06:00-22:00", days={date(2026, 6, 2): "", date(2026, 6, 3): "09:00-12:00"})
    assert due(desk, at(1, 21), 2 * HOUR) == at(3, 10)
    assert covered_between(desk, at(1, 12), at(4)) == (10 + 3) * HOUR
    opened = week("mon-fri 06:00-22:00", days={date(2026, 6, 6): "10:00-11:00"})
    assert due(opened, at(5, 22), HOUR) == at(6, 11)  # a Saturday on which somebody is there
    assert not is_open(desk, at(2, 12))
    assert is_open(desk, at(3, 11))


def test_clocks_put_forward_and_back__the_day_is_as_long_as_it_was() -> None:
    night = week("daily 00:00-06:00", zone="Europe/Berlin")
    spring = datetime(2026, 3, 29, tzinfo=BERLIN), datetime(2026, 3, 30, tzinfo=BERLIN)
    autumn = datetime(2026, 10, 25, tzinfo=BERLIN), datetime(2026, 10, 26, tzinfo=BERLIN)
    assert covered_between(night, *spring) == 5 * HOUR
    assert covered_between(night, *autumn) == 7 * HOUR
    gone = week("daily 02:00-03:00", zone="Europe/Berlin")  # skipped on that day altogether
    assert covered_between(gone, *spring) == 0
    assert due(gone, spring[0], 60) == datetime(2026, 3, 30, 2, 1, tzinfo=BERLIN)
    assert covered_between(gone, *autumn) == 2 * HOUR


def test_two_countries__opening_is_by_their_walls() -> None:
    desk = week("mon-fri 09:00-17:00", zone="Asia/Kolkata")
    assert due(desk, at(1, 0), HOUR) == at(1, 4.5)
    # The clock of whoever asks changes nothing.
    assert due(desk, at(1, 0).astimezone(BERLIN), HOUR) == at(1, 4.5)


@pytest.mark.parametrize(
    "lines",
    [
        [], [""], ["mon"], ["mon-fri"], ["fun 09:00-17:00"], ["mon 9:00-17:00"],
        ["mon 17:00-09:00"], ["mon 09:00-09:00"], ["mon 09:00-24:30"], ["mon 09:00-25:00"],
        ["mon 09:00-17:00 16:00-18:00"], ["mon 09:00-17:00", "mon-tue 10:00-11:00"],
        ["mon- 09:00-17:00"], ["mon 09:00-17:00"] * 15,
    ],
)  # fmt: skip
def test_hours_that_cannot_be_meant__are_refused(lines: list[str]) -> None:
    with pytest.raises(Invalid):
        read_week("hours", lines)


def test_hours__are_written_as_they_are_read() -> None:
    told = ["mon-thu 09:00-12:30 13:00-17:00", "fri 09:00-12:00", "sun 00:00-24:00"]
    assert write_week(read_week("hours", told)) == told
    assert write_week(read_week("hours", ["sat-mon 10:00-11:00", "sat 11:00-12:00"])) == [
        "mon 10:00-11:00", "sat 10:00-12:00", "sun 10:00-11:00",
    ]  # fmt: skip


# --- Whatever the hours are -----------------------------------------------------------------------

_cuts = st.lists(st.integers(0, MIDNIGHT // 15), min_size=0, max_size=4, unique=True)
_spans = _cuts.map(
    lambda cuts: tuple(
        (begin * 15, end * 15)
        for begin, end in zip(sorted(cuts)[::2], sorted(cuts)[1::2], strict=False)
    )
)
_moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
_coverages = st.builds(
    Coverage,
    st.sampled_from(ZONES).map(ZoneInfo),
    st.tuples(*[_spans] * 7).filter(any),
    st.dictionaries(st.dates(date(2026, 1, 1), date(2027, 12, 31)), _spans, max_size=12),
)


@settings(max_examples=120, deadline=None)
@given(_coverages, _moments, st.integers(0, 90 * HOUR), st.integers(1, 20 * HOUR))
def test_due__is_the_inverse_of_what_was_covered(
    covered: Coverage, start: datetime, seconds: int, more: int
) -> None:
    found = due(covered, start, seconds)
    assert found >= start
    assert covered_between(covered, start, found) == seconds
    if seconds:  # the first such moment
        assert covered_between(covered, start, found - timedelta(seconds=1)) < seconds
    assert due(covered, start, seconds + more) > found


@settings(max_examples=60, deadline=None)
@given(_coverages, st.lists(_moments, min_size=3, max_size=3))
def test_covered__adds_up_and_is_never_more_than_passed(
    covered: Coverage, moments: list[datetime]
) -> None:
    since, between, until = sorted(moments)
    first, second, whole = (
        covered_between(covered, *pair)
        for pair in ((since, between), (between, until), (since, until))
    )
    assert first + second == pytest.approx(whole)
    assert 0 <= whole <= (until - since).total_seconds()
    assert covered_between(covered, until, since) == 0

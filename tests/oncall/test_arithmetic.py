"""Shifts follow from rotations: every moment once, hand-overs by the clock on the wall, whatever
the clocks do. Pure, so that hypothesis may ask it about every zone there is."""

from __future__ import annotations

import zoneinfo
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.oncall import arithmetic
from controlplane.oncall.arithmetic import Hours, Plan, Rotation, Shift, Swap, shifts
from controlplane.oncall.walls import instant, local_of

BERLIN = ZoneInfo("Europe/Berlin")
EARLY = datetime(2020, 1, 1, tzinfo=UTC)
ZONES = sorted(zoneinfo.available_timezones())
# Where clocks do what one doesn't think of: half an hour, at midnight, twice a year for Ramadan,
# a day left out, in winter instead of summer.
ODD = [
    "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Casablanca", "Pacific/Apia",
    "Europe/Dublin", "Asia/Beirut", "America/New_York", "Europe/Berlin", "UTC", "Asia/Kolkata",
    "Antarctica/Troll", "America/Havana",
]  # fmt: skip
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)


def rotation(
    *people: int, zone: ZoneInfo = BERLIN, at: time = time(9), **fields: object
) -> Rotation:
    fields = {"key": 1, "period": WEEK, "since": EARLY, **fields}
    anchor = datetime.combine(date(2026, 3, 2), at)
    return Rotation(people=people, zone=zone, anchor=anchor, **fields)  # type: ignore[arg-type]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


# --- By hand ----------------------------------------------------------------------------------


def test_weekly__hands_over_at_nine_on_the_wall_when_clocks_change() -> None:
    found = shifts(Plan((rotation(1, 2),)), utc(2026, 3, 16, 8), utc(2026, 4, 6, 7))
    assert [(one.since, one.person) for one in found] == [
        (utc(2026, 3, 16, 8), 1),
        (utc(2026, 3, 23, 8), 2),
        (utc(2026, 3, 30, 7), 1),  # the clocks went forward on the 29th: 167 hours
    ]
    assert found[1].until - found[1].since == timedelta(hours=167)


def test_hand_over__at_a_time_the_clocks_skip_is_when_they_skip_it() -> None:
    daily = rotation(1, 2, at=time(2, 30), period=DAY)
    found = shifts(Plan((daily,)), utc(2026, 3, 28), utc(2026, 3, 30, 12))
    assert utc(2026, 3, 29, 1) in [one.since for one in found]


def test_hand_over__at_a_time_that_comes_twice_is_the_first() -> None:
    assert instant(datetime(2026, 10, 25, 2, 30), BERLIN) == utc(2026, 10, 25, 0, 30)
    assert instant(datetime(2026, 10, 25, 2, 30), BERLIN, last=True) == utc(2026, 10, 25, 1, 30)


def test_a_day_left_out__hands_over_at_its_end() -> None:
    apia = ZoneInfo("Pacific/Apia")  # had no 30 December 2011
    skipped = instant(datetime(2011, 12, 30, 9), apia)
    assert skipped == instant(datetime(2011, 12, 31), apia) == utc(2011, 12, 30, 10)


def test_hourly_turns__that_the_clocks_skip_are_nobodys_and_leave_no_hole() -> None:
    hourly = rotation(1, 2, 3, at=time(0), period=HOUR)
    found = shifts(Plan((hourly,)), utc(2026, 3, 29, 0), utc(2026, 3, 29, 3))
    assert [one.until - one.since for one in found] == [HOUR, HOUR, HOUR]
    assert [local_of(one.since, BERLIN).hour for one in found] == [1, 3, 4]
    assert found[1].turn == (found[0].turn or 0) + 2


def test_first_named__has_what_lies_before_the_first_turn() -> None:
    one = rotation(7, 8, period=DAY)
    found = shifts(Plan((one,)), utc(2026, 3, 2, 6), utc(2026, 3, 3, 9))
    assert [shift.person for shift in found] == [7, 7, 8]


def test_layers__higher_over_lower_and_swaps_over_all() -> None:
    low = rotation(1)
    nights = Hours(BERLIN, frozenset(range(7)), time(20), time(8))
    high = rotation(2, key=2, hours=nights)
    swap = Swap(9, 3, utc(2026, 6, 3, 22), utc(2026, 6, 4, 8))
    found = shifts(Plan((low, high), (swap,)), utc(2026, 6, 3, 12), utc(2026, 6, 4, 12))
    assert [(one.since.hour, one.person) for one in found] == [(12, 1), (18, 2), (22, 3), (8, 1)]


def test_gap__only_where_somebody_should_be() -> None:
    weekdays = frozenset(range(5))
    office = Hours(BERLIN, weekdays, time(8), time(18))
    plan = Plan((rotation(1, hours=Hours(BERLIN, weekdays, time(9), time(18))),), meant=office)
    found = arithmetic.gaps(plan, utc(2026, 6, 1), utc(2026, 6, 8))  # Monday to Sunday
    assert [local_of(one.since, BERLIN).time() for one in found] == [time(8)] * 5
    assert {one.until - one.since for one in found} == {HOUR}


def test_who_left__leaves_a_gap_from_then_on_and_shows_what_lies_below() -> None:
    left = {2: utc(2026, 6, 3)}
    alone = Plan((rotation(2),), gone=left)
    found = shifts(alone, utc(2026, 6, 2), utc(2026, 6, 4))
    assert [one.person for one in found] == [2, None]
    covered = Plan((rotation(1), rotation(2, key=2)), gone=left)
    found = shifts(covered, utc(2026, 6, 2), utc(2026, 6, 4))
    assert [one.person for one in found] == [2, 1]


def test_swap__of_months_is_one_shift_seen_from_its_middle() -> None:
    swap = Swap(9, 3, utc(2026, 6, 1), utc(2026, 8, 20))
    found = arithmetic.shift_at(Plan((rotation(1, 2),), (swap,)), utc(2026, 7, 10))
    assert (found.since, found.until, found.person) == (swap.since, swap.until, 3)


def test_next_change__skips_turns_of_the_same_person() -> None:
    plan = Plan((rotation(1, 1, 2),))
    change = arithmetic.next_change(plan, utc(2026, 3, 2, 9), utc(2026, 5, 1))
    assert change is not None
    assert (change.since, change.person) == (utc(2026, 3, 16, 8), 2)
    assert arithmetic.next_change(Plan((rotation(1),)), utc(2026, 3, 2, 9), utc(2026, 9, 1)) is None


def test_ended_rotation__takes_no_further_turn() -> None:
    ended = rotation(1, until=utc(2026, 3, 5))
    found = shifts(Plan((ended,)), utc(2026, 3, 4), utc(2026, 3, 6))
    assert [(one.person, one.until.day) for one in found] == [(1, 5), (None, 6)]


# --- By anything ------------------------------------------------------------------------------

zones = st.sampled_from(ODD) | st.sampled_from(ZONES)
moments = st.datetimes(datetime(2008, 1, 1), datetime(2032, 1, 1)).map(
    lambda at: at.replace(microsecond=0, tzinfo=UTC)
)
walls = st.times().map(lambda at: at.replace(second=0, microsecond=0))
weekdays = st.frozensets(st.integers(0, 6), min_size=1)


@st.composite
def rotations(draw: st.DrawFn, key: int = 1) -> Rotation:
    zone = ZoneInfo(draw(zones))
    period = draw(st.sampled_from([HOUR, 8 * HOUR, 36 * HOUR, DAY, 2 * DAY, WEEK, 4 * WEEK]))
    start = draw(moments)
    hours = None
    if draw(st.booleans()):
        hours = Hours(zone, draw(weekdays), draw(walls), draw(walls))
    until = draw(st.none() | st.integers(1, 400 * 24).map(lambda n: start + n * HOUR))
    day = local_of(start, zone).date() + timedelta(days=draw(st.integers(-500, 30)))
    anchor = datetime.combine(day, draw(walls))
    people = tuple(draw(st.lists(st.integers(1, 6), min_size=1, max_size=5)))
    return Rotation(key, people, zone, anchor, period, start, until, hours)


@st.composite
def plans(draw: st.DrawFn) -> tuple[Plan, datetime, datetime]:
    layers = [draw(rotations(key)) for key in range(draw(st.integers(0, 3)))]
    moment = draw(moments)
    start = layers[0].since if layers and moment.second % 2 else moment
    end = start + draw(st.integers(1, 45 * 24)) * HOUR
    swaps, at = [], start - 3 * DAY
    for key in range(draw(st.integers(0, 3))):
        since = at + draw(st.integers(0, 200)) * HOUR
        at = since + draw(st.integers(1, 100)) * HOUR
        swaps.append(Swap(key, draw(st.integers(1, 6)), since, at))
    gone = draw(st.dictionaries(st.integers(1, 6), moments, max_size=2))
    return Plan(tuple(layers), tuple(swaps), gone), start, end


def by_hand(plan: Plan, at: datetime) -> int | None:
    """Who is on duty, found the slow way: one instant, one layer after the other."""
    for swap in plan.swaps:
        if swap.since <= at < swap.until and not _gone(plan, swap.person, at):
            return swap.person
    for layer in reversed(plan.rotations):
        if not layer.since <= at < (layer.until or datetime.max.replace(tzinfo=UTC)):
            continue
        if layer.hours is not None and not _in_hours(layer.hours, at):
            continue
        local = local_of(at, layer.zone)
        turn = (local - layer.anchor) // layer.period + 40 * DAY // layer.period + 2
        while instant(layer.anchor + turn * layer.period, layer.zone) > at:
            turn -= 1
        person = layer.people[max(turn, 0) % len(layer.people)]
        if not _gone(plan, person, at):
            return person
    return None


def _gone(plan: Plan, person: int, at: datetime) -> bool:
    return person in plan.gone and plan.gone[person] <= at


def _in_hours(hours: Hours, at: datetime) -> bool:
    today = local_of(at, hours.zone).date()
    for back in range(4):
        day = today - timedelta(days=back - 1)
        until = day if hours.end > hours.start else day + DAY
        since = instant(datetime.combine(day, hours.start), hours.zone)
        end = instant(datetime.combine(until, hours.end), hours.zone, last=True)
        if day.weekday() in hours.days and since <= at < end:
            return True
    return False


@settings(max_examples=100, deadline=None)
@given(plans(), st.lists(st.integers(0, 999), min_size=1, max_size=12))
def test_every_moment_is_told_once__and_rightly(
    case: tuple[Plan, datetime, datetime], looks: list[int]
) -> None:
    plan, start, end = case
    found = shifts(plan, start, end)
    assert found[0].since == start
    assert found[-1].until == end
    assert all(one.since < one.until for one in found)
    assert all(one.until == two.since for one, two in pairwise(found))
    edges = [one.since for one in found] + [one.until - timedelta(microseconds=1) for one in found]
    for at in edges[:40] + [start + (end - start) * share // 1000 for share in looks]:
        [told] = [one for one in found if one.since <= at < one.until]
        assert told.person == by_hand(plan, at), (at, told)
        assert arithmetic.person_at(plan, at) == told.person, at


@settings(max_examples=40, deadline=None)
@given(plans(), st.floats(0, 1))
def test_a_window_is_the_sum_of_its_halves(
    case: tuple[Plan, datetime, datetime], share: float
) -> None:
    plan, start, end = case
    middle = (start + (end - start) * share).replace(microsecond=0)
    halves = [
        one
        for since, until in ((start, middle), (middle, end))
        if since < until
        for one in shifts(plan, since, until)
    ]
    assert _joined(halves) == _joined(shifts(plan, start, end))


def _joined(found: list[Shift]) -> list[Shift]:
    whole: list[Shift] = []
    for one in found:
        source = (one.person, one.layer, one.turn, one.override)
        last = whole[-1] if whole else None
        if last and (last.person, last.layer, last.turn, last.override) == source:
            whole[-1] = replace(last, until=one.until)
        else:
            whole.append(one)
    return whole


@settings(max_examples=50, deadline=None)
@given(rotations(), moments)
def test_hand_overs__stand_at_their_hour_on_the_wall(one: Rotation, at: datetime) -> None:
    """But where the clocks skip it: then at the first moment after."""
    turn = one.turn_at(at)
    assert one.hand_over(turn) <= at < one.hand_over(turn + 1)
    wall = one.anchor + turn * one.period
    shown = local_of(one.hand_over(turn), one.zone)
    before = local_of(one.hand_over(turn) - timedelta(seconds=1), one.zone)
    assert shown == wall or before < wall < shown


@pytest.mark.slow
@pytest.mark.parametrize("zone", [ZONES[n::8] for n in range(8)], ids=range(8))
def test_no_zone__has_a_gap_or_an_overlap_over_two_years(zone: list[str]) -> None:
    for name in zone:
        weekly = rotation(1, 2, 3, zone=ZoneInfo(name), at=time(2, 30))
        found = shifts(Plan((weekly,)), utc(2026, 3, 2, 12), utc(2028, 3, 2))
        assert not [one for one in found if one.is_gap], name
        lengths = {one.until - one.since for one in found[1:-1]}
        assert all(timedelta(hours=166) <= length <= timedelta(hours=170) for length in lengths), (
            name
        )

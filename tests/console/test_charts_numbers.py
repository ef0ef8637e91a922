"""Ticks, units, thinning and the sentence."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.console.charts import render, sampling
from controlplane.console.charts.data import Annotation, Line, Series, Threshold, number
from controlplane.console.charts.ticks import nice, time_ticks
from controlplane.console.charts.units import axis_labels, format_value
from tests.kit.chart_markup import described, parsed, plain

FINITE = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)
BERLIN = ZoneInfo("Europe/Berlin")


@given(FINITE, FINITE, st.integers(1, 10), st.sampled_from(["", "%", "ms", "s", "bytes", "ratio"]))
def test_ticks__rise_and_enclose(low: float, high: float, count: int, unit: str) -> None:
    low, high = number(low) or 0.0, number(high) or 0.0
    ticks = nice(low, high, count, unit)
    assert all(a < b for a, b in pairwise(ticks))
    assert 2 <= len(ticks) <= 50
    slack = (abs(low) + abs(high)) * 1e-6
    assert ticks[0] <= min(low, high) + slack
    assert ticks[-1] >= max(low, high) - slack
    assert len(axis_labels(ticks, unit)) == len(ticks)


@pytest.mark.parametrize(
    ("low", "high", "unit", "expected"),
    [
        (0, 4.1, "%", ["0 %", "2 %", "4 %", "6 %"]),
        (0, 12840, "", ["0", "5k", "10k", "15k"]),
        (0, 900, "s", ["0 s", "5 min", "10 min", "15 min"]),
        (0, 3_000_000, "bytes", ["0 B", "1 MiB", "2 MiB", "3 MiB"]),
        (-4, 4, "", ["−4", "−2", "0", "2", "4"]),
    ],
)
def test_axis_labels(low: float, high: float, unit: str, expected: list[str]) -> None:
    found = [plain(label) for label in axis_labels(nice(low, high, 4, unit), unit)]
    assert found == expected


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (1.1749, "%", "1.17 %"),
        (0.0312, "ratio", "3.12 %"),
        (1240, "ms", "1.24 s"),
        (82.94, "ms", "82.9 ms"),
        (7800, "s", "2 h 10 m"),
        (2100, "s", "35 min"),
        (90061, "s", "1 d 1 h"),
        (1234567, "count", "1 234 567"),
        (1e15, "", "1 000 000 000 000 000"),
        (1e21, "", "1e21"),
        (3e-9, "", "3e-9"),
        (1536, "bytes", "1.5 KiB"),
        (-5, "%", "−5 %"),
        (12, "req/s", "12 req/s"),
        (None, "%", "—"),
    ],
)
def test_values_have_units(value: float | None, unit: str, expected: str) -> None:
    assert plain(format_value(value, unit)) == expected


@given(FINITE, st.sampled_from(["", "%", "ms", "s", "bytes", "ratio", "req/s"]))
def test_format__never_raises(value: float, unit: str) -> None:
    assert format_value(number(value), unit)


# --- Time -------------------------------------------------------------------------------------

MOMENTS = st.integers(-60_000_000_000, 250_000_000_000)


@given(
    MOMENTS,
    st.integers(1, 40 * 366 * 86400),
    st.sampled_from(
        ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"]
    ),
)
def test_time_ticks__rise_within_the_range(start: int, length: int, name: str) -> None:
    ticks = [at for at, _ in time_ticks(start, start + length, ZoneInfo(name))]
    assert all(a < b for a, b in pairwise(ticks))
    assert all(start <= at <= start + length for at in ticks)
    assert len(ticks) <= 40


def test_time_ticks__stay_on_the_clock_over_summer_time() -> None:
    start = datetime(2026, 3, 28, 12, tzinfo=BERLIN)
    ticks = time_ticks(start.timestamp(), start.timestamp() + 47 * 3600, BERLIN, 8)
    hours = [datetime.fromtimestamp(at, BERLIN).hour for at, _ in ticks]
    assert hours == [12, 18, 0, 6, 12, 18, 0, 6, 12]
    assert ticks[2][1] == "Sun 29 Mar"


def test_time_ticks__weeks_begin_on_monday_and_months_on_the_first() -> None:
    start = datetime(2026, 1, 7, tzinfo=UTC).timestamp()
    weeks = time_ticks(start, start + 40 * 86400, ZoneInfo("UTC"))
    assert {datetime.fromtimestamp(at, UTC).weekday() for at, _ in weeks} == {0}
    months = time_ticks(start, start + 200 * 86400, ZoneInfo("UTC"))
    assert {datetime.fromtimestamp(at, UTC).day for at, _ in months} == {1}


# --- Thinning ---------------------------------------------------------------------------------


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), min_size=1, max_size=4000))
def test_thinning__keeps_extremes_order_and_gaps(values: list[float | None]) -> None:
    points = [(float(i), value) for i, value in enumerate(values)]
    kept = sampling.thin(points, columns=20, limit=80)
    assert len(kept) <= max(80, 20 * 5)
    assert all(a[0] < b[0] for a, b in pairwise(kept))
    assert set(kept) <= set(points)
    measured = [value for value in values if value is not None]
    left = [value for _, value in kept if value is not None]
    if measured:
        assert min(left) == min(measured)
        assert max(left) == max(measured)
    assert (None in values) == (None in [value for _, value in kept])


def test_thinning__shows_one_peak_in_ten_thousand() -> None:
    points = [(float(i), 9000.0 if i == 6100 else 700.0) for i in range(10_000)]
    assert (6100.0, 9000.0) in sampling.thin(points)


# --- The sentence -----------------------------------------------------------------------------

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)


def rate(*values: float | None, minutes: int = 5) -> list[tuple[datetime, float | None]]:
    return [(NOON + timedelta(minutes=minutes * i), value) for i, value in enumerate(values)]


def told(*values: float | None, **more: object) -> str:
    chart = Line(
        title="Error rate",
        period="last 24 h",
        unit="%",
        series=[Series("errors", rate(*values))],
        thresholds=[Threshold(2, "limit")],
        annotations=[Annotation(NOON, "Deploy")],
        **more,  # type: ignore[arg-type]
    )
    return described(parsed(render(chart)))


def test_summary__now_highest_and_how_long_above() -> None:
    # Above from a quarter of the way between the first two to the end of the run, and back.
    assert told(1, 3, 4.1, 3, 1) == (
        "Error rate, last 24 h: 1 % now, highest 4.1 % at 12:10, above the 2 % line for 15 min."
    )


def test_summary__never_above_and_unchanged() -> None:
    assert told(1, 1, 1).endswith("1 % now, unchanged throughout, never above the 2 % line.")


def test_summary__says_since_when_it_is_silent() -> None:
    assert "1.5 % last seen at 12:05" in told(1, 1.5, None)


def test_summary__one_value() -> None:
    assert told(1.2).endswith("1.2 % at 12:00, the only value.")


def test_summary__times_are_those_of_the_zone() -> None:
    assert "at 13:05" in told(1, 2, 1, tz="Europe/Berlin")
    assert "at 12:05" in told(1, 2, 1, tz="No/Where")


def test_summary__target_missed_below() -> None:
    chart = Line(
        title="Success",
        unit="%",
        series=[Series("s", rate(99, 90, 90, 99))],
        thresholds=[Threshold(94.5, "target", "target", "below")],
    )
    assert "below the 94.5 % target for 10 min" in described(parsed(render(chart)))


def test_summary__several_series_tell_once_that_all_keep() -> None:
    chart = Line(
        title="Latency",
        unit="ms",
        series=[Series("a", rate(1, 2)), Series("b", rate(3, 4))],
        thresholds=[Threshold(10)],
    )
    assert described(parsed(render(chart))) == (
        "Latency: a 2 ms now, highest 2 ms at 12:05; b 4 ms now, highest 4 ms at 12:05;"
        " none ever above the 10 ms line."
    )


def test_summary__bars_are_compared_as_they_are_seen() -> None:
    bars = {
        "kind": "bar",
        "title": "Change",
        "unit": "%",
        "categories": ["a", "b"],
        "series": [("x", [4, -8]), ("y", [-1, None])],
    }
    assert described(parsed(render(bars))) == (
        "Change: highest a (x) with 4 %, lowest b (x) with −8 %."
    )
    assert described(parsed(render({**bars, "stacked": True}))) == (
        "Change: highest a with 3 %, lowest b with −8 %."
    )


def test_funnel__share_past_what_numbers_hold__is_left_out() -> None:
    steps = [("Looked", 5e-299), ("Bought", 1e8)]
    drawn = described(parsed(render({"kind": "funnel", "title": "Sales", "steps": steps})))
    assert "∞" not in drawn
    assert "Bought" in drawn


def test_lines_close_to_each_other__words_apart() -> None:
    chart = Line(
        title="Undo success",
        unit="%",
        series=[Series("s", rate(0, 100))],
        thresholds=[Threshold(98, "target", "target"), Threshold(95, "alert")],
    )
    places = [
        float(y) for y in re.findall(r'y="([0-9.]+)"[^>]*class="chart-\w+-label"', render(chart))
    ]
    assert len(places) == 2
    assert abs(places[0] - places[1]) >= 12

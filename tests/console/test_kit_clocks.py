"""Times in words: right without script, at every hour and in every zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from controlplane.console.kit import clocks, figures
from tests.console.kit_pages import page_of

NOW = datetime(2026, 11, 21, 14, 9, 33, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _stopped_clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=40), "40 s ago"),
        (timedelta(minutes=4), "4 min ago"),
        (timedelta(hours=3, minutes=59), "3 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=12), "12 days ago"),
        (timedelta(days=90), "23 Aug 2026"),
        (timedelta(minutes=-12), "in 12 min"),
    ],
)
def test_when__says_how_long_ago(ago: timedelta, words: str) -> None:
    page = page_of("{% when at %}", at=NOW - ago)
    assert page.text == words
    assert page.named("time")[0].attributes["datetime"] == (NOW - ago).isoformat()


def test_when__title_has_utc_and_the_readers_own_time() -> None:
    request = SimpleNamespace(user=SimpleNamespace(time_zone="Europe/Madrid"))
    page = page_of("{% when at %}", at=NOW - timedelta(minutes=4), request=request)
    [time] = page.named("time")
    assert time.attributes["title"] == "2026-11-21 14:05:33 UTC · 15:05 Europe/Madrid"


def test_when__title_has_the_date_again_where_it_differs() -> None:
    page = page_of("{% when at %}", at=NOW, kit_zone="Pacific/Auckland")
    assert page.named("time")[0].attributes["title"].endswith("· 2026-11-22 03:09 Pacific/Auckland")


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("UTC", "2026-11-21 14:09 UTC"),
        ("Europe/Madrid", "2026-11-21 15:09 (14:09 UTC)"),
        ("Pacific/Auckland", "2026-11-22 03:09 (2026-11-21 14:09 UTC)"),
        ("Europe/London", "2026-11-21 14:09 UTC"),
    ],
)
def test_when__exact__by_the_readers_clock_with_utc_beside(zone: str, words: str) -> None:
    assert page_of("{% when at 'exact' %}", at=NOW, kit_zone=zone).text == words


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "", None, "\x00"])
def test_zone__unknown_is_utc(zone: str | None) -> None:
    assert str(clocks.zone_of(zone)) == "UTC"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "—"),
        ("not a time", "not a time"),
        ("2026-11-21T14:05:33Z", "4 min ago"),
        (NOW.replace(tzinfo=None), "just now"),
        (NOW.date(), "14 h ago"),
    ],
)
def test_when__reads_what_pages_hold(value: object, words: str) -> None:
    assert page_of("{% when at %}", at=value).text == words


def test_when__both_shows_the_exact_time_beside() -> None:
    assert page_of("{% when at 'both' %}", at=NOW).text == "just now 2026-11-21 14:09 UTC"


def test_when__exact_does_not_tick() -> None:
    [time] = page_of("{% when at 'exact' %}", at=NOW).named("time")
    assert "data-when" not in time.attributes


@pytest.mark.parametrize(
    ("left", "words", "pressure"),
    [
        (timedelta(hours=5), "due in 5 h", "calm"),
        (timedelta(minutes=16), "due in 16 min", "calm"),
        (timedelta(minutes=15), "due in 15 min", "warn"),
        (timedelta(seconds=30), "due in 30 s", "warn"),
        (timedelta(0), "due now", "due"),
        (timedelta(seconds=-59), "due now", "due"),
        (timedelta(minutes=-3), "overdue 3 min", "due"),
    ],
)
def test_countdown__turns_amber_then_red(left: timedelta, words: str, pressure: str) -> None:
    page = page_of("{% countdown at 15 %}", at=NOW + left)
    [time] = page.named("time")
    assert page.text == words
    assert f"kit-countdown-{pressure}" in time.attributes["class"].split()
    assert time.attributes["data-countdown"] == (NOW + left).isoformat()
    assert time.attributes["data-warn-at"] == (NOW + left - timedelta(minutes=15)).isoformat()


@pytest.mark.parametrize(
    ("hours_left", "pressure"), [(7, "calm"), (6, "warn"), (1, "warn"), (0, "due")]
)
def test_countdown__warns_in_the_last_share_of_the_time(hours_left: int, pressure: str) -> None:
    due = NOW + timedelta(hours=hours_left)
    page = page_of(
        "{% countdown at start=start share=0.25 %}", at=due, start=due - timedelta(hours=24)
    )
    assert f"kit-countdown-{pressure}" in page.named("time")[0].attributes["class"]


@pytest.mark.parametrize(
    ("minutes", "words", "pressure"),
    [(-10, "met, 10 min to spare", "met"), (27, "missed by 27 min", "missed")],
)
def test_countdown__stops_when_done(minutes: int, words: str, pressure: str) -> None:
    due = NOW - timedelta(hours=1)
    done = due + timedelta(minutes=minutes)
    page = page_of("{% countdown due done=done %}", due=due, done=done)
    [time] = page.named("time")
    assert page.text == words
    assert f"kit-countdown-{pressure}" in time.attributes["class"]
    assert "data-countdown" not in time.attributes


edges = st.datetimes(timezones=st.just(UTC)) | st.datetimes()


@given(edges, st.sampled_from(["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"]))
def test_clocks__never_fail(at: datetime, zone: str) -> None:
    line = "{% when at %}{% when at 'both' %}{% countdown at %}{% countdown at 1e12 start=at %}"
    page_of(line, at=at, kit_zone=zone)


@given(edges, st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_countdown__never_fails_over_its_thresholds(
    at: datetime, warn: float, share: float
) -> None:
    page_of("{% countdown at warn %}", at=at, warn=warn)
    page_of("{% countdown at start=NOW share=share %}", at=at, NOW=NOW, share=share)


# --- Figures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.25, "250 ms"),
        (4.25, "4.2 s"),
        (59.6, "1 min"),
        (7_800, "2 h 10 min"),
        (86_400 * 3 + 3_600 * 4, "3 d 4 h"),
        (-90, "-1 min 30 s"),
        (timedelta(minutes=12), "12 min"),
        (None, "—"),
        (float("nan"), "—"),
    ],
)
def test_duration__in_its_two_largest_units(seconds: object, words: str) -> None:
    assert page_of("{% duration seconds %}", seconds=seconds).text == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1_234_567, "1,234,567"),
        (3.14159, "3.14"),
        (91.25, "91.2"),
        (0.0042, "0.0042"),
        (1234.5, "1,234"),
        (1e30, "1e+30"),
        (10**40, "about 10^40"),
        ("12.50", "12.5"),
        (None, "—"),
        (float("inf"), "—"),
        (True, "—"),
        ("words", "—"),
    ],
)
def test_number__has_no_more_places_than_say_something(value: object, words: str) -> None:
    assert page_of("{% number value %}", value=value).text == words


def test_number__unit_stands_after_a_narrow_space() -> None:
    assert page_of("{% number 12 'ms' %}").text == "12\u202fms"


@given(st.floats() | st.integers() | st.text() | st.decimals() | st.none())
def test_figures__never_fail(value: object) -> None:
    page_of(
        "{% number v 'x' %}{% size v %}{% duration v %}{% meter v v target=v %}"
        "{% kpi 'a' v target=v %}{% progress 'a' v v %}",
        v=value,
    )


@pytest.mark.parametrize(
    ("value", "direction", "met"),
    [(30, "at_least", True), (29, "at_least", False), (4, "at_most", True), (5, "at_most", False)],
)
def test_kpi__says_whether_its_target_is_met(value: int, direction: str, met: bool) -> None:
    goal = {"at_least": 30, "at_most": 4}[direction]
    page = page_of("{% kpi 'a' v 'h' target=t direction=d %}", v=value, t=goal, d=direction)
    assert ("on target" in page.text) is met
    assert ("off target" in page.text) is not met


@pytest.mark.parametrize(
    ("value", "unit", "read"),
    [
        (0.000048, "h", "172.8 ms"),
        (0.02, "h", "72 s"),
        (0.5, "h", "0.5 h"),
        (-0.001, "min", "−60 ms"),
        (0, "h", "0 h"),
        (0.000048, "%", "0.000048 %"),
    ],
)
def test_number__of_a_short_time_is_in_a_smaller_unit(value: float, unit: str, read: str) -> None:
    said = page_of("{% number v u %}", v=value, u=unit).text
    assert " ".join(said.replace("\u202f", " ").replace("-", "−").split()) == read


def test_kpi__without_a_value_judges_nothing() -> None:
    assert "no value yet" in page_of("{% kpi 'a' none target=3 %}", none=None).text


def test_meter__past_its_maximum_is_full_and_bad() -> None:
    read = figures.meter(61, 50)
    assert (read.share, read.tone) == (100.0, "bad")
    assert figures.meter(61, 0).share == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (timedelta(days=90), "90 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=6, hours=13), "7 days"),
        (timedelta(hours=24), "1 day"),
        (timedelta(hours=3), "3 h"),
        (timedelta(hours=2, minutes=40), "2 h"),  # a deadline doesn't look later than it is
        (timedelta(minutes=15), "15 min"),
        (timedelta(minutes=1), "1 min"),
        (timedelta(seconds=50), "49 s"),
    ],
)
def test_ahead__given_a_moment_ago__still_whole(given: timedelta, words: str) -> None:
    due = NOW + given - timedelta(milliseconds=700)
    assert clocks.countdown(due).text == f"due in {words}"
    if given < timedelta(days=30):
        assert page_of("{% when at %}", at=due).text == f"in {words}"


def test_run__of_the_portal_itself__late_rather_than_overdue_and_never_pressing_before() -> None:
    told = {
        minutes: clocks.countdown(NOW + timedelta(minutes=minutes, seconds=1), verb="runs")
        for minutes in (5, 0, -3)
    }
    assert [(one.text, one.pressure) for one in told.values()] == [
        ("runs in 5 min", "calm"), ("runs in 1 s", "calm"), ("late by 2 min", "due"),
    ]  # fmt: skip

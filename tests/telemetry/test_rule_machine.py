"""The state machine of alerts against a naive model that looks at the whole past each time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.rules.machine import Found, NoData, Pace, Standing, step

T0 = datetime(2026, 9, 7, 12, tzinfo=UTC)
FOUND: tuple[Found, ...] = ("breach", "clear", "absent", "unjudged", "error")


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def walked(looks: list[tuple[float, Found]], pace: Pace) -> list[Standing]:
    standing, found = Standing.fresh(T0), []
    for seconds, what in looks:
        standing = step(standing, what, at(seconds), pace)
        found.append(standing)
    return found


def pace(lasting: int = 0, resolve: int = 0, no_data: NoData = "ok", gap: int = 120) -> Pace:
    return Pace(
        timedelta(seconds=lasting), timedelta(seconds=resolve), no_data, timedelta(seconds=gap)
    )


@dataclass
class Naive:
    """What should be, told from the list of looks alone. Firing is remembered; everything else
    is counted anew from the past at each look."""

    pace: Pace
    firing: bool = False
    episodes: int = 0

    def __post_init__(self) -> None:
        self.past: list[tuple[float, Literal["bad", "good", "blind"]]] = []
        self.spoken = False

    def look(self, seconds: float, found: Found) -> str:
        self.past.append((seconds, self.meaning(found)))
        if self.firing:
            if self.lasted("good") >= self.pace.resolve.total_seconds() and self.is_now("good"):
                self.firing, self.past = False, []
                self.spoken = True
                return "ok"
            return "firing"
        if self.is_now("bad") and self.lasted("bad") >= self.pace.lasting.total_seconds():
            self.firing, self.past = True, []
            self.episodes += 1
            return "firing"
        return "not firing"

    def meaning(self, found: Found) -> Literal["bad", "good", "blind"]:
        if found == "breach":
            self.spoken = True
            return "bad"
        if found == "clear":
            self.spoken = True
            return "good"
        if found == "absent" and self.pace.no_data == "fire" and self.spoken:
            return "bad"
        if found == "error":
            return "blind" if self.firing else "good"
        if self.pace.no_data == "ok":
            return "good"
        return "blind"

    def is_now(self, what: str) -> bool:
        return self.past[-1][1] == what

    def lasted(self, what: str) -> float:
        """How long the unbroken run of these looks is, up to now; a pause longer than the gap
        breaks it, what was blind does not."""
        run: list[float] = []
        for seconds, meaning in reversed(self.past):
            if meaning == "blind":
                continue
            if meaning != what or (run and run[-1] - seconds > self.pace.gap.total_seconds()):
                break
            run.append(seconds)
        return run[0] - run[-1] if run else -1.0


LOOKS = st.lists(
    st.tuples(st.sampled_from([5, 15, 15, 15, 30, 60, 119, 120, 121, 400]), st.sampled_from(FOUND)),
    max_size=60,
)


@given(
    gaps=LOOKS,
    lasting=st.sampled_from([0, 30, 60, 300]),
    resolve=st.sampled_from([0, 30, 120]),
    no_data=st.sampled_from(["keep", "ok"]),
)
def test_any_sequence__fires_and_is_resolved_as_the_naive_model_says(
    gaps: list[tuple[int, Found]], lasting: int, resolve: int, no_data: NoData
) -> None:
    clocks = pace(lasting, resolve, no_data)
    seconds, looks = 0, []
    for gap, found in gaps:
        seconds += gap
        looks.append((float(seconds), found))
    naive = Naive(clocks)
    for standing, (moment, found) in zip(walked(looks, clocks), looks, strict=True):
        expected = naive.look(moment, found)
        assert (standing.status == "firing") is (expected == "firing"), (moment, found)
        assert standing.episode == naive.episodes


@given(
    gaps=LOOKS, lasting=st.sampled_from([0, 60]), no_data=st.sampled_from(["keep", "ok", "fire"])
)
def test_any_sequence__clocks_are_in_order(
    gaps: list[tuple[int, Found]], lasting: int, no_data: NoData
) -> None:
    seconds, looks = 0, []
    for gap, found in gaps:
        seconds += gap
        looks.append((float(seconds), found))
    for standing in walked(looks, pace(lasting, 30, no_data)):
        assert standing.since <= standing.seen_at or standing.status == "firing"
        if standing.status == "firing":
            assert standing.fired_at is not None
            assert standing.resolved_at is None
            assert standing.breached_at is None or standing.breached_at <= standing.fired_at
        if standing.resolved_at is not None and standing.fired_at is not None:
            assert standing.fired_at <= standing.resolved_at


def test_five_percent_for_five_minutes__fires_at_five_minutes_not_before() -> None:
    looks: list[tuple[float, Found]] = [(n * 15.0, "breach") for n in range(30)]
    found = walked(looks, pace(300))
    assert [each.status for each in found[:20]] == ["pending"] * 20
    assert found[20].status == "firing"
    assert found[20].fired_at == at(300)
    assert found[20].breached_at == at(0)


def test_one_good_look__begins_to_count_again() -> None:
    looks: list[tuple[float, Found]] = [
        (0, "breach"),
        (60, "breach"),
        (75, "clear"),
        (90, "breach"),
    ]
    assert [each.status for each in walked(looks, pace(90))] == [
        "pending",
        "pending",
        "ok",
        "pending",
    ]


def test_missed_evaluations__do_not_fire() -> None:
    """Ten minutes in which nobody looked are no ten minutes of breach."""
    looks: list[tuple[float, Found]] = [(0, "breach"), (600, "breach"), (615, "breach")]
    found = walked(looks, pace(300))
    assert [each.status for each in found] == ["pending"] * 3
    assert found[-1].breached_at == at(600)


def test_restart__the_clock_goes_on() -> None:
    looks: list[tuple[float, Found]] = [
        (0, "breach"),
        (100, "breach"),
        (200, "breach"),
        (300, "breach"),
    ]
    assert walked(looks, pace(300))[-1].status == "firing"


@pytest.mark.parametrize(
    ("no_data", "before", "after"),
    [
        ("keep", "ok", "no_data"),
        ("keep", "pending", "pending"),
        ("keep", "firing", "firing"),
        ("ok", "pending", "no_data"),
        ("ok", "firing", "ok"),
        ("fire", "no_data", "no_data"),
        ("fire", "ok", "firing"),
        ("fire", "firing", "firing"),
    ],
)
def test_no_data__as_the_rule_says(no_data: NoData, before: str, after: str) -> None:
    standing = Standing(before, T0, T0, breached_at=T0, fired_at=T0, episode=1)
    assert step(standing, "absent", at(15), pace(0, 0, no_data)).status == after


def test_too_little_to_judge_by__never_fires() -> None:
    standing = Standing("ok", T0, T0)
    assert step(standing, "unjudged", at(15), pace(no_data="fire")).status == "no_data"


def test_error__is_seen__but_ends_no_alert() -> None:
    assert step(Standing("ok", T0, T0), "error", at(15), pace()).status == "error"
    firing = Standing("firing", T0, T0, fired_at=T0, episode=1)
    assert step(firing, "error", at(15), pace()) == firing


def test_late_look__changes_nothing() -> None:
    standing = Standing("ok", T0, at(60))
    assert step(standing, "breach", at(30), pace()) == standing

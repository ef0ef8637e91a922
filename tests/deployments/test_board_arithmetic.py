"""The four keys as arithmetic, whatever the changes are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from controlplane.lib import clock
from deployments.models import Merge
from deployments.overview import dora, words
from deployments.overview.dora import WEEK, Change
from deployments.overview.merges import followed

START = datetime(2026, 8, 31, tzinfo=UTC)  # a Monday
END = START + 12 * WEEK
MOMENTS = st.datetimes(
    min_value=datetime(2026, 8, 20), max_value=datetime(2026, 12, 1), timezones=st.just(UTC)
)
MAYBE = st.none() | MOMENTS


@st.composite
def change(draw: st.DrawFn) -> Change:
    landed = draw(st.booleans())
    failed = draw(st.sampled_from(["", "rolled back", "given up"]))
    return Change(
        ref="DEP-1",
        out_at=draw(MOMENTS),
        landed=landed,
        open=draw(st.booleans()),
        failed=failed,
        heard_at=draw(MAYBE),
        restored_at=draw(MAYBE),
    )


CHANGES = st.lists(change(), max_size=40)


@given(CHANGES, st.integers(1, 6))
def test_figures__are_of_what_went_out_in_the_time_and_of_enough(
    changes: list[Change], least: int
) -> None:
    found = dora.figures(changes, START, END, least)
    within = [one for one in changes if START <= one.out_at < END]
    for figure in found.values():
        assert set(map(id, figure.rows)) <= set(map(id, within))
        assert (figure.value is None) == (not figure.enough)
        assert 0 <= figure.n <= figure.of <= len(within)
    landed = [one for one in within if one.landed]
    assert found["frequency"].value == len(landed) / 12
    leads = [one.lead for one in landed if one.lead is not None]
    enough = len(leads) >= least
    assert found["lead_time"].value == (median(leads) if enough else None)
    judged = [one for one in within if one.failed or not one.open]
    rate = found["failure_rate"]
    assert rate.n == len(judged)
    if rate.value is not None:
        assert 0 <= rate.value <= 1
        assert rate.value * rate.n == sum(bool(one.failed) for one in judged)


@given(CHANGES)
def test_lead_and_restore__never_less_than_nothing(changes: list[Change]) -> None:
    for one in changes:
        assert one.lead is None or one.lead >= 0
        assert one.down is None or (one.down >= 0 and one.failed)


@given(CHANGES)
def test_weeks__hold_every_change_once(changes: list[Change]) -> None:
    weeks = dora.by_week(changes, START, END)
    assert len(weeks) == 12
    within = [one for one in changes if START <= one.out_at < END]
    assert sum(week.landed for week in weeks) == sum(one.landed for one in within)
    assert sum(week.failed for week in weeks) == sum(bool(one.failed) for one in within)
    assert [week.begins for week in weeks] == [START + n * WEEK for n in range(12)]


@given(MOMENTS)
def test_week_of__its_monday(at: datetime) -> None:
    monday = dora.week_of(at)
    assert monday <= at < monday + WEEK
    assert monday.weekday() == 0
    year, number, _ = at.isocalendar()
    assert dora.week_name(monday) == f"{year}-W{number:02}"


@given(st.lists(st.integers(0, 6), min_size=12, max_size=12))
def test_target__only_whole_weeks_are_judged(closed: list[int]) -> None:
    counts = {START + n * WEEK: number for n, number in enumerate(closed)}
    end = END - timedelta(days=2)  # the last week is under way
    weeks = dora.by_week([], START, end, counts)
    met, of = dora.on_target(weeks, 2, 3)
    assert of == 11
    assert met == sum(2 <= number <= 3 for number in closed[:11])


def test_frequency__of_less_than_a_week__too_short_to_say() -> None:
    one = Change("DEP-1", START)
    figure = dora.frequency([one], START, START + timedelta(days=6))
    assert (figure.value, figure.n) == (None, 1)
    assert words.value(figure) == "Too few to say"


def test_words__in_units_that_read() -> None:
    said = [words.lasting(seconds) for seconds in (None, 90, 7_200, 200_000)]
    assert said == ["–", "2 min", "2.0 h", "2.3 days"]


def test_change__better_is_more_often_and_less_of_the_rest() -> None:
    def figure(slug: str, value: float) -> dora.Figure:
        return dora.Figure(slug, value, 5, 5)

    assert words.change(figure("frequency", 3), figure("frequency", 2))[1] == "better"
    assert words.change(figure("lead_time", 3), figure("lead_time", 2))[1] == "worse"
    assert words.change(figure("lead_time", 2), figure("lead_time", 2.1))[1] == "same"
    assert words.change(figure("lead_time", 2), dora.Figure("lead_time", None, 0, 0)) == ("", "")


# --- Merges -------------------------------------------------------------------------------------


def merge(number: int, *, repository: str = "acme/portal", hours: float = 48) -> Merge:
    return Merge(
        repository=repository,
        number=number,
        title="A change",
        commit_sha=f"{number:02x}".ljust(40, "a"),
        merged_at=clock.now() - timedelta(hours=hours),
    )


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_merges__missing_are_those_after_the_last_that_was_deployed(own: list[bool]) -> None:
    """From the newest to the oldest, as they are read."""
    merges = [merge(number, hours=48 + number) for number in range(1, len(own) + 1)]
    landed = [
        (one.commit_sha, f"DEP-{one.number}") for one, deployed in zip(merges, own, strict=True)
        if deployed
    ]  # fmt: skip
    found = followed(merges, landed, now=clock.now())
    newest = own.index(True) if True in own else len(own)
    assert [one.state == "missing" for one in found] == [n < newest for n in range(len(own))]
    for one, deployed in zip(found, own, strict=True):
        assert (one.state == "deployed") == deployed


def test_merges__by_the_beginning_of_a_commit_and_within_one_repository() -> None:
    newer, other = merge(2, hours=3), merge(3, repository="acme/desk", hours=4)
    older = merge(1, hours=5)
    landed = [(newer.commit_sha[:12], "DEP-9")]
    found = followed([newer, other, older], landed, now=clock.now())
    assert [one.state for one in found] == ["deployed", "missing", "brought along"]
    assert found[2].deployment == "DEP-9"


def test_merges__young_ones_are_not_missing_yet() -> None:
    [found] = followed([merge(1, hours=0.5)], [], now=clock.now())
    assert found.state == "pending"

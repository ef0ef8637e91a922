"""What the judge of a canary says to figures."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from controlplane.lib.errors import Invalid
from deployments.canary import simulate
from deployments.canary.evidence import Evidence, interval
from deployments.canary.judge import RULES, Ruling, Situation, Verdict, judge, split
from deployments.canary.limits import Limits
from deployments.canary.seen import MOST_PEOPLE, Figures, Seen, look
from deployments.canary.simulate import Plan, Traffic, outcome

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOLD = 30 * MINUTE
CLEAN = Figures(n=20)


def ruled(
    *looks: Figures,
    limits: Limits | None = None,
    now: timedelta | None = None,
    held: timedelta | None = None,
    held_for: str = "",
    percent: int = 10,
    waiting_for: tuple[str, ...] = (),
) -> Ruling:
    """After one look a minute, judged at the last of them unless said otherwise."""
    limits = limits or Limits()
    seen = Seen()
    for number, figures in enumerate(looks, 1):
        seen = look(seen, figures, at=START + number * MINUTE, limits=limits)
    situation = Situation(
        now=START + (now if now is not None else len(looks) * MINUTE),
        started_at=START,
        dwell=HOLD,
        percent=percent,
        held_since=START + held if held is not None else None,
        held_for=held_for,
        waiting_for=waiting_for,
    )
    return judge(Seen.read(json.loads(json.dumps(seen.written()))), situation, limits)


def said(ruling: Ruling) -> tuple[Verdict, str]:
    assert ruling.rule in RULES
    assert ruling.reason
    return ruling.verdict, ruling.rule


# --- Rolling back ---------------------------------------------------------------------------------


def test_violation__one_is_enough_and_needs_no_sample() -> None:
    assert said(ruled(Figures(n=1, violations=1))) == (Verdict.ROLLBACK, "safeguard")
    assert said(ruled(Figures(violations=1))) == (Verdict.ROLLBACK, "safeguard")


def test_many_errors__proven_within_minutes() -> None:
    bad = ruled(Figures(n=20, errors=7))
    assert said(bad) == (Verdict.ROLLBACK, "proof")
    assert "7 of 20 requests failed (35 %, 2 % allowed)" in bad.reason
    assert bad.numbers["errors"]["proof"] == 1


def test_two_of_two_failed__is_no_proof() -> None:
    assert ruled(Figures(n=2, errors=2)).verdict is Verdict.KEEP


def test_slow_requests__are_judged_like_failed_ones() -> None:
    slow = ruled(Figures(n=100, slow=40))
    assert said(slow) == (Verdict.ROLLBACK, "proof")
    assert "more than 2 x the baseline's p95" in slow.reason


def test_breaking_late__is_heard_under_a_long_good_history() -> None:
    good, late = [Figures(n=2_000, errors=8)] * 50, [Figures(n=2_000, errors=160)]
    assert said(ruled(*good, *late)) == (Verdict.ROLLBACK, "proof")
    assert ruled(*good, Figures(n=2_000, errors=8)).rule == "passed"


def test_plain_limit__three_looks_in_a_row_of_enough_requests() -> None:
    above = Figures(n=500, errors=12)
    assert ruled(above).verdict is Verdict.KEEP
    assert ruled(above, Figures()).verdict is Verdict.KEEP
    assert said(ruled(above, Figures(), Figures())) == (Verdict.ROLLBACK, "limit")
    below = Figures(n=200)
    assert ruled(above, Figures(), below, Figures(n=1)).verdict is Verdict.KEEP
    few = Figures(n=400, errors=10)
    assert ruled(few, Figures(), Figures()).verdict is Verdict.KEEP


def test_exactly_at_the_limit__is_not_above_it() -> None:
    assert ruled(*[Figures(n=100, errors=2)] * 30).verdict is Verdict.ADVANCE


def test_strict__from_the_smallest_sample_and_sequential__never_by_the_plain_limit() -> None:
    looks = [Figures(n=150, errors=4), Figures(), Figures()]
    assert said(ruled(*looks, limits=Limits(judge="strict"))) == (Verdict.ROLLBACK, "limit")
    many = [Figures(n=500, errors=11), Figures(), Figures()]
    assert ruled(*many, limits=Limits(judge="sequential")).verdict is Verdict.KEEP


def test_reported_rates__beyond_a_limit_roll_back_without_counts() -> None:
    assert said(ruled(Figures(error_rate=0.021))) == (Verdict.ROLLBACK, "asserted")
    assert said(ruled(Figures(latency_ratio=2.01))) == (Verdict.ROLLBACK, "asserted")


def test_reported_rates__are_no_sample() -> None:
    within = [Figures(error_rate=0.02, latency_ratio=2.0)] * 30
    assert said(ruled(*within)) == (Verdict.HOLD, "few")
    assert ruled(*within).reason == "0 requests counted, 150 are needed"
    asked = ruled(*within * 2, held=30 * MINUTE, held_for="few")
    assert said(asked) == (Verdict.ASK, "few")
    one_rate = [*[Figures(n=4)] * 29, Figures(n=4, error_rate=0.0)]
    assert said(ruled(*one_rate)) == (Verdict.HOLD, "few")
    counted = [Figures(n=5, error_rate=0.02, latency_ratio=2.0)] * 30
    assert said(ruled(*counted)) == (Verdict.ADVANCE, "passed")


def test_everybody_fails__rolled_back_and_marked() -> None:
    same = ruled(Figures(n=100, errors=40, others=900, others_errors=360))
    assert said(same) == (Verdict.ROLLBACK, "proof")
    assert same.numbers["confounded"] is True
    assert "may not be the cause" in same.reason
    alone = ruled(Figures(n=100, errors=40, others=900, others_errors=3))
    assert alone.numbers["confounded"] is False


@pytest.mark.parametrize("waiting_for", [(), ("a freeze until Monday",)])
def test_waiting_for_a_person__never_switches_rollback_off(waiting_for: tuple[str, ...]) -> None:
    ruling = ruled(*[CLEAN] * 40, Figures(n=20, errors=18), waiting_for=waiting_for)
    assert ruling.verdict is Verdict.ROLLBACK


# --- Holding and going on ------------------------------------------------------------------------


def test_dwell_over_and_clean__goes_on() -> None:
    assert said(ruled(*[CLEAN] * 29)) == (Verdict.KEEP, "dwell")
    assert said(ruled(*[CLEAN] * 30)) == (Verdict.ADVANCE, "passed")


def test_something_in_the_way__holds_and_says_what() -> None:
    ruling = ruled(*[CLEAN] * 30, waiting_for=("a freeze until Monday", "no consent yet"))
    assert said(ruling) == (Verdict.HOLD, "waiting")
    assert ruling.reason == "a freeze until Monday; no consent yet"
    # However long: nobody is rolled back for a slow signature.
    later = ruled(*[CLEAN] * 90, held=30 * MINUTE, waiting_for=("no consent yet",))
    assert said(later) == (Verdict.HOLD, "waiting")


def test_few_requests__hold_then_a_person_decides() -> None:
    trickle = [Figures(n=2)] * 30
    assert said(ruled(*trickle)) == (Verdict.HOLD, "few")
    assert said(ruled(*trickle * 2, held=30 * MINUTE)) == (Verdict.ASK, "few")


def test_no_figures__hold_after_five_minutes_then_a_person_decides() -> None:
    assert ruled(now=4 * MINUTE).verdict is Verdict.KEEP
    assert said(ruled(now=5 * MINUTE)) == (Verdict.HOLD, "no_data")
    assert said(ruled(*[CLEAN] * 10, *[Figures()] * 5)) == (Verdict.HOLD, "no_data")
    assert said(ruled(*[CLEAN] * 10, now=45 * MINUTE, held=15 * MINUTE)) == (
        Verdict.ASK,
        "no_data",
    )


def test_figures_that_come_back__end_the_doubt() -> None:
    assert said(ruled(*[CLEAN] * 10, *[Figures()] * 6, CLEAN)) == (Verdict.KEEP, "dwell")


def test_above_the_limit_when_the_dwell_ends__one_hold_more_then_back() -> None:
    looks = [Figures(n=8, errors=int(number % 5 == 0)) for number in range(30)]
    assert said(ruled(*looks)) == (Verdict.HOLD, "above")
    held = ruled(*looks, held=0 * MINUTE, held_for="above")
    assert said(held) == (Verdict.ROLLBACK, "above")


def test_above_the_limit_after_another_doubt__has_a_hold_of_its_own() -> None:
    looks = [Figures(n=8, errors=int(number % 5 == 0)) for number in range(30)]
    few = ruled(*looks, held=0 * MINUTE, held_for="few")
    assert said(few) == (Verdict.HOLD, "above")
    assert few.held_since == START + 30 * MINUTE
    other = ruled(*[Figures(n=2)] * 40, held=20 * MINUTE, held_for="split")
    assert (said(other), other.held_since) == ((Verdict.HOLD, "few"), START + 20 * MINUTE)


def test_wrong_split__holds() -> None:
    right = [Figures(n=20, on=20, off=180)] * 30
    assert said(ruled(*right)) == (Verdict.ADVANCE, "passed")
    wrong = [Figures(n=20, on=40, off=160)] * 30
    ruling = ruled(*wrong)
    assert said(ruling) == (Verdict.HOLD, "split")
    assert "20 % of those asked about are in the cohort instead of 10 %" in ruling.reason


def test_split__by_people__each_once_and_as_last_seen() -> None:
    """Of many people those with the smallest numbers are kept: a fair sample, and a small one."""
    inside = {who: who % 10 == 0 for who in range(0, 1_000)}
    for looks in ([inside] * 30, [inside | dict.fromkeys(range(25), True), inside]):
        seen = Seen()
        for people in looks:
            seen = look(seen, Figures(n=900, people=people), at=START, limits=Limits())
        assert (seen.on, seen.off) == (MOST_PEOPLE // 10, MOST_PEOPLE * 9 // 10)
        assert Seen.read(json.loads(json.dumps(seen.written()))) == seen
        assert split(seen, 10) == 0
    wrong = ruled(*[Figures(n=5, people={who: who % 5 == 0 for who in range(150)})] * 30)
    assert said(wrong) == (Verdict.HOLD, "split")


def test_split__says_nothing_of_few_or_of_all() -> None:
    assert split(Seen(on=4, off=1), 10) == 0
    assert split(Seen(on=100, off=100), 100) == 0
    assert split(Seen(on=0, off=0), 10) == 0


# --- Limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"judge": "kind"},
        {"max_error_rate": 0},
        {"max_error_rate": "2 %"},
        {"max_error_rate": float("nan")},
        {"alpha": True},
        {"literal_samples": 100},
        {"stale_after": 1},
        {"stale_after": "soon"},
        {"stale_after": 1e300},
        {"stale_after": -1e300},
        {"stale_after": float("nan")},
        {"max_holds": -1},
        {"colour": 1},
        {"confirm_ticks": 1e9},
    ],
)
def test_limits__that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        Limits.read(wrong)
    assert list(refused.value.details) == [f"limits.{next(iter(wrong))}"]


def test_limits__come_back_as_written() -> None:
    limits = Limits(judge="strict", max_error_rate=0.01, stale_after=timedelta(minutes=7))
    assert Limits.read(json.loads(json.dumps(limits.written()))) == limits


# --- Any figures ---------------------------------------------------------------------------------

counts = st.integers(0, 5_000)
figures = st.builds(
    lambda n, bad, slow, violations, on, off: Figures(
        n=n, errors=min(n, bad), slow=min(n, slow), violations=violations, on=on, off=off
    ),
    counts,
    counts,
    counts,
    st.integers(0, 1),
    counts,
    counts,
)


@given(st.lists(figures, max_size=60), st.sampled_from(["guarded", "strict", "sequential"]))
def test_any_figures__one_of_the_rules_and_the_same_again(looks: list[Figures], name: Any) -> None:
    limits = Limits(judge=name)
    first = ruled(*looks, limits=limits)
    said(first)
    assert first == ruled(*looks, limits=limits)
    json.dumps(first.numbers, allow_nan=False)


@given(st.lists(figures, min_size=1, max_size=20), st.integers(0, 19))
def test_one_violation_anywhere__always_rolls_back(looks: list[Figures], place: int) -> None:
    place %= len(looks)
    looks[place] = replace(looks[place], violations=1)
    assert ruled(*looks).verdict is Verdict.ROLLBACK


@given(st.integers(0, 2_000), st.integers(0, 2_000))
def test_interval__holds_its_share(bad: int, n: int) -> None:
    bad = min(bad, n)
    low, high = interval(bad, n)
    assert 0 <= low <= (bad / n if n else 0.5) <= high <= 1


@given(st.lists(st.tuples(counts, counts), max_size=30))
def test_evidence__in_many_looks_or_one__is_the_same_bet(looks: list[tuple[int, int]]) -> None:
    looks = [(n, min(n, bad)) for n, bad in looks]
    step = Evidence()
    for n, bad in looks:
        step = step.after(n, bad, limit=0.02)
    once = Evidence().after(sum(n for n, _ in looks), sum(bad for _, bad in looks), limit=0.02)
    assert (step.n, step.bad) == (once.n, once.bad)
    assert step.log_total == pytest.approx(once.log_total, abs=1e-6)


# --- Whole rollouts ------------------------------------------------------------------------------


@pytest.mark.parametrize("per_minute", [50, 200, 2_000])
def test_healthy__never_rolled_back(per_minute: int) -> None:
    found = outcome(Traffic(per_minute, 0.005), runs=15, seed=7, limits=Limits())
    assert found.share(Verdict.ADVANCE) == 1


@pytest.mark.parametrize("per_minute", [20, 50, 200, 2_000])
def test_three_percent__never_completes(per_minute: int) -> None:
    found = outcome(Traffic(per_minute, 0.03), runs=15, seed=7, limits=Limits())
    assert found.share(Verdict.ADVANCE) == 0


def test_ten_percent__is_back_in_minutes() -> None:
    found = outcome(Traffic(200, 0.1), runs=15, seed=7, limits=Limits())
    assert found.share(Verdict.ROLLBACK) == 1
    assert found.median_minutes is not None
    assert found.median_minutes <= 8


def test_people_counted_by_their_requests__would_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table sees what is wrong in the judge's figures: people who come often are drawn."""
    honest = simulate._figures

    def by_requests(*args: Any) -> Figures:
        found = honest(*args)
        return replace(found, people=None, on=found.n, off=found.others)

    monkeypatch.setattr(simulate, "_figures", by_requests)
    found = outcome(Traffic(200, 0.005), runs=15, seed=7, limits=Limits())
    assert found.rules["split"] >= 2


def test_no_traffic__asks() -> None:
    found = outcome(Traffic(0, 0.1), runs=2, seed=7, limits=Limits(), plan=Plan(((10, 30),)))
    assert found.ends == {Verdict.ASK: 2}


def test_command__prints_the_same_table_twice() -> None:
    def printed(*more: str) -> str:
        out = StringIO()
        call_command("canary_simulate", "--runs=2", "--traffic=200", *more, stdout=out)
        return out.getvalue()

    first = printed("--rates", "0.005", "0.3")
    assert first == printed("--rates", "0.005", "0.3")
    assert "| 200 | 0.5% | 100.0% | 0.0% | 0.0% | - |" in first
    rows = json.loads(printed("--rates", "0.3", "--json"))
    assert rows[0]["rolled_back"] == 1


@pytest.mark.parametrize(
    "wrong", ["--runs=0", "--rates=2", "--traffic=-1", "--judge=kind", '--limits={"alpha": 9}']
)
def test_command__refuses_what_makes_no_sense(wrong: str) -> None:
    with pytest.raises(CommandError):
        call_command("canary_simulate", wrong, stdout=StringIO())

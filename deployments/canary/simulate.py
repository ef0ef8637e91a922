"""Whole rollouts by dice: how often a judge rolls back what is healthy, and how soon what isn't.

Seeded, so that the same call prints the same table. The judge is the one that runs; only traffic
is made up: so many requests a minute in all, of which the cohort gets its share, each failing with
the given probability.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import log
from statistics import median

from deployments.canary.judge import Figures, Ruling, Seen, Situation, Verdict, judge, look
from deployments.canary.limits import Limits

MINUTE = timedelta(minutes=1)
START = datetime(2025, 1, 6, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Plan:
    """Percent and minutes of each step."""

    steps: tuple[tuple[int, int], ...] = ((10, 30), (50, 30), (100, 60))

    @property
    def minutes(self) -> int:
        return sum(minutes for _, minutes in self.steps)


@dataclass(frozen=True, slots=True)
class Traffic:
    per_minute: int
    error_rate: float
    # From this minute of the rollout on, another rate: what breaks late.
    later: tuple[int, float] | None = None
    slow_rate: float = 0.02

    def rate_at(self, minute: int) -> float:
        return self.later[1] if self.later and minute >= self.later[0] else self.error_rate


@dataclass(slots=True)
class Outcome:
    ends: Counter[Verdict] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    # Minutes from the fault (or the start) to the rollback.
    minutes: list[int] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)

    def share(self, verdict: Verdict) -> float:
        return self.ends[verdict] / max(1, self.ends.total())

    @property
    def median_minutes(self) -> float | None:
        return median(self.minutes) if self.minutes else None


def outcome(
    traffic: Traffic, *, runs: int, seed: int, limits: Limits, plan: Plan | None = None
) -> Outcome:
    """Of so many rollouts of one kind."""
    dice = random.Random(f"{seed} {traffic} {limits.judge}")  # noqa: S311 (nothing secret)
    found = Outcome()
    for _ in range(runs):
        ruling, minute, errors = rollout(traffic, dice, limits=limits, plan=plan or Plan())
        found.ends[ruling.verdict] += 1
        found.rules[ruling.rule] += 1
        if ruling.verdict is Verdict.ROLLBACK:
            found.minutes.append(minute + 1 - traffic.later[0] if traffic.later else minute)
            found.errors.append(errors)
    return found


def rollout(
    traffic: Traffic, dice: random.Random, *, limits: Limits, plan: Plan
) -> tuple[Ruling, int, int]:
    """From the first step to its end: the last ruling, the minute, the failed requests seen."""
    minute = errors = 0
    ruling = Ruling(verdict=Verdict.ADVANCE, rule="passed", reason="")
    for percent, dwell in plan.steps:
        seen, held_since, started = Seen(), None, minute
        while True:
            minute += 1
            at = START + minute * MINUTE
            figures = _figures(traffic, percent, minute, dice)
            errors += figures.errors
            seen = look(seen, figures, at=at, limits=limits)
            situation = Situation(
                now=at,
                started_at=START + started * MINUTE,
                dwell=dwell * MINUTE,
                percent=percent,
                held_since=held_since,
                steps=len(plan.steps),
                planned=plan.minutes * MINUTE,
            )
            ruling = judge(seen, situation, limits)
            if ruling.verdict is Verdict.HOLD:
                held_since = held_since or at
            elif ruling.verdict is Verdict.KEEP:
                held_since = None
            else:
                break
        if ruling.verdict is not Verdict.ADVANCE:
            break
    return ruling, minute, errors


def _figures(traffic: Traffic, percent: int, minute: int, dice: random.Random) -> Figures:
    asked = traffic.per_minute
    n = _of(asked, percent / 100, dice)
    rate = traffic.rate_at(minute)
    return Figures(
        n=n,
        errors=_of(n, rate, dice),
        slow=_of(n, traffic.slow_rate, dice),
        others=asked - n,
        on=n,
        off=asked - n,
    )


def _of(n: int, share: float, dice: random.Random) -> int:
    """How many of n, each with this chance: steps from one to the next, so that a rare event
    among many costs as many draws as it happens."""
    if share <= 0 or n <= 0:
        return 0
    if share >= 1:
        return n
    if share > 0.5:
        return n - _of(n, 1 - share, dice)
    if n * share * (1 - share) > 200:  # far from either end a rounded normal is as good
        return min(n, max(0, round(dice.gauss(n * share, (n * share * (1 - share)) ** 0.5))))
    found, place, step = 0, 0, log(1 - share)
    while (place := place + int(log(1 - dice.random()) / step) + 1) <= n:
        found += 1
    return found


def table(
    rates: Sequence[float], volumes: Sequence[int], *, runs: int, seed: int, limits: Limits
) -> Iterator[tuple[Traffic, Outcome]]:
    for volume in volumes:
        for rate in rates:
            traffic = Traffic(volume, rate)
            yield traffic, outcome(traffic, runs=runs, seed=seed, limits=limits)

"""Whole rollouts by dice: how often a judge rolls back what is healthy, and how soon what isn't.

Seeded, so that the same call prints the same table. The judge is the one that runs; only traffic
is made up: so many requests a minute in all, from people who come several times, of whom the flag
lets its share in for good; each request fails with the given probability.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import log
from statistics import median

from deployments.canary.judge import Ruling, Situation, Verdict, judge
from deployments.canary.limits import Limits
from deployments.canary.seen import MOST_PEOPLE, Figures, Seen, look

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
    # Of one person in the whole of a standard plan. Whoever is in is in with all of them.
    per_person: int = 20

    @property
    def people(self) -> int:
        return max(1, self.per_minute * Plan().minutes // self.per_person)

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
    crowd = Crowd(traffic.people, dice)
    ruling = Ruling(verdict=Verdict.ADVANCE, rule="passed", reason="")
    for percent, dwell in plan.steps:
        seen, held, held_for, started = Seen(), None, "", minute
        crowd.let_in(percent)
        while True:
            minute += 1
            at = START + minute * MINUTE
            figures = _figures(traffic, crowd, minute, dice)
            errors += figures.errors
            seen = look(seen, figures, at=at, limits=limits)
            situation = Situation(
                now=at,
                started_at=START + started * MINUTE,
                dwell=dwell * MINUTE,
                percent=percent,
                held_since=held,
                held_for=held_for,
                steps=len(plan.steps),
                planned=plan.minutes * MINUTE,
            )
            ruling = judge(seen, situation, limits)
            if ruling.verdict not in (Verdict.HOLD, Verdict.KEEP):
                break
            held, held_for = ruling.held_since, ruling.rule
        if ruling.verdict is not Verdict.ADVANCE:
            break
    return ruling, minute, errors


class Crowd:
    """Everybody who comes, and who of them is in. Each request is anybody's, so of most people
    only how many are in matters; by name are those whom the judge would keep as its sample."""

    def __init__(self, size: int, dice: random.Random) -> None:
        self.size, self.dice = size, dice
        self.percent = self.inside = 0
        named = min(size, 2 * MOST_PEOPLE)
        self.places = [dice.random() * 100 for _ in range(named)]
        self.unseen: list[int] = []

    def let_in(self, percent: int) -> None:
        """Who is in stays in; of the others their share comes along."""
        were = sum(place < self.percent for place in self.places)
        now = sum(place < percent for place in self.places)
        outside = self.size - len(self.places) - (self.inside - were)
        share = (percent - self.percent) / (100 - self.percent)
        self.inside += now - were + _of(outside, share, self.dice)
        self.percent, self.unseen = percent, list(range(len(self.places)))

    @property
    def share(self) -> float:
        return self.inside / self.size

    def came(self, requests: int) -> dict[int, bool]:
        """Those by name who came for the first time in this step."""
        stays = (1 - 1 / self.size) ** requests
        here = [who for who in self.unseen if self.dice.random() >= stays]
        gone = set(here)
        self.unseen = [who for who in self.unseen if who not in gone]
        return {who: self.places[who] < self.percent for who in here}


def _figures(traffic: Traffic, crowd: Crowd, minute: int, dice: random.Random) -> Figures:
    asked = traffic.per_minute
    n = _of(asked, crowd.share, dice)
    rate = traffic.rate_at(minute)
    return Figures(
        n=n,
        errors=_of(n, rate, dice),
        slow=_of(n, traffic.slow_rate, dice),
        others=asked - n,
        people=crowd.came(asked),
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

"""The world that is simulated: who calls what, how long it takes, when it is busy, what breaks.

Everything that looks accidental comes from generators seeded with the seed and a moment, so that
a minute of this world is the same whoever looks at it, from whichever end.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

SLOT = timedelta(minutes=5)
DAY = timedelta(days=1)
EPOCH = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Toolkit:
    slug: str
    actions: tuple[str, ...]  # the last ones change something
    median_ms: float
    spread: float
    failing: float  # share of calls on a good day


TOOLKITS = (
    Toolkit("gmail", ("search_messages", "create_draft", "send_message"), 420, 0.55, 0.012),
    Toolkit("hubspot", ("list_contacts", "create_contact", "update_deal"), 640, 0.6, 0.018),
    Toolkit("salesforce", ("query_records", "update_record", "create_task"), 880, 0.7, 0.022),
    Toolkit("slack", ("list_channels", "post_message", "open_thread"), 210, 0.45, 0.006),
    Toolkit("notion", ("search_pages", "create_page", "append_block"), 510, 0.55, 0.014),
    Toolkit("github", ("list_issues", "create_issue", "comment_issue"), 330, 0.5, 0.008),
    Toolkit("googlesheets", ("read_range", "append_rows", "update_range"), 470, 0.6, 0.015),
    Toolkit("linear", ("list_issues", "create_issue", "update_issue"), 290, 0.5, 0.009),
)
BY_SLUG = {toolkit.slug: toolkit for toolkit in TOOLKITS}
MODELS = ("gemini-2.5-pro", "gemini-2.5-flash")
ERRORS = ("TIMEOUT", "UPSTREAM_5XX", "VALIDATION_FAILED", "RATE_LIMIT_EXCEEDED")
SAFEGUARDS = ("tone", "audience_size", "pii_scan", "budget", "send_window")
OVERRIDES = ("false_positive", "approved_exception", "deadline")
SEATS = 24  # people who use the workspace

# What share of a day's work falls into which hour (UTC), and how busy the days are.
_HOURS = (2, 1, 1, 1, 2, 4, 9, 18, 30, 36, 38, 34, 26, 32, 38, 36, 30, 22, 14, 9, 7, 5, 4, 3)
_DAYS = (1.1, 1.2, 1.2, 1.15, 0.95, 0.3, 0.25)
_WEEK = [hour * day for day in _DAYS for hour in _HOURS]
_MEAN = sum(_WEEK) / len(_WEEK)


def busy(at: datetime) -> float:
    """How much more or less than on average goes on, without a jump at the full hour."""
    place = at.weekday() * 24 + at.hour
    part = at.minute / 60
    return (_WEEK[place] * (1 - part) + _WEEK[(place + 1) % 168] * part) / _MEAN


def weekday_factor(day: datetime) -> float:
    """How much goes on on such a day, 1 being the mean."""
    return _DAYS[day.weekday()] * len(_DAYS) / sum(_DAYS)


def seeded(*of: object) -> random.Random:
    return random.Random(":".join(map(str, of)))  # noqa: S311  (no secret comes from it)


def lognormal(rng: random.Random, median: float, spread: float) -> float:
    return median * math.exp(rng.gauss(0.0, spread))


def poisson(rng: random.Random, mean: float) -> int:
    if mean > 30:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that goes wrong for a while."""

    kind: str  # rate_limit, auth, slow, outage, streams
    toolkit: str
    start: datetime
    end: datetime

    def covers(self, at: datetime) -> bool:
        return self.start <= at < self.end


TROUBLES = ("rate_limit", "auth", "slow", "outage", "streams")


@lru_cache(maxsize=512)
def troubles(seed: int, day: datetime) -> tuple[Trouble, ...]:
    """Those that begin on this day: on two days of five one, seldom two."""
    rng = seeded(seed, "trouble", day.date())
    found = []
    for chance in (0.4, 0.1):
        if rng.random() < chance:
            start = day + timedelta(minutes=rng.randrange(7 * 60, 18 * 60))
            lasts = timedelta(minutes=min(150.0, lognormal(rng, 32, 0.5)))
            toolkit = rng.choice(TOOLKITS).slug
            found.append(Trouble(rng.choice(TROUBLES), toolkit, start, start + lasts))
    return tuple(found)


def trouble_at(seed: int, at: datetime) -> tuple[Trouble, ...]:
    today = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return tuple(
        each for day in (today - DAY, today) for each in troubles(seed, day) if each.covers(at)
    )

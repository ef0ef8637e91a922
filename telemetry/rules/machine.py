"""How an alert moves, without a database: the evaluation and the preview both step through here,
so that a preview tells what would have been.

    standing = step(standing, "breach", at, pace)

A breach is pending for a while before it fires; a firing one is resolved after it was well for a
while. Time in which nobody looked proves nothing: an evaluation that comes back after a pause
begins to count again, so a portal that stood still wakes nobody for what it did not see.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

# What one look found: beyond the limit, well, nothing there, too little to judge by, or the look
# itself failed.
Found = Literal["breach", "clear", "absent", "unjudged", "error"]
NoData = Literal["keep", "ok", "fire"]
_NOTHING = frozenset({"absent", "unjudged"})
_STATUS_OF: dict[Found, str] = {
    "clear": "ok",
    "absent": "no_data",
    "unjudged": "no_data",
    "error": "error",
}


@dataclass(frozen=True, slots=True)
class Pace:
    """A rule's clocks. `gap`: the longest pause between two looks that still counts as watching."""

    lasting: timedelta = timedelta(0)
    resolve: timedelta = timedelta(0)
    no_data: NoData = "ok"
    gap: timedelta = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Standing:
    status: str
    since: datetime
    seen_at: datetime
    breached_at: datetime | None = None
    clear_since: datetime | None = None
    fired_at: datetime | None = None
    resolved_at: datetime | None = None
    episode: int = 0

    @classmethod
    def fresh(cls, at: datetime) -> Standing:
        """Of what nobody has looked at yet."""
        return cls("no_data", at, at)


def step(now: Standing, found: Found, at: datetime, pace: Pace) -> Standing:
    """How it stands after a look. A look older than the last one changes nothing. Silence is a
    breach, where it is one, only of what has spoken before."""
    if at < now.seen_at:
        return now
    if found == "absent" and pace.no_data == "fire" and now.status != "no_data":
        found = "breach"
    if now.status == "firing":
        return _while_firing(now, found, at, pace)
    if found == "breach":
        return _breached(now, at, pace)
    if found in _NOTHING and now.status == "pending" and pace.no_data != "ok":
        return now  # not looked at: should data come back soon, it has been pending all along
    status = _STATUS_OF[found]
    since = now.since if status == now.status else at
    return replace(now, status=status, since=since, seen_at=at, breached_at=None)


def _breached(now: Standing, at: datetime, pace: Pace) -> Standing:
    watched = now.status == "pending" and at - now.seen_at <= pace.gap
    began = now.breached_at if watched and now.breached_at is not None else at
    if at - began < pace.lasting:
        since = now.since if watched else at
        return replace(now, status="pending", since=since, seen_at=at, breached_at=began)
    return replace(
        now,
        status="firing",
        since=at,
        seen_at=at,
        breached_at=began,
        clear_since=None,
        fired_at=at,
        resolved_at=None,
        episode=now.episode + 1,
    )


def _while_firing(now: Standing, found: Found, at: datetime, pace: Pace) -> Standing:
    """What can't be told keeps it firing: an alert that ends because nobody can look any more
    would end in the worst moment."""
    if found == "breach":
        return replace(now, seen_at=at, clear_since=None)
    if found == "error" or (found in _NOTHING and pace.no_data != "ok"):
        return now
    watched = now.clear_since is not None and at - now.seen_at <= pace.gap
    began = now.clear_since if watched and now.clear_since is not None else at
    if at - began < pace.resolve:
        return replace(now, seen_at=at, clear_since=began)
    return replace(
        now,
        status="ok",
        since=at,
        seen_at=at,
        breached_at=None,
        clear_since=None,
        resolved_at=at,
    )

"""Holidays of another calendar: looked at first, then taken. The program that reads calendars is
the one of on-call schedules."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.redaction import redact_text
from controlplane.oncall.importing import limits
from incidents.models import Holiday
from incidents.support import hours

AHEAD = timedelta(days=3 * 366)
LONGEST = 31  # days of one entry: a season is no holiday
_MIDNIGHT = time()


@dataclass
class Found:
    """What a calendar would add, and what of it would not become a holiday."""

    calendar: str = ""
    days: list[tuple[date, str]] = field(default_factory=list)
    known: int = 0
    problems: list[tuple[int, str, str]] = field(default_factory=list)  # (line, why, text)

    @property
    def seen(self) -> str:
        """Names what is shown, so that what is saved is what somebody looked at."""
        return hashlib.sha256(repr(self.days).encode()).hexdigest()[:24]


def look(workspace: Workspace, raw: bytes, *, actor: Actor) -> Found:
    """Whole days from today on; what is there already stays as it is."""
    policy.require(actor, hours.KEEP, workspace)
    now = clock.now()
    told = limits.read(raw, now - timedelta(days=1), now + AHEAD)
    found = Found(calendar=redact_text(told["name"])[:120])
    found.problems = [(one["line"], one["said"], one["text"]) for one in told["problems"]]
    if told["left_out"]:
        found.problems.append((0, f"{told['left_out']:,} more lines can't be read.", ""))
    there = set(Holiday.objects.filter(workspace=workspace).values_list("day", flat=True))
    days: dict[date, str] = {}
    for event in told["events"]:
        for day in _days(found, event):
            if day in there:
                found.known += 1
            elif day >= now.date():
                days.setdefault(day, _title(event))
    found.days = sorted(days.items())
    return found


def _title(event: dict[str, Any]) -> str:
    words = " ".join(redact_text(str(event["summary"])).replace("\0", "").split())
    return words[:120] or "Holiday"


def _days(found: Found, event: dict[str, Any]) -> list[date]:
    start, end = (datetime.fromisoformat(event[name]) for name in ("start", "end"))
    if start.tzinfo is not None or start.time() != _MIDNIGHT or end.time() != _MIDNIGHT:
        found.problems.append((event["line"], "It is no whole day: write its hours by hand.",
                               _title(event)))  # fmt: skip
        return []
    count = (end.date() - start.date()).days
    if count > LONGEST:
        found.problems.append((event["line"], f"It lasts more than {LONGEST} days.",
                               _title(event)))  # fmt: skip
        return []
    return [start.date() + timedelta(days=number) for number in range(count)]


@transaction.atomic
def take(workspace: Workspace, raw: bytes, *, actor: Actor, seen: str | None = None) -> Found:
    """Adds the days a calendar names. `seen` is what was looked at: another is refused."""
    found = look(workspace, raw, actor=actor)
    if seen is not None and found.seen != seen:
        raise Conflict("It would add other days than those you saw. Look again.")
    if not found.days:
        raise Conflict("No day in it is new.")
    hours.room_for(workspace, len(found.days))
    made = [
        Holiday(workspace=workspace, day=day, title=title, calendar=found.calendar,
                made_by=actor.ref[:80])
        for day, title in found.days
    ]  # fmt: skip
    # Somebody may add one of them at the same time: theirs stays.
    Holiday.objects.bulk_create(made, ignore_conflicts=True)
    record(
        actor, hours.KEEP, workspace, details={"what": "import"},
        after={"calendar": found.calendar, "days": len(made),
               "first": found.days[0][0].isoformat(), "last": found.days[-1][0].isoformat()},
    )  # fmt: skip
    return found

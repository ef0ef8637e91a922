"""What a calendar would become in a schedule, before anything is changed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.access.services.saving import invalid
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.oncall import numbers
from controlplane.oncall.arithmetic import Shift
from controlplane.oncall.importing import limits, rhythm
from controlplane.oncall.importing.meant import Meant, label_of
from controlplane.oncall.importing.rhythm import Rota
from controlplane.oncall.models import Override, Schedule
from controlplane.oncall.services.layers import current
from controlplane.oncall.walls import instant, zone_of

AS = ("auto", "swaps")


@dataclass(frozen=True, slots=True)
class Problem:
    line: int
    said: str
    text: str = ""


@dataclass
class Becoming:
    """A rotation, if the calendar has a rhythm, and swaps for what differs from it."""

    schedule: Schedule
    name: str = ""
    rota: Rota | None = None
    position: int = 0
    swaps: list[Shift] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    left_out: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    people: dict[int, User] = field(default_factory=dict)
    read: int = 0

    @property
    def empty(self) -> bool:
        return self.rota is None and not self.swaps

    @property
    def seen(self) -> str:
        """Names what is shown, so that what is saved is what somebody looked at."""
        whole = repr((self.schedule.pk, self.position, self.rota,
                      [(one.until, one.person) for one in self.swaps]))  # fmt: skip
        return hashlib.sha256(whole.encode()).hexdigest()[:24]

    def tell(self, line: int, said: str, text: str = "") -> None:
        self.problems.append(Problem(line, said, text))


def prepare(
    schedule: Schedule,
    *,
    actor: Actor,
    calendar: bytes,
    people: Mapping[str, Any] | None = None,
    become: str = "auto",
    position: int | None = None,
) -> Becoming:
    """`people` answers for labels that name nobody. `become`: "swaps" makes no rotation of it."""
    policy.require(actor, "oncall.manage", schedule)
    if become not in AS:
        raise invalid("become", f"One of: {', '.join(AS)}.")
    now = clock.now()
    horizon = now + timedelta(days=numbers.OVERRIDE_AHEAD.value)
    meant = Meant(schedule.workspace_id, dict(people or {}))
    told = limits.read(calendar, now, horizon)
    made = Becoming(schedule, name=told["name"], left_out=told["left_out"])
    made.problems = [Problem(one["line"], one["said"], one["text"]) for one in told["problems"]]
    shifts, zones = _shifts(made, told, meant, now, horizon)
    made.read = len(told["events"])
    made.people = {pk: meant.people[pk] for pk in sorted({one.person or 0 for one in shifts})}
    _become(made, shifts, zones, now, horizon, become, position)
    made.problems.sort(key=lambda one: one.line)
    return made


def _shifts(
    made: Becoming, told: Mapping[str, Any], meant: Meant, now: datetime, horizon: datetime
) -> tuple[list[Shift], list[str]]:
    """The entries as shifts that follow each other, and the time zones they may be meant in."""
    fallback = told["zone"] if told["zone"] in _zones() else made.schedule.time_zone
    found: list[tuple[datetime, datetime, int, int]] = []
    used: Counter[str] = Counter()
    for event in told["events"]:
        zone = event["zone"] if event["zone"] in _zones() else fallback
        since, until = (_instant(event[name], zone) for name in ("start", "end"))
        line, title = event["line"], event["summary"]
        if until <= now:
            continue
        if until <= since:
            made.tell(line, "It lasts no time.", title)
            continue
        who = meant.by(event)
        if who is None:
            made.unknown[label_of(event)] += 1
            continue
        used[zone] += 1
        found.append((since, min(until, horizon), line, who.pk))
    zones = [zone for zone, _ in used.most_common(2) if zone != "UTC"]
    return _in_turn(made, found), [*zones, fallback, made.schedule.time_zone, "UTC"]


def _in_turn(made: Becoming, found: list[tuple[datetime, datetime, int, int]]) -> list[Shift]:
    """One after the other: what two have at once only the first of them has."""
    shifts: list[Shift] = []
    for since, until, line, person in sorted(found):
        last = shifts[-1] if shifts else None
        if last is not None and since < last.until:
            if person != last.person:
                said = f"Somebody else has this time already, from {last.since:%Y-%m-%d %H:%M} UTC."
                made.tell(line, said, f"{since:%Y-%m-%d %H:%M} UTC")
                continue
            since = last.until
            if since >= until:
                continue
        shifts.append(Shift(since, until, person))
    return shifts


def _instant(text: str, zone: str) -> datetime:
    at = datetime.fromisoformat(text)
    return instant(at, zone_of(zone)) if at.tzinfo is None else at


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _become(
    made: Becoming,
    shifts: list[Shift],
    zones: list[str],
    now: datetime,
    horizon: datetime,
    become: str,
    position: int | None,
) -> None:
    guess = None
    if become == "auto" and shifts:
        guess = rhythm.found(shifts, zones, now, horizon)
    if guess is not None:
        made.rota, shifts = guess
        made.position = _position(made.schedule, position)
    _swaps(made, shifts, now)


def _position(schedule: Schedule, asked: int | None) -> int:
    if asked is not None:
        return asked
    taken = {layer.position for layer in current(schedule)}
    most = numbers.MOST_LAYERS.value
    return min(max(taken, default=0) + 1, most)


def _swaps(made: Becoming, shifts: list[Shift], now: datetime) -> None:
    """Cut to what can still be changed and to what one swap may last; what stands there stays."""
    longest = timedelta(days=numbers.LONGEST_OVERRIDE.value)
    if not shifts:
        return
    taken = list(
        Override.objects.between(now, shifts[-1].until)
        .filter(schedule=made.schedule)
        .select_related("person")
    )
    for one in shifts:
        since = max(one.since, now)
        while since < one.until:
            until = min(one.until, since + longest)
            _swap(made, replace(one, since=since, until=until), taken)
            since = until


def _swap(made: Becoming, one: Shift, taken: list[Override]) -> None:
    for row in taken:
        if row.starts < one.until and row.ends > one.since:
            if row.person_id != one.person or row.starts > one.since or row.ends < one.until:
                name = row.person.name or row.person.email
                made.tell(
                    0, f"{name} stands in then already, until {row.ends:%Y-%m-%d %H:%M} UTC; "
                    "that stays.", f"{one.since:%Y-%m-%d %H:%M} UTC",
                )  # fmt: skip
            return
    made.swaps.append(one)

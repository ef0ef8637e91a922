"""What stands in a calendar: the shifts of a schedule, or one's own of a workspace."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings

from controlplane.lib import clock
from controlplane.oncall import arithmetic, duty, ics, numbers, plans
from controlplane.oncall.arithmetic import Shift
from controlplane.oncall.links import page_of
from controlplane.oncall.models import Feed, Schedule


def document(feed: Feed, at: datetime | None = None) -> tuple[bytes, str, datetime]:
    """The calendar, its tag, and when something in it last changed."""
    at = at or clock.now()
    rows = Schedule.objects.filter(workspace_id=feed.workspace_id)
    if feed.schedule_id is not None:
        rows = rows.filter(pk=feed.schedule_id)
    schedules = list(rows.active().order_by("id"))
    changed = max([one.changed_at for one in schedules], default=feed.created_at)
    name = f"On call: {feed.schedule.title if feed.schedule else feed.workspace.name}"
    events = list(_events(feed, schedules, at))[: numbers.MOST_SHIFTS.value]
    body = ics.calendar(name, events, changed=changed)
    return body, f'"{hashlib.sha256(body).hexdigest()[:24]}"', changed


def _events(feed: Feed, schedules: list[Schedule], at: datetime) -> Iterator[ics.Event]:
    """From midnight on, so that the calendar stays the same for a day while nothing changes."""
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    start = day - timedelta(days=numbers.FEED_BACK.value)
    end = day + timedelta(days=numbers.FEED_AHEAD.value)
    known = plans.plans_of(schedules, start, end)
    found = {}
    for schedule in schedules:
        plan = known[schedule.pk]
        # Without what was cut by the window: it would be another entry every day.
        whole = arithmetic.shifts(plan, start, end)
        shifts = [one for one in whole if not one.is_gap and one.since > start]
        if feed.schedule_id is None:
            shifts = [one for one in shifts if one.person == feed.person_id]
        elif plan.rotations:
            shifts += arithmetic.gaps(plan, max(start, schedule.created_at), end)
        found[schedule.pk] = sorted(shifts, key=lambda one: one.since)
    names = duty.Names.of([one for shifts in found.values() for one in shifts]).people
    for schedule in schedules:
        pieces: Counter[tuple[object, ...]] = Counter()
        for one in found[schedule.pk]:
            source = (one.layer, one.turn, one.override)
            pieces[source] += 1
            user = names.get(one.person or 0)
            who = "nobody" if user is None else user.name or user.email
            own = feed.schedule_id is None
            yield ics.Event(
                uid=_uid(schedule, one, pieces[source]),
                since=one.since,
                until=one.until,
                summary=f"On call: {schedule.title}" if own else f"{who}: {schedule.title}",
                text="Stands in." if one.override is not None else schedule.about,
                url=settings.PUBLIC_URL + page_of(schedule),
                free=not own,
            )


def _uid(schedule: Schedule, one: Shift, piece: int) -> str:
    """Of a turn by its number and the piece of it, so that what is cut stays the same entry."""
    if one.is_gap:
        return ics.uid_of(schedule.uid, "gap", one.since.isoformat())
    return ics.uid_of(schedule.uid, one.layer, one.turn, one.override, piece)

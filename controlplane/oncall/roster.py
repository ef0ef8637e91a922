"""The rota as a page to publish: who is on duty in the next weeks, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from controlplane.lib import clock
from controlplane.lib.text import in_markdown
from controlplane.oncall import arithmetic, duty, numbers, plans, weeks
from controlplane.oncall.arithmetic import Shift
from controlplane.oncall.models import Schedule
from controlplane.oncall.shown import words
from controlplane.oncall.walls import local_of, zone_of
from controlplane.oncall.weeks import Sheet


def shifts_of(schedule: Schedule, start: datetime, end: datetime) -> list[Shift]:
    """Shifts between the two instants, whole at both ends."""
    far = duty.window()
    plan = plans.plan_of(schedule, start - far, end + far)
    around = arithmetic.shifts(plan, start - arithmetic.reach(plan), end + arithmetic.reach(plan))
    found = [one for one in around if one.since < end and one.until > start]
    gaps = arithmetic.gaps(plan, start, end)
    return sorted(
        [one for one in found if not one.is_gap] + gaps, key=lambda one: (one.since, one.until)
    )


def roster(schedules: Sequence[Schedule], at: datetime | None = None) -> str:
    """Of the schedules of one workspace: the weeks, how to reach everybody, when somebody is
    there, and each schedule's shifts."""
    at = at or clock.now()
    end = at + timedelta(weeks=numbers.ROSTER_WEEKS.value)
    parts = ["# On-call roster", f"From {at:%Y-%m-%d} to {end:%Y-%m-%d}."]
    found = weeks.sheet(schedules, at)
    if found is not None:
        parts += [_weeks(found), "## People", _people(found), "## Coverage", _coverage(schedules)]
    for schedule in schedules:
        zone = zone_of(schedule.time_zone)
        parts.append(f"## {in_markdown(schedule.title)}")
        if schedule.about:
            parts.append(in_markdown(schedule.about))
        parts.append(_table(shifts_of(schedule, at, end), zone))
    return "\n\n".join(parts) + "\n"


def _weeks(found: Sheet) -> str:
    lines = [
        f"| Week ({found.zone}) | Primary | Secondary | Notes | Overlap at hand-off |",
        "|---|---|---|---|---|",
    ]
    for week in found.weeks:
        told = (week.primary, week.secondary, week.notes, week.overlap)
        nobody = ("**nobody**", "nobody", "", "")
        cells = [
            "; ".join(in_markdown(text) for text in texts) or empty
            for texts, empty in zip(told, nobody, strict=True)
        ]
        lines.append(f"| {week.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _people(found: Sheet) -> str:
    lines = ["| Person | Reach them |", "|---|---|"]
    for one in found.people:
        ways = "; ".join(f"{way.kind}: {in_markdown(way.shown)}" for way in one.ways)
        lines.append(f"| {in_markdown(weeks.called(one.person))} | {ways or 'no way is known'} |")
    return "\n".join(lines)


def _coverage(schedules: Sequence[Schedule]) -> str:
    lines = ["| Schedule | Roles | Somebody is there | Time zone |", "|---|---|---|---|"]
    for one in schedules:
        cells = (one.title, words.roles(one), words.cover(one), one.time_zone)
        lines.append(f"| {' | '.join(in_markdown(cell) for cell in cells)} |")
    return "\n".join(lines)


def _table(found: Sequence[Shift], zone: ZoneInfo) -> str:
    names = duty.Names.of(found).people
    lines = [f"| From ({zone.key}) | Until | On duty | Reach them |", "|---|---|---|---|"]
    for one in found:
        since, until = (f"{local_of(at, zone):%a %Y-%m-%d %H:%M}" for at in (one.since, one.until))
        if one.person is None:
            lines.append(f"| {since} | {until} | **nobody** | |")
        else:
            user = names[one.person]
            who = in_markdown(user.name or user.email)
            lines.append(f"| {since} | {until} | {who} | {in_markdown(user.email)} |")
    return "\n".join(lines)

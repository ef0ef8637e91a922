"""Gaps, found before they happen: each is told once while it is far, once when it comes near, and
once when it has begun."""

from __future__ import annotations

from datetime import datetime, timedelta

from controlplane.oncall import arithmetic, numbers
from controlplane.oncall.arithmetic import Plan, Shift
from controlplane.oncall.models import Gap, Layer, Schedule
from controlplane.oncall.services import telling


def look(schedule: Schedule, plan: Plan, at: datetime) -> None:
    """Within the transaction that holds the schedule. One without any rotation is one somebody is
    still making."""
    known = {gap.since: gap for gap in Gap.objects.open(at).filter(schedule=schedule)}
    if not plan.rotations and not Layer.objects.filter(schedule=schedule).exists():
        return
    found = _found(schedule, plan, at, min(known, default=at))
    rows, fresh = [], []
    for one in found:
        row = known.pop(one.since, None)
        if row is None:
            row = Gap.objects.create(
                schedule=schedule, since=one.since, until=one.until, found_at=at
            )
            fresh.append(row)
        elif row.until != one.until:
            row.until = one.until
            row.save(update_fields=["until"])
        rows.append(row)
    gone = [row.pk for row in known.values()]
    if gone:
        Gap.objects.filter(pk__in=gone).update(filled_at=at)
    _tell(schedule, rows, fresh, at)


def forget(schedule: Schedule, at: datetime) -> None:
    """Of a schedule that calls nobody any more nobody is missing."""
    Gap.objects.open(at).filter(schedule=schedule).update(filled_at=at)


def _found(schedule: Schedule, plan: Plan, at: datetime, oldest: datetime) -> list[Shift]:
    """From before now, so that a gap one is in keeps its own beginning."""
    begin = max(min(at - arithmetic.DAY, oldest), schedule.created_at)
    ahead = at + timedelta(weeks=numbers.ROSTER_WEEKS.value)
    return [gap for gap in arithmetic.gaps(plan, begin, ahead) if gap.until > at]


def _tell(schedule: Schedule, rows: list[Gap], fresh: list[Gap], at: datetime) -> None:
    soon = at + timedelta(hours=numbers.GAP_NEAR_HOURS.value)
    for place, row in enumerate(rows):
        others = len(rows) - place - 1
        if row.since <= at and row.begun_told_at is None:
            row.begun_told_at = row.near_told_at = at
            telling.gap_near(schedule, row, others, begun=True)
        elif at < row.since < soon and row.near_told_at is None:
            row.near_told_at = at
            telling.gap_near(schedule, row, others, begun=False)
        else:
            continue
        row.save(update_fields=["begun_told_at", "near_told_at"])
    far = [row for row in fresh if row.near_told_at is None]
    if far:
        telling.gap_ahead(schedule, far)

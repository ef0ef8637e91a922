"""Taking snapshots."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from django.db import IntegrityError, transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit import services as audit
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.lib.errors import Invalid
from telemetry.models import HealthSnapshot
from telemetry.snapshots import figures

LONGEST = define(
    "telemetry.snapshot_days", 92, unit="days", why="a quarter; a snapshot is no archive of years"
)
_SUBJECT = re.compile(r"[a-z_]+\.[a-z_]+:[A-Za-z0-9-]{1,64}")
MINUTE = timedelta(minutes=1)


# Before it no date has a quarter, and weeks, before.
_FIRST = datetime(2, 1, 1, tzinfo=UTC)


def take(
    workspace: Workspace,
    *,
    actor: Actor,
    start: datetime | None = None,
    end: datetime | None = None,
    subject: str = "",
    note: str = "",
) -> HealthSnapshot:
    """The figures of [start, end): the last 24 hours where nothing else is said."""
    policy.require(actor, "telemetry.snapshot", workspace)
    now = clock.now()
    end = end or now
    start = start or max(end, _FIRST) - timedelta(days=1)
    _check(start, end, now, subject)
    kind = HealthSnapshot.Kind.SUBJECT if subject else HealthSnapshot.Kind.DEMAND
    return _taken(workspace, actor, kind, start, end, subject=subject, note=note)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def take_day(workspace: Workspace, day: date, *, actor: Actor) -> HealthSnapshot | None:
    """A whole UTC day's, once; None where there is one already."""
    policy.require(actor, "telemetry.snapshot", workspace)
    start = midnight(day)
    daily = HealthSnapshot.Kind.DAILY
    if HealthSnapshot.objects.filter(workspace=workspace, kind=daily, starts_at=start).exists():
        return None
    try:
        return _taken(workspace, actor, daily, start, start + timedelta(days=1))
    except IntegrityError:
        return None  # another worker was quicker


@transaction.atomic
def _taken(
    workspace: Workspace,
    actor: Actor,
    kind: str,
    start: datetime,
    end: datetime,
    *,
    subject: str = "",
    note: str = "",
) -> HealthSnapshot:
    found = figures.lines(workspace.pk, start, end)
    snapshot = HealthSnapshot.objects.create(
        workspace=workspace,
        kind=kind,
        state=figures.standing(found),
        starts_at=start,
        ends_at=end,
        taken_by=actor.ref,
        subject=subject,
        note=note,
        figures=found,
        notices=figures.notices(workspace.pk, end),
    )
    if kind != HealthSnapshot.Kind.DAILY:
        audit.record(actor, "telemetry.snapshot", snapshot, reason=note)
    return snapshot


def _check(start: datetime, end: datetime, now: datetime, subject: str) -> None:
    if end > now + MINUTE:
        raise Invalid("A snapshot shows what was: its end is in the future.")
    if start < _FIRST:
        raise Invalid("Nothing was told so long ago.")
    if end - start < MINUTE:
        raise Invalid("The end must be at least a minute after the start.")
    if end - start > timedelta(days=LONGEST.value):
        raise Invalid(f"A snapshot spans at most {LONGEST.value} days.")
    if subject and not _SUBJECT.fullmatch(subject):
        raise Invalid("subject: the ref of a record, such as incidents.incident:12.")

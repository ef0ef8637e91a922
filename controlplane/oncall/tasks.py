"""What Celery runs."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from controlplane.access.models import Workspace
from controlplane.jobs.registry import job
from controlplane.oncall import lacking
from controlplane.oncall.models import Schedule
from controlplane.oncall.services import promises, reading, telling


@job(
    "oncall.watch",
    every=timedelta(minutes=10),
    time_limit=120,
    doc="Look for shifts that nobody has, as when somebody left; renew what is promised.",
)
def watch() -> dict[str, int]:
    """Who leaves the workspace or loses the last role leaves a hole that no change of a schedule
    tells of."""
    looked = 0
    for pk in Schedule.objects.active().order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            held = reading.hold(Schedule(pk=pk))
            if held.is_active:
                promises.renew(held)
                looked += 1
    return {"schedules": looked}


@job(
    "oncall.weekly",
    at="0 6 * * 1",
    time_limit=300,
    doc="Tell whoever manages schedules what the next weeks lack: gaps, people who are gone.",
)
def weekly() -> dict[str, int]:
    """Said once a week however often it was said before: what is still open on Monday is work of
    this week. Where nothing is lacking nothing is said."""
    told = 0
    for workspace in Workspace.objects.filter(archived_at=None).order_by("pk"):
        schedules = Schedule.objects.active().of(workspace).order_by("title", "id")
        with transaction.atomic():
            told += telling.lacking(workspace, [one for one in lacking.of(list(schedules)) if one])
    return {"told": told}

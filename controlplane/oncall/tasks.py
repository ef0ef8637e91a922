"""What Celery runs."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from controlplane.jobs.registry import job
from controlplane.oncall.models import Schedule
from controlplane.oncall.services import promises, reading


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

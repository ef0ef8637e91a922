"""Is somebody there who wakes? An installation whose agents have no threads needs nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count, F, Min
from django.db.models.functions import Now

from controlplane.jobs import heartbeats, watch
from controlplane.jobs.models import Heartbeat
from controlplane.jobs.watch import Finding
from missions.threads.waking.due import takeable
from missions.threads.waking.supervisor import COMPONENT


@watch.probe("threads.waker")
def waker() -> Iterator[Finding]:
    """A wake supervisor that fell silent, or wakes that nobody takes."""
    silent = _silent()
    if silent is not None:
        said = f"The wake supervisor is silent for {silent:.0f} s."
        yield Finding("component", COMPONENT, said, critical=False)
    late = takeable().filter(ready_at__lt=Now() - timedelta(seconds=watch.LAG.value))
    found = late.aggregate(n=Count("pk"), age=Now() - Min(F("ready_at")))
    if found["n"]:
        age = found["age"].total_seconds()
        said = f"{found['n']} wakes of agents wait, the eldest for {age:.0f} s: nobody takes them."
        yield Finding("lag", "threads.wakes", said, critical=False)


def _silent() -> float | None:
    """Since when, where one was here and none is now."""
    if heartbeats.living(COMPONENT):
        return None
    rows = Heartbeat.objects.filter(component=COMPONENT).annotate(age=Now() - F("at"))
    ages = [row.age.total_seconds() for row in rows]
    return min(ages) if ages else None

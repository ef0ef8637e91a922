"""How many threads there are in each state: for the dashboard, and for `/metrics`."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Count

from controlplane.jobs.measures import Values, reading
from missions.threads.models import Thread
from telemetry.collectors import Figure, gauge
from telemetry.collectors.table import MINUTELY


@gauge("threads", unit="threads", every=MINUTELY)
def threads() -> Iterable[Figure]:
    """A state that no thread of a workspace is in any more is told as nought, not left out."""
    counted: dict[int, dict[str, int]] = {}
    rows = Thread.objects.filter(archived_at=None).order_by().values("workspace_id", "status")
    for row in rows.annotate(number=Count("pk")):
        counted.setdefault(row["workspace_id"], {})[row["status"]] = row["number"]
    for workspace_id, states in counted.items():
        for state in Thread.Status.values:
            yield Figure(states.get(state, 0), of=state, workspace_id=workspace_id)


@reading("controlplane_threads", "Threads by state.", ["state"])
def threads_by_state() -> Values:
    rows = Thread.objects.filter(archived_at=None).order_by().values("status")
    counted = {row["status"]: row["number"] for row in rows.annotate(number=Count("pk"))}
    return [((state,), float(counted.get(state, 0))) for state in Thread.Status.values]

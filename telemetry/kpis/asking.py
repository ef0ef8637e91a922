"""Key figures on somebody's word, and those the home page shows."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.base.registries import kpis
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.work.services import graph
from telemetry.kpis.periods import before, period_of
from telemetry.kpis.rows import refresh
from telemetry.models import KpiValue


@transaction.atomic
def compute_now(workspace: Workspace, *, actor: Actor) -> dict[str, int]:
    """What the job does every hour, for one workspace and at once."""
    policy.require(actor, "telemetry.audit", workspace)
    graph.lock(workspace.pk)  # a miss opens an item: before rows of our own, as the job does
    counts = refresh(workspace, actor=actor)
    record(actor, "telemetry.compute", workspace, details=counts)
    return counts


def newest(workspace_id: int) -> dict[str, KpiValue]:
    """Of each figure the last whole period; the running one while that has nothing to tell. What
    nobody computed lately is not there."""
    now = clock.now()
    frames = {kpi.slug: period_of(kpi.cadence, now) for kpi in kpis}
    starts = {
        (kpi.slug, start)
        for kpi in kpis
        for start in (frames[kpi.slug].start, before(kpi.cadence, frames[kpi.slug]).start)
    }
    if not starts:
        return {}
    rows = KpiValue.objects.of(workspace_id).filter(
        kpi__in=frames, start__gte=min(start for _, start in starts)
    )
    found: dict[str, KpiValue] = {}
    for row in rows.order_by("start"):
        if (row.kpi, row.start) not in starts:
            continue
        known = found.get(row.kpi)
        if known is None or known.value is None:
            found[row.kpi] = row
    return found

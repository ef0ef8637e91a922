"""Rows of key figures: the running period again and again, the one before until it is settled."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.base.registries import Kpi, Parts, kpis
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError
from controlplane.work.models import Project
from controlplane.work.services import ensuring, graph
from telemetry import ingest
from telemetry.kpis.periods import Period, before, period_of
from telemetry.models import KpiValue

logger = logging.getLogger(__name__)
State = KpiValue.State
LABEL = "kpi-miss"
# Late events of a period that is over are waited for this long.
SETTLED = timedelta(days=3)


def refresh(workspace: Workspace, *, actor: Actor, now: datetime | None = None) -> dict[str, int]:
    """Compute what may have changed. A figure that fails is told and stops no other."""
    policy.require(actor, "telemetry.audit", workspace)
    moment = now or clock.now()
    done = missed = failed = 0
    for kpi in kpis:
        for period in _periods(kpi, workspace, moment):
            row = _compute(kpi, workspace, period, moment)
            if row is None:
                failed += 1
                continue
            done += 1
            if period.over(moment) and row.state == State.MISSED and not row.told_at:
                missed += _missed(kpi, row, actor)
    return {"figures": done, "missed": missed, "failed": failed}


def _periods(kpi: Kpi, workspace: Workspace, now: datetime) -> Iterable[Period]:
    running = period_of(kpi.cadence, now)
    yield running
    last = before(kpi.cadence, running)
    # Before the workspace was there nobody could have met anything.
    if last.end > workspace.created_at and now - last.end < max(SETTLED, kpi.cadence / 2):
        yield last


def _compute(kpi: Kpi, workspace: Workspace, period: Period, now: datetime) -> KpiValue | None:
    try:
        with transaction.atomic():
            end = min(period.end, now)
            parts = _parts(kpi, workspace.pk, period.start, end)
    except (DatabaseError, ArithmeticError):
        logger.exception("key figure %s could not be computed", kpi.slug)
        return None
    row, _ = KpiValue.objects.update_or_create(
        workspace=workspace,
        kpi=kpi.slug,
        start=period.start,
        defaults={
            "end": period.end,
            "numerator": parts.numerator,
            "denominator": parts.denominator,
            "value": parts.value,
            "target": kpi.target,
            "state": state_of(kpi, parts),
            "note": parts.note[:300],
            "version": kpi.version,
            "computed_at": now,
        },
    )
    return row


def _parts(kpi: Kpi, workspace_id: int, start: datetime, end: datetime) -> Parts:
    if kpi.parts is not None:
        return kpi.parts(workspace_id, start, end)
    return Parts(kpi.compute(workspace_id, start, end))


def state_of(kpi: Kpi, parts: Parts) -> str:
    if parts.value is None:
        return State.NO_DATA
    if kpi.target is None:
        return State.UNTARGETED
    if kpi.min_sample and (parts.denominator or 0) < kpi.min_sample:
        return State.LOW_SAMPLE
    met = parts.value >= kpi.target if kpi.better == "higher" else parts.value <= kpi.target
    return State.MET if met else State.MISSED


def _missed(kpi: Kpi, row: KpiValue, actor: Actor) -> int:
    """A period ended below its target: an event, and for the business's figures work to do."""
    if not _noted(kpi, row, actor):
        return 0
    event = {
        "event": "kpi_missed",
        "event_id": f"kpi:{kpi.slug}:{row.start:%Y-%m-%d}",
        "occurred_at": row.end,
        "service": "portal",
        "context": {"kpi": kpi.slug, "value": row.value, "target": kpi.target},
    }
    try:
        ingest.report(actor, row.workspace, [event])
    except ControlPlaneError as error:
        # It stands in its row and in the log: the other figures don't wait for it.
        logger.warning("a missed key figure could not be reported as an event: %s", error)
    return 1


@transaction.atomic
def _noted(kpi: Kpi, row: KpiValue, actor: Actor) -> bool:
    graph.lock(row.workspace_id)
    locked = KpiValue.objects.select_for_update().get(pk=row.pk)
    if locked.told_at:
        return False
    said = f"{kpi.title}: {row.value:,.1f} {kpi.unit}, target {kpi.target:,.1f}."
    locked.told_at = clock.now()
    if kpi.group == "business":
        project = Project.objects.get(workspace_id=row.workspace_id, is_operations=True)
        locked.item = ensuring.ensure(
            project,
            f"kpi:{kpi.slug}:{row.start:%Y-%m-%d}",
            actor=actor,
            title=f"{kpi.title} missed its target, {row.start:%Y-%m-%d}"[:200],
            description=f"{said}\n\n{kpi.formula}\n\n{row.note}".strip(),
            item_type="task",
            priority=2,
            labels=[LABEL],
        ).item.key
    locked.save(update_fields=["item", "told_at"])
    record(actor, "telemetry.kpi_missed", locked, after={"value": row.value, "item": locked.item})
    return True

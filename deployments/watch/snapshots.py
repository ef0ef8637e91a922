"""Snapshots: the figures of a stretch of time, read from telemetry and kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.work.models import Item
from deployments import numbers
from deployments.models import Deployment, Snapshot
from telemetry import measures

# Name of the figure -> measure that tells it.
FIGURES = {
    "error_rate": "requests.error_rate",
    "p95_ms": "requests.p95",
    "requests": "requests.count",
    "ingestion_per_min": "events.per_minute",
    "safeguard_violations": "safeguard.unfixed",
}
# Measures tell percent; what is kept, and held against limits, are shares.
_PERCENT = frozenset({"error_rate"})
# Counts of nothing are nothing; rates of nothing are not known.
_COUNTS = frozenset({"requests", "ingestion_per_min", "safeguard_violations"})
_READY = 20
MINUTE = timedelta(minutes=1)


def figures(
    workspace_id: int, start: datetime, end: datetime, *, env: str = "", ready: bool = True
) -> dict[str, Any]:
    """Error rate, p95, requests, ingestion, violations, and what could be begun now. Of an
    environment: with what names none, which may be of it."""
    wanted = [measures.get(slug) for slug in FIGURES.values()]
    where = {"env": (env, "")} if env else None
    found = measures.read_many(wanted, workspace_id, start, end, filters=where)
    told: dict[str, Any] = {}
    for name, slug in FIGURES.items():
        value = found[slug].get("", measures.NO_DATA).value
        if value is None:
            told[name] = 0.0 if name in _COUNTS else None
        else:
            told[name] = value / 100 if name in _PERCENT else value
    if ready:
        told["ready"] = ready_queue(workspace_id)
    return told


def ready_queue(workspace_id: int) -> list[dict[str, str]]:
    """`bd ready --tag ops`, as the playbook wants it beside the figures."""
    rows = Item.objects.filter(workspace_id=workspace_id).queued().ready().with_labels(["ops"])
    found = rows.order_by("priority", "created_at", "id").values_list("key", "title")[:_READY]
    return [{"key": key, "title": title[:200]} for key, title in found]


def take(
    workspace: Workspace,
    phase: str,
    *,
    actor: Actor,
    deployment: Deployment | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    note: str = "",
) -> Snapshot:
    """Keep the figures of [start, end): the half hour before now where nothing is said. Of a
    deployment those of its environment."""
    end = end or clock.now()
    start = start or end - timedelta(minutes=numbers.SNAPSHOT_MINUTES.value)
    start = min(start, end - MINUTE)
    return Snapshot.objects.create(
        workspace=workspace,
        deployment=deployment,
        phase=phase,
        starts_at=start,
        ends_at=end,
        figures=figures(workspace.pk, start, end, env=_env(deployment)),
        taken_by=actor.ref[:80],
        note=note[:500],
    )


def _env(deployment: Deployment | None) -> str:
    return deployment.environment.slug if deployment is not None else ""


def newest(deployment: Deployment, phase: str) -> Snapshot | None:
    rows = deployment.snapshots.filter(phase=phase)
    found: Snapshot | None = rows.order_by("-pk").first()
    return found

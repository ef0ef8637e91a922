"""What is kept with a review as it was: the tree of its incident's work, and the figures of the
hours around it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.access import policy
from controlplane.audit.refs import subject_ref
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.work.models import Item
from controlplane.work.services import trees
from incidents.models import Incident, IncidentReview
from incidents.records.noting import PORTAL
from telemetry.models import HealthSnapshot
from telemetry.snapshots import services as snapshots

BEFORE = defaults.define(
    "incidents.snapshot_before_hours",
    6,
    unit="hours",
    why="How it was before shows what the incident changed.",
)
_LONGEST = timedelta(days=30)
_NODES = 400


def kept(row: IncidentReview, actor: Actor) -> dict[str, Any]:
    """Taken when a review is published; the first snapshot stays, the tree is the latest."""
    found: dict[str, Any] = {"tree": drawn(row.incident), "tree_at": clock.now()}
    if row.snapshot_id is None:
        found["snapshot_id"] = _snapshot(row.incident, actor).pk
    return found


def _snapshot(incident: Incident, actor: Actor) -> HealthSnapshot:
    """By whoever publishes, where they may; else the portal keeps it."""
    began = incident.started_at or incident.detected_at
    end = incident.resolved_at or clock.now()
    start = max(min(began, incident.detected_at) - timedelta(hours=BEFORE.value), end - _LONGEST)
    by = actor if policy.can(actor, "telemetry.snapshot", incident.workspace) else PORTAL
    return snapshots.take(
        incident.workspace, actor=by, start=start, end=end, subject=subject_ref(incident),
        note=f"Around {incident.ref}",
    )  # fmt: skip


def drawn(incident: Incident) -> str:
    """What the incident's item depends on and what hangs on it, as text; both directions, for
    what is found by an incident points at it."""
    if incident.item is None:
        return ""
    lines = []
    for direction in ("down", "up"):
        found = trees.tree(incident.item, direction=direction, max_nodes=_NODES)
        for node in found.nodes[0 if direction == "down" else 1 :]:
            lines.append(_line(node, direction))
        if found.truncated:
            lines.append("  … more is not shown")
    return "\n".join(lines)


def _line(node: trees.Node, direction: str) -> str:
    item: Item = node.item
    arrow = "" if not node.depth else ("needs " if direction == "down" else "leads to ")
    kind = f" ({node.kind})" if node.kind else ""
    return f"{'  ' * node.depth}{arrow}{item.key} [{item.status}] {item.title}{kind}"

"""Numbers about a project's items."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from django.db.models import Avg, CharField, Count, F, Func, Q

from controlplane.lib import clock
from controlplane.work.models import Item, ItemEvent, Project

ACTIVITY_HOURS = 24


class EpicState(NamedTuple):
    epic: Item
    total: int
    closed: int

    @property
    def eligible(self) -> bool:
        """There were parts of it, and all are done."""
        return 0 < self.total == self.closed


def summary(project: Project, *, assignee: str = "") -> dict[str, Any]:
    """The counters of `bd stats`, under its names."""
    items = Item.objects.filter(project=project)
    if assignee:
        items = items.assigned_to(assignee)
    lead = Avg(F("closed_at") - F("created_at"), filter=Q(closed_at__isnull=False))
    found = items.order_by().aggregate(
        total_issues=Count("id"),
        open_issues=Count("id", filter=Q(status="open")),
        in_progress_issues=Count("id", filter=Q(status="in_progress")),
        closed_issues=Count("id", filter=Q(status="closed")),
        blocked_issues=Count("id", filter=Q(blocked=True)),
        deferred_issues=Count("id", filter=Q(status="deferred")),
        pinned_issues=Count("id", filter=Q(status="pinned")),
        lead=lead,
    )
    taken = found.pop("lead")
    return found | {
        "ready_issues": items.ready().order_by().count(),
        "epics_eligible_for_closure": len([e for e in epics(project) if e.eligible]),
        "average_lead_time_hours": _hours(taken),
    }


def _hours(taken: timedelta | None) -> float:
    return round(taken.total_seconds() / 3600, 2) if taken is not None else 0.0


def recent_activity(project: Project, *, hours: int = ACTIVITY_HOURS) -> dict[str, int]:
    """What happened to the project's items of late."""
    since = clock.now() - timedelta(hours=hours)
    events = ItemEvent.objects.filter(
        workspace_id=project.workspace_id, item__project=project, at__gte=since
    )
    found: dict[str, int] = events.order_by().aggregate(
        issues_created=Count("id", filter=Q(kind="created")),
        issues_closed=Count("id", filter=Q(kind="closed")),
        issues_reopened=Count("id", filter=Q(kind="reopened")),
        issues_updated=Count(
            "item_id", filter=Q(kind__in=["updated", "status_changed", "claimed"]), distinct=True
        ),
        total_changes=Count("id"),
    )
    return {"hours_tracked": hours, **found}


def groups(items: Any, by: str) -> list[tuple[str, int]]:
    """How many there are of each: of a status, a priority, a type, an assignee, a label."""
    if by == "label":
        return _labels(items)
    column = {"type": "item_type"}.get(by, by)
    found = items.order_by().values_list(column).annotate(number=Count("id")).order_by(column)
    shown: dict[str, Callable[[Any], str]] = {
        "priority": lambda value: f"P{value}",
        "assignee": lambda value: value or "(unassigned)",
    }
    name = shown.get(by, str)
    return [(name(value), number) for value, number in found]


def _labels(items: Any) -> list[tuple[str, int]]:
    """Each item counts under each of its labels, and under "(no labels)" when it has none."""
    each: Any = Func(F("labels"), function="unnest", output_field=CharField())
    rows = items.order_by().annotate(label=each).values_list("label")
    found = list(rows.annotate(number=Count("id")).order_by("label"))
    without = items.filter(labels=[]).count()
    return [*found, ("(no labels)", without)] if without else found


def epics(project: Project) -> list[EpicState]:
    """Those that are not closed, with how much of each is done."""
    rows = (
        Item.objects.filter(project=project, item_type="epic")
        .unfinished()
        .defer("search")
        .annotate(
            parts=Count("children"),
            done=Count("children", filter=Q(children__category="done")),
        )
        .order_by("priority", "-created_at", "id")
    )
    return [EpicState(row, row.parts, row.done) for row in rows]

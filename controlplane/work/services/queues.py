"""Orders and short cuts of the ready queue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.work.models import Item, Project
from controlplane.work.services.items import claim_next

BY_PRIORITY = ("priority", "-created_at", "id")
OLDEST = ("created_at", "id")
YOUNG = timedelta(hours=48)
FEW = defaults.define(
    "work.few_rows",
    10_000,
    unit="rows",
    why="Up to so many matches of a label it is quicker to fetch and sort them all than to walk"
    " the queue in its order until enough of them came by.",
)


class Part(NamedTuple):
    """Rows and their order. A queue is one or several of them, one after the other."""

    rows: Any
    order: Sequence[str]


def parts(rows: Any, sort: str) -> list[Part] | None:
    """The queue in one of Beads' orders; None when there is no such order. "hybrid" has the young
    by priority, then the old by age: two parts, for an index has one order."""
    if sort == "priority":
        return [Part(rows, BY_PRIORITY)]
    if sort == "oldest":
        return [Part(rows, OLDEST)]
    if sort == "hybrid":
        since = clock.now() - YOUNG
        young = rows.filter(created_at__gte=since)
        return [
            Part(young, ("priority", *OLDEST)),
            Part(rows.filter(created_at__lt=since), OLDEST),
        ]
    return None


def first(queue: Sequence[Part], limit: int) -> list[Item]:
    found: list[Item] = []
    for part in queue:
        if len(found) < limit:
            found += part.rows.order_by(*part.order)[: limit - len(found)]
    return found


def take_first(
    project: Project, queue: Sequence[Part], *, actor: Actor, name: str = ""
) -> Item | None:
    """Claim the first of the queue that nobody has."""
    for part in queue:
        taken = claim_next(project, actor=actor, name=name, rows=part.rows, order=part.order)
        if taken is not None:
            return taken
    return None


def selective(rows: Any, *, to_change: bool = False) -> Any:
    """For rows narrowed by labels. What carries a label often has one priority too, which the
    planner cannot know: it walks the queue in its order past thousands that do not match. Asked
    without an order it uses the index of labels; when few match, those are all. Who changes what
    is found asks all its conditions again, of the row as it then is."""
    ids = list(rows.order_by().values_list("pk", flat=True)[: FEW.value + 1])
    if len(ids) > FEW.value:
        return rows
    return rows.filter(pk__in=ids) if to_change else Item.objects.filter(pk__in=ids)

"""Orders and short cuts of the ready queue."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction

from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.work.models import Item, Project
from controlplane.work.services.items import claim_next

BY_PRIORITY = ("priority", "-created_at", "id")
OLDEST = ("created_at", "id")
YOUNG = timedelta(hours=48)
FEW = defaults.define(
    "work.few_rows",
    25_000,
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


@contextmanager
def alone() -> Iterator[None]:
    """Around the reading of what `selective` answers: by one process of PostgreSQL's. To start
    others for some thousand rows takes longer than to read them."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        yield


def selective(rows: Any) -> Any:
    """For rows narrowed by labels: the same rows, to be ordered and cut. What carries a label often
    has one priority too, which the planner cannot know: it walks the queue in its order past
    thousands that do not match. When few match they are found first, by the index of labels, and
    then sorted."""
    return rows if _expected(rows) > FEW.value else rows.found_first()


def _expected(rows: Any) -> int:
    """How many the planner thinks there are: it knows how common a label is."""
    text = rows.order_by().values("pk").explain(format="json")
    if not text:
        return 0  # a condition that nothing can meet is never sent to the database
    plan = json.loads(text)
    return int(plan[0]["Plan"]["Plan Rows"])

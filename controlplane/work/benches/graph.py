"""What readiness costs on a large graph, beside asking the graph each time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from django.db import connection

from controlplane.access import services as access
from controlplane.base import bench
from controlplane.base.bench import Row, Run
from controlplane.lib import actors
from controlplane.lib.errors import ControlPlaneError
from controlplane.work import services
from controlplane.work.benches import crowd, doors, sample
from controlplane.work.benches.timing import both, since, timed
from controlplane.work.models import Item, Project
from controlplane.work.services import cycles, graph, queues, trees

JOB = actors.job("bench")
FIRST = 100
WORKERS = 16
CHANGES = 1_000  # by the crowd
EACH_SECOND = 5_000  # where it has the whole measurement: 10,000 in the usual two seconds

# What a graph without a kept flag must do: find what is held up, from every edge, then sort.
_AT_READ_TIME = """
    WITH RECURSIVE held(id) AS (
        SELECT d.item_id FROM work_dependency d
        JOIN work_item t ON t.id = d.target_id AND t.active
        JOIN work_item i ON i.id = d.item_id AND i.active
        WHERE d.kind IN ('blocks', 'conditional-blocks') AND i.project_id = %(project)s
        UNION
        SELECT c.id FROM held h JOIN work_item c ON c.parent_id = h.id WHERE c.active
    )
    SELECT i.id FROM work_item i
    WHERE i.project_id = %(project)s AND i.status = 'open'
      AND NOT EXISTS (SELECT 1 FROM held WHERE held.id = i.id)
    ORDER BY i.priority, i.created_at DESC, i.id LIMIT 100
"""


@bench.register(
    "crowd", doc="Four at once change a small work graph 10,000 times: what is wrong afterwards."
)
def many_at_once(run: Run) -> Iterator[Row]:
    """Apart from `work`: it takes minutes."""
    yield from crowd.measure(max(int(EACH_SECOND * run.seconds), crowd.WORKERS))


@bench.register("work", doc="The work graph at 100,000 items (or --rows), beside recursion.")
def work(run: Run) -> Iterator[Row]:
    workspace = access.create_workspace("bench-work", actor=JOB)
    project = Project.objects.get(workspace=workspace, is_operations=True)
    items = run.rows or 100_000
    started = time.perf_counter()
    hub = sample.fill(project, items)
    yield Row(f"filling {items:,} items with their edges", time.perf_counter() - started, "s")
    yield from _ready(run, project)
    yield from _changes(run, project)
    yield from _hub(hub)
    yield from _claims(run, project)
    yield from crowd.measure(CHANGES)
    yield from _whole(project)
    yield from doors.measure(run, project)


# --- Reading ----------------------------------------------------------------------------------


def _ready(run: Run, project: Project) -> Iterator[Row]:
    queue = project.items.ready()
    recursive = timed(lambda: _rows(_AT_READ_TIME, project=project.pk), least=5)
    asked: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("", lambda: queue),
        (", with a label of one in fifty", lambda: queue.with_labels(["ops"])),
        (", with a label of one in thirty", lambda: queue.with_labels(["area-3"])),
        (", with a label of few", lambda: queue.with_labels(["area-7", "ops"])),
        (", of one assignee", lambda: queue.assigned_to("worker-4")),
        (", priority 0", lambda: queue.filter(priority=0)),
    )
    for name, rows in asked:
        read = partial(_first_of, rows, "label" in name)
        taken = timed(read, run.seconds / 4)
        yield from both(f"ready, first {FIRST}{name}", taken, "recursive query", recursive)


def _first_of(rows: Callable[[], Any], by_label: bool) -> None:
    """As the doors ask it."""
    if not by_label:
        list(rows().order_by(*queues.BY_PRIORITY).values_list("id")[:FIRST])
        return
    with queues.alone():
        found = queues.selective(rows())
        list(found.order_by(*queues.BY_PRIORITY).values_list("id")[:FIRST])


def _rows(sql: str, **values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        found: list[Any] = cursor.fetchall()
        return found


# --- Changing ---------------------------------------------------------------------------------


def _changes(run: Run, project: Project) -> Iterator[Row]:
    """Whole services: permission, readiness, history and audit, committed."""
    some = list(project.items.filter(status="open").order_by("?")[:400])
    bare = timed(lambda: _touch(run.rng.choice(some)), run.seconds / 4)
    flips = timed(lambda: _flip(run.rng.choice(some)), run.seconds)
    yield from both("close or reopen one item", flips, "one bare UPDATE", bare)
    everything = list(project.items.order_by("?")[:2_000])
    added = timed(lambda: _join(run.rng.sample(everything, 2)), run.seconds)
    yield from both("add one dependency", added, "one bare UPDATE", bare)


def _touch(item: Item) -> None:
    Item.objects.filter(pk=item.pk).update(source_system="bench")


def _flip(item: Item) -> None:
    now = Item.objects.get(pk=item.pk)
    if now.is_closed:
        services.reopen_item(now, actor=JOB)
    else:
        services.close_item(now, actor=JOB, reason="bench", force=True)


def _join(pair: Sequence[Item]) -> None:
    try:
        services.add_dependency(pair[0], pair[1], actor=JOB, epic_rule=False)
    except ControlPlaneError:
        return  # it would have gone round: found out, which is what is measured


def _hub(hub: Item) -> Iterator[Row]:
    waiting = hub.edges_in.count()
    started = time.perf_counter()
    services.close_item(hub, actor=JOB, reason="bench", force=True)
    yield Row(f"closing what {waiting:,} items wait for", since(started), "ms")
    started = time.perf_counter()
    services.reopen_item(hub, actor=JOB)
    yield Row(f"reopening what {waiting:,} items wait for", since(started), "ms")


def _claims(run: Run, project: Project) -> Iterator[Row]:
    before = project.items.filter(status="in_progress").count()

    def claim() -> None:
        services.claim_next(project, actor=JOB, name="crowd")

    rate = bench.together(WORKERS, claim, run.seconds)
    taken = project.items.filter(status="in_progress").count() - before
    told = project.items.filter(events__kind="claimed").count()
    yield Row(
        f"claims of the next ready item, {WORKERS} workers",
        rate,
        "/s",
        note=f"{taken:,} items taken, {told:,} times told so",
    )


# --- The whole graph --------------------------------------------------------------------------


def _whole(project: Project) -> Iterator[Row]:
    started = time.perf_counter()
    wrong = len(graph.mismatches())
    yield Row("comparing all readiness with its definition", since(started), "ms")
    yield Row("mismatches after all of the above", wrong, "")
    middle = project.items.get(key=f"bd-{sample.CHAIN // 2}")
    for name, most in (("1,000 nodes", 1_000), ("as many as are shown", 0)):
        draw = partial(trees.tree, middle, direction="both", max_nodes=most)
        taken = timed(draw, least=5)
        yield Row(f"a tree both ways, {name}, p50", taken[len(taken) // 2], "ms")
    started = time.perf_counter()
    cycles.cycles(project.workspace)
    yield Row("looking for cycles in all of it", since(started), "ms")

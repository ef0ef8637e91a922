"""tasks.json: a list of `{id, title, area, blocked_by}`, as follow-ups are kept elsewhere.

It has no status: what is unfinished is exported, and an import makes what is missing and never
opens anew what is done. `blocked_by` are edges of the type `blocks`; the area is kept as metadata
and as a label.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.db import transaction

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, Invalid
from controlplane.work import vocabulary
from controlplane.work.models import Dependency, Item, Project
from controlplane.work.services import graph, reading
from controlplane.work.services.edges import add_dependency
from controlplane.work.services.items import create_item
from controlplane.work.services.projects import require_open

SOURCE = "tasks.json"
MOST = 2_000
_FIELDS = {"id", "title", "area", "blocked_by"}


class Task(NamedTuple):
    place: int
    id: str
    title: str
    area: str
    blocked_by: list[str]


class TasksImported(NamedTuple):
    created: list[str]  # keys
    unchanged: int
    dependencies: int


def export_tasks(project: Project, *, actor: Actor, label: str = "") -> list[dict[str, Any]]:
    """Unfinished items, in the order in which they were made."""
    policy.require(actor, "work.view", project)
    found = Item.objects.filter(project=project).unfinished().defer("search").order_by("pk")
    if label:
        found = found.with_labels([label])
    items = {item.pk: item for item in found[: MOST + 1]}
    if len(items) > MOST:
        raise Invalid(f"tasks.json has room for {MOST:,} tasks: choose by a label.")
    before: dict[int, list[str]] = {}
    edges = Dependency.objects.filter(
        item_id__in=items, target_id__in=items, kind__in=vocabulary.BLOCKING
    )
    for item, target in edges.order_by("id").values_list("item_id", "target_id"):
        before.setdefault(item, []).append(_id(items[target]))
    return [
        {
            "id": _id(item),
            "title": item.title,
            "area": _area(item),
            "blocked_by": before.get(item.pk, []),
        }
        for item in items.values()
    ]


def _id(item: Item) -> str:
    """What came from a tasks.json is called there as it was."""
    return item.external_ref if item.source_system == SOURCE else item.key


def _area(item: Item) -> str:
    said = item.metadata.get("area")
    if isinstance(said, str) and said:
        return said
    return item.backlog_category or item.stage or (item.labels[0] if item.labels else "")


@transaction.atomic
def import_tasks(project: Project, found: Any, *, actor: Actor, name: str = "") -> TasksImported:
    """All of it or nothing."""
    policy.require(actor, "work.import", project)
    require_open(project)
    tasks = _read(found)
    graph.lock(project.workspace_id)  # before the first key: a running number is a row, held
    known = Item.objects.filter(
        project=project, source_system=SOURCE, external_ref__in=[task.id for task in tasks]
    )
    items: dict[str, Item] = {item.external_ref: item for item in known.order_by("-pk")}
    items |= _by_key(project, [task.id for task in tasks if task.id not in items])
    made, edges = [], 0
    for task in tasks:
        if task.id not in items:
            items[task.id] = _make(project, task, actor, name)
            made.append(items[task.id].key)
    for task in tasks:
        edges += _join(task, items, actor, name)
    done = TasksImported(made, len(tasks) - len(made), edges)
    record(
        actor,
        "work.import",
        project,
        after={"source": SOURCE, "created": made[:100], "dependencies": edges},
    )
    return done


def _by_key(project: Project, ids: list[str]) -> dict[str, Item]:
    """What this project itself exported."""
    found = {}
    for each in ids:
        item = Item.objects.filter(project=project).called(each).first()
        if item is not None:
            found[each] = item
    return found


def _make(project: Project, task: Task, actor: Actor, name: str) -> Item:
    try:
        return create_item(
            project,
            actor=actor,
            name=name,
            title=task.title,
            labels=[task.area] if task.area else [],
            metadata={"area": task.area} if task.area else {},
            source_system=SOURCE,
            external_ref=task.id,
        )
    except Invalid as error:
        raise _bad(task.place, error.message) from None


def _join(task: Task, items: Mapping[str, Item], actor: Actor, name: str) -> int:
    item, fresh = items[task.id], 0
    for each in task.blocked_by:
        target = items.get(each)
        if target is None:
            raise _bad(task.place, f"{task.id} is blocked by {each}, which is not in the list.")
        if Dependency.objects.filter(item=item, target=target).exists():
            continue
        if item == target or graph.reaches(target.pk, item.pk):
            # In the file's words: the keys they were given are gone with the rest.
            raise _bad(task.place, f"blocked by {each}, {task.id} would wait for itself.")
        try:
            add_dependency(item, target, actor=actor, name=name, epic_rule=False)
        except ControlPlaneError as error:
            raise _bad(task.place, error.message) from None
        fresh += 1
    return fresh


def _read(found: Any) -> list[Task]:
    if not isinstance(found, list):
        raise Invalid("tasks.json is a list of tasks.", details={"body": "Not a list."})
    if not found:
        raise Invalid("There are no tasks in it.", details={"body": "Empty."})
    if len(found) > MOST:
        raise Invalid(f"At most {MOST:,} tasks at once.", details={"body": "Too many."})
    tasks = [_task(place, each) for place, each in enumerate(found)]
    seen: set[str] = set()
    for task in tasks:
        if task.id in seen:
            raise _bad(task.place, f"{task.id} stands there twice.")
        seen.add(task.id)
    return tasks


def _task(place: int, found: Any) -> Task:
    if not isinstance(found, dict) or set(found) - _FIELDS:
        raise _bad(place, "A task is {id, title, area, blocked_by}.")
    before = found.get("blocked_by") or []
    if not isinstance(before, list):
        raise _bad(place, "blocked_by is a list of ids.")
    try:
        return Task(
            place,
            _name(found.get("id")),
            reading.title(found.get("title")),
            reading.line("area", found.get("area"), 200),
            [_name(each) for each in before],
        )
    except Invalid as error:
        raise _bad(place, error.message) from None


def _name(value: Any) -> str:
    """An id is a text or a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    said = reading.line("id", value, 120)
    if not said:
        raise Invalid("A task has an id.")
    return said


def _bad(place: int, sentence: str) -> Invalid:
    return Invalid(
        f"task {place + 1}: {sentence} Nothing was imported.", details={f"{place}": sentence}
    )

"""What is looked at regularly: labels of operations items, readiness, files nobody names."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.core.files.storage import Storage
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.work import vocabulary
from controlplane.work.models import Item, ItemEvent, ItemLink
from controlplane.work.services import graph
from controlplane.work.services.noting import event

logger = logging.getLogger(__name__)

LOOKED_BACK = defaults.define(
    "work.labels_days",
    30,
    unit="days",
    why="Closed work is still in reviews for a month; what is older is history.",
)
EVIDENCE_DAYS = defaults.define(
    "work.evidence_days",
    30,
    unit="days",
    why="What was closed a month ago is past its review; its evidence is no longer found.",
)
ORPHAN_HOURS = defaults.define(
    "work.orphan_hours",
    24,
    unit="hours",
    why="A file is stored before its row commits: a young one may be just arriving.",
)
UNLABELLED = "label_missing"
_NAMED = 50
_FOLDER = "work"
_AT_ONCE = 500
# Edges say who the parent is; the column repeats it.
_PARENTS = """
    UPDATE work_item i SET parent_id = t.parent FROM (
        SELECT c.id, e.target_id AS parent FROM work_item c
        LEFT JOIN work_dependency e ON e.item_id = c.id AND e.kind = 'parent-child'
             AND e.target_id IS NOT NULL
        WHERE c.workspace_id = %s AND c.parent_id IS DISTINCT FROM e.target_id
    ) t WHERE t.id = i.id
"""


# --- Labels -----------------------------------------------------------------------------------


def unlabelled(workspace_id: int) -> QuerySet[Any]:
    """Deployments, incidents and windows that lack the label of their kind."""
    ours = Item.objects.filter(workspace_id=workspace_id).queued()
    rows: QuerySet[Any] = lacking_label(ours)
    return rows.defer("search").order_by("pk")


def lacking_label(rows: Any) -> Any:
    wrong = Q(pk=None)
    for kind in sorted(vocabulary.OPERATIONS_LABELS):
        wrong |= Q(item_type=kind) & ~Q(labels__contains=[kind])
    since = clock.now() - timedelta(days=LOOKED_BACK.value)
    recent = ~Q(category="done") | Q(updated_at__gte=since)
    return rows.filter(wrong, recent)


# --- Evidence ---------------------------------------------------------------------------------


def closed_lately(rows: Any) -> Any:
    """Operations items that were closed so late that somebody may still add the evidence."""
    since = clock.now() - timedelta(days=EVIDENCE_DAYS.value)
    return rows.filter(item_type__in=vocabulary.OPERATIONS_TYPES, closed_at__gte=since)


def without_evidence(rows: Any) -> Any:
    return closed_lately(rows).filter(links=None)


@transaction.atomic
def check_labels(workspace: Workspace, *, actor: Actor) -> list[Item]:
    """Items without their label; each is told of it in its history, once."""
    policy.require(actor, "work.update", workspace)
    found = list(unlabelled(workspace.pk))
    told = ItemEvent.objects.filter(item__in=found, kind=UNLABELLED)
    known = set(told.values_list("item_id", flat=True))
    ItemEvent.objects.bulk_create(
        event(
            item,
            UNLABELLED,
            actor=actor,
            new=item.item_type,
            comment=f"It is of the type {item.item_type} and does not carry that label.",
        )
        for item in found
        if item.pk not in known
    )
    return found


# --- Readiness --------------------------------------------------------------------------------


def repair_readiness(*, actor: Actor) -> dict[int, int]:
    """Compare what is kept with the definition, everywhere. What differs is written anew, with a
    record of what it was. Answers workspace -> items that were wrong."""
    wrong = graph.mismatches()
    if not wrong:
        return {}
    named = [pk for pk in wrong if pk > 0]
    edges = [-pk for pk in wrong if pk < 0]
    places = set(Item.objects.filter(pk__in=named).values_list("workspace_id", flat=True))
    places |= set(Item.objects.filter(edges_out__in=edges).values_list("workspace_id", flat=True))
    repaired = {}
    for workspace_id in sorted(places):
        if number := _repair(workspace_id, actor):
            repaired[workspace_id] = number
    return repaired


@transaction.atomic
def _repair(workspace_id: int, actor: Actor) -> int:
    graph.lock(workspace_id)
    wrong = graph.mismatches(workspace_id)
    if not wrong:
        return 0
    rows = Item.objects.filter(pk__in=[pk for pk in wrong if pk > 0][:_NAMED])
    before = list(rows.values("key", "open_blockers", "blocked", "parent_id"))
    with connection.cursor() as cursor:
        cursor.execute(_PARENTS, [workspace_id])
    changed = graph.rebuild(workspace_id)
    logger.error("the kept readiness of %d work items was wrong", len(wrong))
    record(
        actor,
        "work.repair",
        f"work.graph:{workspace_id}",
        workspace_id=workspace_id,
        before={"items": before},
        after={"wrong": len(wrong), "changed": changed, "left": graph.mismatches(workspace_id)},
    )
    return len(wrong)


# --- Files ------------------------------------------------------------------------------------


def remove_orphans(*, limit: int = 10_000) -> int:
    """Delete kept files that no evidence names any more: of transactions that rolled back, of
    items that were deleted."""
    storage: Storage = ItemLink._meta.get_field("file").storage
    oldest = clock.now() - timedelta(hours=ORPHAN_HOURS.value)
    removed = 0
    for names in _batches(storage):
        known = set(ItemLink.objects.filter(file__in=names).values_list("file", flat=True))
        for name in names:
            if name in known or not _older(storage, name, oldest):
                continue
            storage.delete(name)
            _leave(storage, name)
            removed += 1
            if removed >= limit:
                return removed
    return removed


def _batches(storage: Storage) -> Iterator[list[str]]:
    names: list[str] = []
    for folder in _listed(storage, _FOLDER, folders=True):
        inside = f"{_FOLDER}/{folder}"
        names += [f"{inside}/{name}" for name in _listed(storage, inside, folders=False)]
        if len(names) >= _AT_ONCE:
            yield names
            names = []
    if names:
        yield names


def _listed(storage: Storage, path: str, *, folders: bool) -> list[str]:
    try:
        directories, files = storage.listdir(path)
    except OSError:
        return []
    return list(directories if folders else files)


def _older(storage: Storage, name: str, than: Any) -> bool:
    try:
        return bool(storage.get_modified_time(name) < than)
    except OSError:
        return False


def _leave(storage: Storage, name: str) -> None:
    """The emptied folder, where the storage has such."""
    try:
        storage.delete(name.rsplit("/", 1)[0])
    except OSError:
        return

"""`show`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Q

from controlplane.lib.errors import ControlPlaneError, NotFound
from controlplane.work import vocabulary
from controlplane.work.beads import rows
from controlplane.work.beads.asking import Call, refuse
from controlplane.work.beads.table import command
from controlplane.work.models import Comment, Dependency, Item

# A hub has tens of thousands of dependents; nobody reads them in one answer.
MOST_DEPENDENTS = 1_000


@command("show", "view", takes={"ids", "id", "refs", "children", "thread", "as_of"})
def show(call: Call) -> Any:
    """Items with what is around them. Unknown ones are noted as long as one is known."""
    if "as_of" in call.given:
        raise refuse("as_of", "only the present can be shown: an item's history is in the console")
    found: dict[int, Item] = {}
    for text in call.given.ids():
        try:
            item = call.find(text)
        except ControlPlaneError as error:
            call.refuse(error)
        else:
            found.setdefault(item.pk, item)
    if not found:
        raise _first_refusal(call)
    return shown(call, list(found.values()))


def _first_refusal(call: Call) -> ControlPlaneError:
    return call.refused[0] if call.refused else NotFound("no issue found")


def shown(call: Call, items: list[Item]) -> list[dict[str, Any]]:
    ids = [item.pk for item in items]
    out = _by(Dependency.objects.filter(item_id__in=ids), "item_id", "target")
    back = _dependents(call, items)
    said: dict[int, list[Comment]] = {}
    for each in Comment.objects.filter(item_id__in=ids):
        said.setdefault(each.item_id, []).append(each)
    children = _children(items)
    parts = _parts(call, ids)
    answer = []
    for item in items:
        row = rows.versioned(item)
        _edges(row, out.get(item.pk, []), back.get(item.pk, []))
        if item.pk in said:
            row["comments"] = [rows.comment(each, item.key) for each in said[item.pk]]
        if item.item_type == "epic":
            total, closed = children.get(item.pk, (0, 0))
            row["epic_total_children"] = total
            row["epic_closed_children"] = closed
            row["epic_closeable"] = 0 < total == closed and item.category != "done"
        row["is_blocked"] = item.blocked
        if parts is not None:
            row["children"] = parts.get(item.pk, [])
        answer.append(row)
    return answer


def _parts(call: Call, ids: list[int]) -> dict[int, list[dict[str, Any]]] | None:
    """`--children`: what is under each, in full."""
    if not call.given.flag("children"):
        return None
    found: dict[int, list[dict[str, Any]]] = {}
    for part in Item.objects.filter(parent_id__in=ids).defer("search").order_by("id"):
        found.setdefault(part.parent_id or 0, []).append(rows.issue(part))
    return found


def _by(edges: Any, side: str, towards: str) -> dict[int, list[Dependency]]:
    found: dict[int, list[Dependency]] = {}
    read = edges.select_related(towards).defer(f"{towards}__search").order_by("id")
    for edge in read:
        found.setdefault(getattr(edge, side), []).append(edge)
    return found


def _dependents(call: Call, items: Iterable[Item]) -> dict[int, list[Dependency]]:
    found: dict[int, list[Dependency]] = {}
    for item in items:
        rows_in = Dependency.objects.filter(target=item).select_related("item")
        rows_in = rows_in.defer("item__search").order_by("id")
        edges: list[Dependency] = list(rows_in[: MOST_DEPENDENTS + 1])
        if len(edges) > MOST_DEPENDENTS:
            call.note(f"{item.key} has more than {MOST_DEPENDENTS} dependents; the first are shown")
        found[item.pk] = edges[:MOST_DEPENDENTS]
    return found


def _edges(row: dict[str, Any], out: list[Dependency], back: list[Dependency]) -> None:
    here = [rows.linked(edge.target, edge.kind) for edge in out if edge.target is not None]
    away = [
        {"depends_on_id": edge.target_name, "type": edge.kind} for edge in out if not edge.target
    ]
    if here:
        row["dependencies"] = here
    if away:
        row["external_dependencies"] = away
    if back:
        row["dependents"] = [rows.linked(edge.item, edge.kind) for edge in back]
    for edge in out:
        if edge.kind == vocabulary.PARENT and edge.target is not None:
            row["parent"] = edge.target.key


def _children(items: Iterable[Item]) -> dict[int, tuple[int, int]]:
    epics = [item.pk for item in items if item.item_type == "epic"]
    if not epics:
        return {}
    found = Item.objects.filter(parent_id__in=epics).order_by().values_list("parent_id")
    done = found.annotate(total=Count("id"), closed=Count("id", filter=Q(category="done")))
    return {parent: (total, closed) for parent, total, closed in done}

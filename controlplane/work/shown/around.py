"""What stands around an item: what it waits for, what waits for it, level by level.

Each level is one question over an index, and there is an end to both the levels and the items:
a hub of ten thousand dependents must not become a page of ten thousand nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from controlplane.lib import defaults
from controlplane.work import vocabulary
from controlplane.work.models import Dependency, Item
from controlplane.work.services import trees
from controlplane.work.shown.words import TONES, item_url, state_of

DEPTHS = (1, 2, 3, 5)
DEPTH = 2
MOST_NODES = defaults.define(
    "work.graph_nodes", 80, unit="items", why="a drawing of more is a thicket; a tree says it too"
)
MOST_LINES = defaults.define(
    "work.tree_lines", 300, unit="items", why="a tree on a page; the API gives longer ones"
)
# What an item's drawing never needs: long texts of hundreds of neighbours.
_COLUMNS = (
    "uid", "key", "title", "status", "category", "blocked", "defer_until", "priority",
    "item_type", "assignee", "parent_id", "workspace_id", "project_id",
)  # fmt: skip


@dataclass(slots=True)
class Neighbourhood:
    items: dict[int, Item]
    edges: list[Dependency] = field(default_factory=list)
    cut: bool = False


def around(item: Item, depth: int, most: int | None = None) -> Neighbourhood:
    """The item with all that is at most `depth` ordered edges away, in both directions."""
    most = most or MOST_NODES.value
    found = Neighbourhood({item.pk: item})
    edges: dict[int, Dependency] = {}
    for forth in (True, False):
        frontier = [item.pk]
        for _ in range(depth):
            rows = _edges(frontier, forth, most * 4)
            edges |= {row.pk: row for row in rows}
            ends = dict.fromkeys(_end(row, forth) for row in rows)
            fresh = [pk for pk in ends if pk not in found.items]
            room = most - len(found.items)
            found.cut = found.cut or len(fresh) > room or len(rows) >= most * 4
            frontier = fresh[: max(room, 0)]
            if not frontier:
                break
            found.items |= {row.pk: row for row in _items(frontier)}
    found.edges = [
        row for row in edges.values() if row.item_id in found.items and row.target_id in found.items
    ]
    return found


def _edges(ids: Sequence[int], forth: bool, most: int) -> list[Dependency]:
    rows = Dependency.objects.filter(kind__in=vocabulary.ORDERED, target__isnull=False)
    rows = rows.filter(item_id__in=ids) if forth else rows.filter(target_id__in=ids)
    return list(rows.order_by("id")[:most])


def _end(edge: Dependency, forth: bool) -> int:
    """Edges to the outside, which end nowhere, were left out."""
    return edge.target_id or 0 if forth else edge.item_id


def _items(ids: Iterable[int]) -> list[Item]:
    return list(Item.objects.filter(pk__in=list(ids)).only(*_COLUMNS))


# --- The drawing --------------------------------------------------------------------------------


def graph(item: Item, depth: int) -> dict[str, Any]:
    """For `{% chart %}`: blockers and parents to the left, what comes after to the right."""
    found = around(item, depth)
    ordered = sorted(found.items.values(), key=lambda row: (row.pk != item.pk, row.pk))
    note = ""
    if found.cut:
        note = f"Only the nearest {len(ordered)} items are drawn. A smaller depth shows them all."
    return {
        "kind": "graph",
        "title": f"What stands around {item.key}",
        "heading": False,
        "direction": "LR",
        "note": note,
        "empty": "It stands alone: nothing waits for it, and it waits for nothing.",
        "nodes": [_node(row, here=row.pk == item.pk) for row in ordered],
        # An arrow leads from what comes first to what comes after it.
        "edges": [_arrow(edge) for edge in found.edges],
    }


def _node(item: Item, *, here: bool) -> dict[str, Any]:
    state = state_of(item)
    label = f"This: {item.title}" if here else f"{item.key} {item.title}"
    return {
        "id": str(item.pk),
        "label": label,
        "state": state,
        "tone": TONES.get(state, "active"),
        "href": "" if here else item_url(item),
    }


def _arrow(edge: Dependency) -> dict[str, str]:
    first, then = str(edge.target_id), str(edge.item_id)
    label = {vocabulary.PARENT: "part", vocabulary.WAITS: "awaits"}.get(edge.kind, "")
    return {"source": first, "target": then, "label": label}


# --- The tree -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a tree, with what hangs under it."""

    item: Item
    relation: str
    state: str
    url: str
    lines: list[Line]


def tree(item: Item, depth: int, *, forth: bool) -> tuple[list[Line], bool]:
    """What the item waits for (or is part of), or what waits for it; each item once. The flag
    says whether something was left out for want of room."""
    direction = "down" if forth else "up"
    found = trees.tree(
        item,
        direction=direction,
        max_depth=depth,
        max_nodes=MOST_LINES.value,
        kinds=vocabulary.ORDERED,
    )
    return _lines(found.nodes[0].below), len(found.nodes) >= MOST_LINES.value


def _lines(nodes: Sequence[trees.Node]) -> list[Line]:
    """As deep as `DEPTHS` allow."""
    return [
        Line(
            node.item,
            _relation(node),
            state_of(node.item),
            item_url(node.item),
            _lines(node.below),
        )
        for node in nodes
    ]


def _relation(node: trees.Node) -> str:
    words = vocabulary.edge_of(node.kind)
    return words.forward if node.direction == "down" else words.backward

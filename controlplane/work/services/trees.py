"""What an item depends on, and what depends on it: breadth-first, one query a level."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from controlplane.lib import defaults
from controlplane.work.models import Dependency, Item

MAX_NODES = defaults.define(
    "work.tree_max_nodes",
    5_000,
    unit="nodes",
    why="From a hub, a deep tree is half the graph: nobody reads it, and it would take seconds.",
)
Direction = Literal["down", "up"]


@dataclass(slots=True)
class Node:
    """One place in a tree. `truncated`: more is behind it than is told."""

    item: Item
    depth: int
    above: str  # the key of the node that led here; empty for the root
    kind: str  # by an edge of this type
    direction: Direction
    truncated: bool = False
    below: list[Node] = field(default_factory=list)


class Tree(NamedTuple):
    nodes: list[Node]
    truncated: bool


def tree(
    root: Item,
    *,
    direction: str = "down",
    max_depth: int = 50,
    max_nodes: int = 0,
    repeat: bool = False,
    kinds: Collection[str] = (),
) -> Tree:
    """Nodes in reading order: each after the one that led to it. "down": what the root depends
    on, and its parents; "up": what depends on it, and its children; "both": one after the other.
    Each item once on each side, unless `repeat` wants every path."""
    most = max_nodes or MAX_NODES.value
    sides: list[Direction] = ["down", "up"] if direction == "both" else [_side(direction)]
    nodes: list[Node] = []
    truncated = False
    for side in sides:
        grown = _Growing(root, side, max_depth, most - len(nodes), repeat, kinds)
        grown.grow()
        nodes += list(_in_order(grown.top))[bool(nodes) :]
        truncated = truncated or grown.truncated
    return Tree(nodes, truncated)


def _side(direction: str) -> Direction:
    return "up" if direction == "up" else "down"


# A node, and the items on the way to it.
_Place = tuple[Node, frozenset[int]]


class _Growing:
    def __init__(
        self,
        root: Item,
        side: Direction,
        max_depth: int,
        room: int,
        repeat: bool,
        kinds: Collection[str],
    ) -> None:
        self.top = Node(root, 0, "", "", side)
        self.side, self.max_depth, self.repeat, self.kinds = side, max_depth, repeat, kinds
        self.room = room - 1
        self.seen = {root.pk}
        self.truncated = False

    def grow(self) -> None:
        level: list[_Place] = [(self.top, frozenset({self.top.item.pk}))]
        for depth in range(1, self.max_depth + 1):
            if not level or self.room <= 0:
                break
            level = self._next(level, depth)
        self._mark_cut([node for node, _ in level])

    def _next(self, level: list[_Place], depth: int) -> list[_Place]:
        here = "item_id" if self.side == "down" else "target_id"
        found: list[_Place] = []
        while True:
            # What there is room for, and one that tells of more.
            most = self.room + len(level) + 1
            edges = list(self._edges([node.item.pk for node, _ in level])[:most])
            by: dict[int, list[Dependency]] = {}
            for edge in edges:
                by.setdefault(getattr(edge, here), []).append(edge)
            found += self._grown(level, by, depth)
            all_of_them = len(edges) < most
            if self.room <= 0 and not all_of_them:
                self._mark_cut([node for node, _ in level])
            # Many edges may lead to few items: then there is room left, and more to ask for.
            if all_of_them or self.repeat or self.room <= 0:
                return found

    def _grown(
        self, level: list[_Place], by: dict[int, list[Dependency]], depth: int
    ) -> list[_Place]:
        there = "target" if self.side == "down" else "item"
        found: list[_Place] = []
        for node, path in level:
            for edge in by.get(node.item.pk, ()):
                item: Item = getattr(edge, there)
                if item.pk in (path if self.repeat else self.seen):
                    continue
                if self.room <= 0:
                    node.truncated = self.truncated = True
                    break
                self.room -= 1
                self.seen.add(item.pk)
                child = Node(item, depth, node.item.key, edge.kind, self.side)
                node.below.append(child)
                found.append((child, path | {item.pk} if self.repeat else path))
        return found

    def _edges(self, ids: list[int]) -> Any:
        """Out of these, to where nothing was yet."""
        here, there = ("item_id", "target") if self.side == "down" else ("target_id", "item")
        edges = Dependency.objects.exclude(target=None).filter(**{f"{here}__in": ids})
        if self.kinds:
            edges = edges.filter(kind__in=self.kinds)
        if not self.repeat:
            edges = edges.exclude(**{f"{there}_id__in": list(self.seen)})
        return edges.select_related(there).defer(f"{there}__search").order_by("id")

    def _mark_cut(self, last: list[Node]) -> None:
        """Which of these have more behind them than there is room for."""
        here = "item_id" if self.side == "down" else "target_id"
        edges = self._edges([node.item.pk for node in last]).select_related(None).order_by()
        more = set(edges.values_list(here, flat=True).distinct()) if last else set()
        for node in last:
            if node.item.pk in more:
                node.truncated = self.truncated = True


def _in_order(top: Node) -> Iterator[Node]:
    """The node, then what is below it; without recursion, for trees may be deep."""
    stack = [top]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.below))

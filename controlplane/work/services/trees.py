"""What an item depends on, and what depends on it: breadth-first, one query a level."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

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
        level = [(self.top, frozenset({self.top.item.pk}))]
        for depth in range(1, self.max_depth + 1):
            if not level:
                return
            level = self._next(level, depth)
        self._mark_depth([node for node, _ in level])

    def _next(
        self, level: list[tuple[Node, frozenset[int]]], depth: int
    ) -> list[tuple[Node, frozenset[int]]]:
        here, there = ("item_id", "target") if self.side == "down" else ("target_id", "item")
        by: dict[int, list[Dependency]] = {}
        for edge in self._edges([node.item.pk for node, _ in level]):
            by.setdefault(getattr(edge, here), []).append(edge)
        found = []
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

    def _edges(self, ids: list[int]) -> Iterator[Dependency]:
        """Never more than there is room for, and one more that tells of it."""
        there = "target" if self.side == "down" else "item"
        edges = Dependency.objects.exclude(target=None)
        edges = edges.filter(**{"item_id__in" if self.side == "down" else "target_id__in": ids})
        if self.kinds:
            edges = edges.filter(kind__in=self.kinds)
        edges = edges.select_related(there).defer(f"{there}__search").order_by("id")
        if not self.repeat:
            edges = edges.exclude(**{f"{there}_id__in": list(self.seen)})
        yield from edges[: max(self.room, 0) + len(ids) + 1]

    def _mark_depth(self, last: list[Node]) -> None:
        """Whether anything would come after the deepest level that was asked for."""
        ids = [node.item.pk for node in last]
        here = "item_id" if self.side == "down" else "target_id"
        more = set(
            Dependency.objects.filter(**{f"{here}__in": ids})
            .exclude(target=None)
            .values_list(here, flat=True)
        )
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

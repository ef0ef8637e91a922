"""What an item depends on, and what depends on it: breadth-first, one query a level. The walk goes
over edges alone; the items are read when it is known which of them are shown."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from django.db import connection

from controlplane.lib import defaults
from controlplane.work.models import Item

MAX_NODES = defaults.define(
    "work.tree_max_nodes",
    5_000,
    unit="nodes",
    why="From a hub, a deep tree is half the graph: nobody reads it, and it would take seconds.",
)
Direction = Literal["down", "up"]


# From these, to where nothing was yet.
_EDGES = """
    SELECT {here}, {there}, kind FROM work_dependency
    WHERE {here} = ANY(%(ids)s) AND target_id IS NOT NULL AND {there} <> ALL(%(seen)s)
      AND (%(all_kinds)s OR kind = ANY(%(kinds)s))
"""


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
    found: list[tuple[Direction, list[_Place]]] = []
    room, truncated = most, False
    for side in sides:
        grown = _Growing(root.pk, side, max_depth, room, repeat, kinds)
        grown.grow()
        places = list(_in_order(grown.top))
        found.append((side, places))
        room -= len(places)
        truncated = truncated or grown.truncated
    wanted = {place.pk for _, places in found for place in places} - {root.pk}
    # Without the words of the search: as long as the item, and nobody reads them.
    items = Item.objects.defer("search").in_bulk(wanted) | {root.pk: root}
    nodes: list[Node] = []
    for side, places in found:
        nodes += _nodes(places, side, items)[bool(nodes) :]
    return Tree(nodes, truncated)


def _nodes(places: list[_Place], side: Direction, items: dict[int, Item]) -> list[Node]:
    """Without what was deleted meanwhile, and what hung on it."""
    nodes: dict[_Place, Node] = {}
    for place in places:
        above = nodes.get(place.above) if place.above else None
        if place.pk not in items or (place.above and above is None):
            continue
        key = above.item.key if above else ""
        node = Node(items[place.pk], place.depth, key, place.kind, side, place.truncated)
        nodes[place] = node
        if above:
            above.below.append(node)
    return list(nodes.values())


def _side(direction: str) -> Direction:
    return "up" if direction == "up" else "down"


@dataclass(slots=True, eq=False)
class _Place:
    """Where the walk came by."""

    pk: int
    depth: int
    above: _Place | None
    kind: str
    path: frozenset[int]  # the items on the way to it, where paths are repeated
    truncated: bool = False
    below: list[_Place] = field(default_factory=list)


_Edge = tuple[int, int, str]


class _Growing:
    def __init__(
        self,
        root: int,
        side: Direction,
        max_depth: int,
        room: int,
        repeat: bool,
        kinds: Collection[str],
    ) -> None:
        self.top = _Place(root, 0, None, "", frozenset({root}))
        self.max_depth, self.repeat, self.kinds = max_depth, repeat, kinds
        here, there = ("item_id", "target_id") if side == "down" else ("target_id", "item_id")
        self.edges = _EDGES.format(here=here, there=there)
        self.more = f"SELECT DISTINCT {here} FROM ({self.edges}) e"  # noqa: S608 - our own words
        self.room = room - 1
        self.seen = {root}
        self.truncated = False

    def grow(self) -> None:
        level = [self.top]
        for depth in range(1, self.max_depth + 1):
            if not level or self.room <= 0:
                break
            level = self._next(level, depth)
        self._mark_cut(level)

    def _next(self, level: list[_Place], depth: int) -> list[_Place]:
        found: list[_Place] = []
        while True:
            # What there is room for, and one that tells of more.
            most = self.room + len(level) + 1
            edges = self._ask(f"{self.edges} ORDER BY id LIMIT {most:d}", level)
            by: dict[int, list[_Edge]] = {}
            for edge in edges:
                by.setdefault(edge[0], []).append(edge)
            found += self._grown(level, by, depth)
            all_of_them = len(edges) < most
            if self.room <= 0 and not all_of_them:
                self._mark_cut(level)
            # Many edges may lead to few items: then there is room left, and more to ask for.
            if all_of_them or self.repeat or self.room <= 0:
                return found

    def _grown(self, level: list[_Place], by: dict[int, list[_Edge]], depth: int) -> list[_Place]:
        found: list[_Place] = []
        for place in level:
            for _, there, kind in by.get(place.pk, ()):
                if there in (place.path if self.repeat else self.seen):
                    continue
                if self.room <= 0:
                    place.truncated = self.truncated = True
                    break
                self.room -= 1
                self.seen.add(there)
                path = place.path | {there} if self.repeat else place.path
                child = _Place(there, depth, place, kind, path)
                place.below.append(child)
                found.append(child)
        return found

    def _mark_cut(self, last: list[_Place]) -> None:
        """Which of these have more behind them than there is room for."""
        more = {row[0] for row in self._ask(self.more, last)} if last else set()
        for place in last:
            if place.pk in more:
                place.truncated = self.truncated = True

    def _ask(self, sql: str, level: list[_Place]) -> list[Any]:
        values: dict[str, Any] = {
            "ids": [place.pk for place in level],
            "seen": [] if self.repeat else list(self.seen),
            "kinds": list(self.kinds),
            "all_kinds": not self.kinds,
        }
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            rows: list[Any] = cursor.fetchall()
            return rows


def _in_order(top: _Place) -> Iterator[_Place]:
    """The place, then what is below it; without recursion, for trees may be deep."""
    stack = [top]
    while stack:
        place = stack.pop()
        yield place
        stack.extend(reversed(place.below))

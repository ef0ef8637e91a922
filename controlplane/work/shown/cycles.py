"""Items that stand before themselves: looked for anew, in what the tables hold now.

No door lets a cycle in. This looks all the same, at every kind of edge that orders work, so that
nobody has to believe it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from controlplane.lib import defaults
from controlplane.work import vocabulary
from controlplane.work.models import Dependency, Item

MOST_EDGES = defaults.define(
    "work.cycle_edges", 500_000, unit="edges", why="what a page may read before it answers"
)
MOST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Found:
    edges: int
    cut: bool
    cycles: list[list[Item]]


def look(workspace_ids: Iterable[int]) -> Found:
    """Every set of items that wait for each other in a circle, each in the order of its circle."""
    rows = Dependency.objects.filter(
        item__workspace_id__in=list(workspace_ids),
        kind__in=vocabulary.ORDERED,
        target__isnull=False,
    )
    pairs = list(rows.values_list("item_id", "target_id")[: MOST_EDGES.value + 1])
    left = _peeled([(int(a), int(b)) for a, b in pairs if b is not None])
    circles = _circles(left)[:MOST_SHOWN]
    wanted = {pk for circle in circles for pk in circle}
    items = {item.pk: item for item in Item.objects.filter(pk__in=wanted)}
    cycles = [[items[pk] for pk in circle if pk in items] for circle in circles]
    return Found(len(pairs), len(pairs) > MOST_EDGES.value, cycles)


def _peeled(pairs: list[tuple[int, int]]) -> dict[int, list[int]]:
    """Without what leads nowhere, taken off again and again: only circles and ways between them
    are left."""
    out: dict[int, list[int]] = defaultdict(list)
    into: dict[int, list[int]] = defaultdict(list)
    for a, b in pairs:
        out[a].append(b)
        into[b].append(a)
    waiting = {node: len(targets) for node, targets in out.items()}
    ends = [node for node in into if node not in waiting]
    while ends:
        node = ends.pop()
        for before in into.get(node, ()):
            waiting[before] -= 1
            if not waiting[before]:
                del waiting[before]
                ends.append(before)
    return {node: [end for end in out[node] if end in waiting] for node in waiting}


def _circles(out: dict[int, list[int]]) -> list[list[int]]:
    """One circle through each node that has not been on one yet."""
    done: set[int] = set()
    found = []
    for start in sorted(out):
        path: dict[int, None] = {}
        node = start
        while node not in done and node not in path:
            path[node] = None
            node = next((end for end in out[node] if end not in done), out[node][0])
        if node in path:
            steps = list(path)
            found.append(steps[steps.index(node) :])
        done |= path.keys()
    return found

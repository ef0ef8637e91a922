"""Laying out a graph in layers, so that every edge points onwards.

Cycles are cut by turning the edges that lead back (they are drawn, marked, against the stream);
layers are longest paths; an edge over several layers runs through a dummy in each, so that it
takes a lane of its own; sweeps to and fro sort each layer by the mean of its neighbours, and the
order with the fewest crossings is kept.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Pair = tuple[int, int]
SWEEPS = 6
# Dummies are spent on the shortest edges first; past it long edges run straight.
MOST_DUMMIES = 4000


@dataclass(slots=True)
class Layout:
    """`place[i]` is (layer, offset across in units of a node's width); `route` of an edge holds
    the dummies' places from source to target, both ends left out."""

    place: list[tuple[int, float]]
    route: dict[int, list[tuple[int, float]]]
    back: set[int]
    layers: int
    width: float


@dataclass(slots=True)
class _Work:
    layer: list[int]
    rows: list[list[int]] = field(default_factory=list)
    up: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    down: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))


def lay_out(count: int, edges: Sequence[Pair], sizes: tuple[float, float] = (1.0, 0.4)) -> Layout:
    """`edges` are pairs of node indices; `sizes` the room a node and a dummy take across."""
    back = back_edges(count, edges)
    onward = [(b, a) if i in back else (a, b) for i, (a, b) in enumerate(edges)]
    layer = _longest_paths(count, onward)
    work = _Work(list(layer))
    chains = _dummies(work, onward)
    _order(work, count)
    across = _across(work, count, sizes)
    route = {}
    for index, chain in chains.items():
        places = [(work.layer[node], across[node]) for node in chain]
        route[index] = places[::-1] if index in back else places
    place = [(work.layer[node], across[node]) for node in range(count)]
    width = max(across, default=0.0) + sizes[0] / 2
    return Layout(place, route, back, max(layer, default=-1) + 1, width)


def back_edges(count: int, edges: Sequence[Pair]) -> set[int]:
    """Edges that close a cycle, loops too: found by a walk without recursion, in given order."""
    out: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for index, (a, b) in enumerate(edges):
        out[a].append((index, b))
    found: set[int] = set()
    state = [0] * count  # 1 on the current path, 2 finished
    entered = {b for _, b in edges}
    # Starting where nothing leads to keeps the natural first node first.
    for root in sorted(range(count), key=lambda node: node in entered):
        if state[root]:
            continue
        state[root] = 1
        stack = [(root, iter(out[root]))]
        while stack:
            node, steps = stack[-1]
            for index, target in steps:
                if state[target] == 1:
                    found.add(index)
                elif state[target] == 0:
                    state[target] = 1
                    stack.append((target, iter(out[target])))
                    break
            else:
                state[node] = 2
                stack.pop()
    return found


def _longest_paths(count: int, onward: Sequence[Pair]) -> list[int]:
    targets: dict[int, list[int]] = defaultdict(list)
    waiting = [0] * count
    for a, b in onward:
        if a != b:
            targets[a].append(b)
            waiting[b] += 1
    layer = [0] * count
    ready = deque(node for node in range(count) if not waiting[node])
    while ready:
        node = ready.popleft()
        for target in targets[node]:
            layer[target] = max(layer[target], layer[node] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    return layer


def _dummies(work: _Work, onward: Sequence[Pair]) -> dict[int, list[int]]:
    chains: dict[int, list[int]] = {}
    by_length = sorted(
        range(len(onward)), key=lambda i: work.layer[onward[i][1]] - work.layer[onward[i][0]]
    )
    spent = 0
    for index in by_length:
        a, b = onward[index]
        length = work.layer[b] - work.layer[a]
        if a == b or spent + length - 1 > MOST_DUMMIES:
            continue
        spent += length - 1
        chain = []
        for step in range(1, length):
            work.layer.append(work.layer[a] + step)
            chain.append(len(work.layer) - 1)
        chains[index] = chain
        for above, below in pairwise([a, *chain, b]):
            work.down[above].append(below)
            work.up[below].append(above)
    work.rows = [[] for _ in range(max(work.layer, default=-1) + 1)]
    for node, at in enumerate(work.layer):
        work.rows[at].append(node)
    return chains


def _order(work: _Work, count: int) -> None:
    del count
    best, fewest = [list(row) for row in work.rows], crossings(work.rows, work.down)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        forth = sweep % 2 == 0
        near = work.up if forth else work.down
        order = range(1, len(work.rows)) if forth else range(len(work.rows) - 2, -1, -1)
        for at in order:
            beside = {node: i for i, node in enumerate(work.rows[at - 1 if forth else at + 1])}
            mine = {node: float(i) for i, node in enumerate(work.rows[at])}
            for node in work.rows[at]:
                if near[node]:
                    mine[node] = sum(beside[other] for other in near[node]) / len(near[node])
            work.rows[at].sort(key=mine.__getitem__)
        now = crossings(work.rows, work.down)
        if now < fewest:
            best, fewest = [list(row) for row in work.rows], now
    work.rows = best


def crossings(rows: Sequence[Sequence[int]], down: dict[int, list[int]]) -> int:
    """Pairs of edges that cross, counted as inversions layer by layer."""
    total = 0
    for above, below in pairwise(rows):
        where = {node: i for i, node in enumerate(below)}
        seen: list[int] = []
        for node in above:
            ends = sorted(where[target] for target in down[node])
            for end in ends:
                total += len(seen) - bisect_left(seen, end + 1)
            for end in ends:
                insort(seen, end)
    return total


# --- Places across a layer --------------------------------------------------------------------


def _across(work: _Work, count: int, sizes: tuple[float, float]) -> list[float]:
    """Each node as near to the mean of its neighbours as order and room allow."""
    node_size, dummy_size = sizes

    def size(node: int) -> float:
        return node_size if node < count else dummy_size

    at = [0.0] * len(work.layer)
    for row in work.rows:
        reached = 0.0
        for node in row:
            at[node] = reached + size(node) / 2
            reached += size(node)
    widest = max((at[row[-1]] for row in work.rows if row), default=0.0)
    for row in work.rows:  # begin centred
        shift = (widest - at[row[-1]]) / 2 if row else 0.0
        for node in row:
            at[node] += shift
    for sweep in range(4):
        near = work.up if sweep % 2 == 0 else work.down
        for row in work.rows if sweep % 2 == 0 else work.rows[::-1]:
            wanted = [
                sum(at[other] for other in near[node]) / len(near[node]) if near[node] else at[node]
                for node in row
            ]
            for node, place in zip(row, spread(wanted, [size(node) for node in row]), strict=True):
                at[node] = place
    left = min((at[node] - size(node) / 2 for node in range(len(at))), default=0.0)
    return [place - left for place in at]


def spread(wanted: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """The places nearest to `wanted` (least squares) in this order without overlap.

    Less the room of those before it each place must only not fall: then pooling neighbours that
    are in each other's way, and giving the pool their mean, is exact.
    """
    offsets, reached = [], 0.0
    for index, size in enumerate(sizes):
        reached += (sizes[index - 1] + size) / 2 if index else 0.0
        offsets.append(reached)
    pools: list[tuple[float, int]] = []  # mean, how many
    for want, offset in zip(wanted, offsets, strict=True):
        mean, many = want - offset, 1
        while pools and pools[-1][0] > mean:
            before, number = pools.pop()
            mean, many = (before * number + mean * many) / (number + many), number + many
        pools.append((mean, many))
    flat = [mean for mean, many in pools for _ in range(many)]
    return [mean + offset for mean, offset in zip(flat, offsets, strict=True)]

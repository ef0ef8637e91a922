"""Loops among the edges that order work. They are refused at write; this looks all the same."""

from __future__ import annotations

from collections import defaultdict

from controlplane.access.models import Workspace
from controlplane.work import vocabulary
from controlplane.work.models import Dependency, Item, Project

Edges = dict[int, list[int]]


def cycles(workspace: Workspace, project: Project | None = None) -> list[list[Item]]:
    """Every group of items that stand before one another, the smallest id first. Of the
    workspace: edges may cross its projects. With a project, those that have a part in it."""
    rows = Dependency.objects.filter(
        item__workspace=workspace, kind__in=vocabulary.ORDERED, target__isnull=False
    )
    edges: Edges = defaultdict(list)
    for item, target in rows.values_list("item_id", "target_id"):
        edges[item].append(target)
    loops = knots(_trimmed(edges))
    if not loops:
        return []
    items = Item.objects.defer("search").in_bulk([pk for loop in loops for pk in loop])
    found = [[items[pk] for pk in loop if pk in items] for loop in loops]
    if project is None:
        return found
    return [loop for loop in found if any(item.project_id == project.pk for item in loop)]


def _trimmed(edges: Edges) -> Edges:
    """Without what nothing comes before, again and again (Kahn): what is left has loops in it,
    or leads from one."""
    before: dict[int, int] = defaultdict(int)
    for targets in edges.values():
        for target in targets:
            before[target] += 1
    free = [item for item in edges if not before[item]]
    left = dict(edges)
    while free:
        for target in left.pop(free.pop(), ()):
            before[target] -= 1
            if not before[target]:
                free.append(target)
    return left


def knots(edges: Edges) -> list[list[int]]:
    """Groups of more than one in which everybody reaches everybody (Tarjan), without recursion:
    a chain of thousands is deeper than Python's stack."""
    number: dict[int, int] = {}
    low: dict[int, int] = {}
    on_stack: set[int] = set()
    stack: list[int] = []
    found: list[list[int]] = []
    for start in list(edges):
        if start in number:
            continue
        work = [(start, iter(edges.get(start, ())))]
        _enter(start, number, low, stack, on_stack)
        while work:
            node, targets = work[-1]
            target = next(targets, None)
            if target is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == number[node]:
                    group = _taken(node, stack, on_stack)
                    if len(group) > 1:
                        found.append(group)
            elif target not in number:
                _enter(target, number, low, stack, on_stack)
                work.append((target, iter(edges.get(target, ()))))
            elif target in on_stack:
                low[node] = min(low[node], number[target])
    return sorted(sorted(group) for group in found)


def _enter(
    node: int, number: dict[int, int], low: dict[int, int], stack: list[int], on_stack: set[int]
) -> None:
    number[node] = low[node] = len(number)
    stack.append(node)
    on_stack.add(node)


def _taken(node: int, stack: list[int], on_stack: set[int]) -> list[int]:
    group = []
    while True:
        last = stack.pop()
        on_stack.discard(last)
        group.append(last)
        if last == node:
            return group

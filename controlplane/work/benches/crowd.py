"""A crowd that does anything to a graph, and the definition of readiness as a child would write it.

The graph is small on purpose: everybody is always in everybody's way.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from django.db import connections

from controlplane.access import services as access
from controlplane.base.bench import Row
from controlplane.lib import actors
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError
from controlplane.work import services, vocabulary
from controlplane.work.models import Dependency, Item, Project
from controlplane.work.services import graph

ITEMS = 14
WORKERS = 4
# What is done, and how often beside the rest.
_OFTEN = {
    "edge": 30,
    "cut": 8,
    "status": 18,
    "close": 14,
    "reopen": 10,
    "parent": 10,
    "claim": 6,
    "new": 3,
    "delete": 1,
    "defer": 2,
}


class Crowd:
    """Somebody who does anything that can be done to a graph, in an order that a seed decides."""

    def __init__(self, project: Project, actor: Actor, ids: list[int], seed: int) -> None:
        self.project, self.actor, self.ids = project, actor, ids
        self.rng = random.Random(seed)  # noqa: S311 - repeatable, and no secret
        self.done = 0

    def act(self, times: int) -> None:
        for _ in range(times):
            try:
                self._anything()
            except ControlPlaneError:
                continue  # refused: nothing may have changed, which the comparison shows
            self.done += 1

    def _some(self) -> Item:
        item: Item | None = Item.objects.filter(pk=self.rng.choice(self.ids)).first()
        found: Item = item or Item.objects.filter(project=self.project)[0]
        return found

    def _anything(self) -> None:
        what = self.rng.choices(list(_OFTEN), list(_OFTEN.values()))[0]
        getattr(self, f"_{what}")()

    def _edge(self) -> None:
        kind = self.rng.choice(["blocks", "blocks", "conditional-blocks", "waits-for", "related"])
        gate = self.rng.choice(vocabulary.GATES) if kind == vocabulary.WAITS else ""
        services.add_dependency(
            self._some(), self._some(), actor=self.actor, kind=kind, gate=gate, epic_rule=False
        )

    def _cut(self) -> None:
        edges = list(Dependency.objects.filter(item__project=self.project))
        if edges:
            edge = self.rng.choice(edges)
            services.remove_dependency(edge.item, edge.target, actor=self.actor)

    def _status(self) -> None:
        status = self.rng.choice([*vocabulary.STATUSES, "shipped"])
        services.update_item(self._some(), actor=self.actor, status=status, reason="as it came")

    def _close(self) -> None:
        force = self.rng.random() < 0.5
        services.close_item(self._some(), actor=self.actor, reason="done", force=force)

    def _reopen(self) -> None:
        services.reopen_item(self._some(), actor=self.actor)

    def _parent(self) -> None:
        parent = None if self.rng.random() < 0.3 else self._some()
        services.set_parent(self._some(), parent, actor=self.actor)

    def _claim(self) -> None:
        services.claim(self._some(), actor=self.actor)

    def _new(self) -> None:
        parent = self._some() if self.rng.random() < 0.5 else None
        made = services.create_item(self.project, actor=self.actor, title="more", parent=parent)
        self.ids.append(made.pk)

    def _delete(self) -> None:
        services.delete_items([self._some()], actor=self.actor)

    def _defer(self) -> None:
        services.defer_item(self._some(), actor=self.actor)


# --- The definition ---------------------------------------------------------------------------


def naive(project: Project) -> dict[str, bool]:
    """Whether each item is blocked, by the definition and nothing else."""
    items = {item.pk: item for item in Item.objects.filter(project=project)}
    edges = list(Dependency.objects.filter(item__project=project))
    active = {pk: item.category != "done" and item.status != "pinned" for pk, item in items.items()}
    children: dict[int, list[int]] = {}
    for edge in edges:
        if edge.kind == vocabulary.PARENT:
            children.setdefault(edge.target_id or 0, []).append(edge.item_id)

    def unmet(edge: Dependency) -> bool:
        under = children.get(edge.target_id or 0, [])
        if "any-children" in edge.metadata and any(items[pk].category == "done" for pk in under):
            return False
        return any(active[pk] for pk in under)

    def direct(pk: int) -> bool:
        return active[pk] and any(
            (edge.kind in vocabulary.BLOCKING and active[edge.target_id])
            or (edge.kind == vocabulary.WAITS and unmet(edge))
            for edge in edges
            if edge.item_id == pk
        )

    def blocked(pk: int | None) -> bool:
        if pk is None or not active[pk]:
            return False
        return direct(pk) or blocked(items[pk].parent_id)

    return {items[pk].key: blocked(pk) for pk in items}


def stored(project: Project) -> dict[str, bool]:
    return dict(Item.objects.filter(project=project).values_list("key", "blocked"))


def circles(project: Project) -> bool:
    """Whether what orders work goes round, by taking away whatever nothing holds."""
    edges = set(
        Dependency.objects.filter(
            item__project=project, kind__in=vocabulary.ORDERED, target__isnull=False
        ).values_list("item_id", "target_id")
    )
    while edges:
        sources = {item for item, _ in edges}
        free = {edge for edge in edges if edge[1] not in sources}
        if not free:
            return True
        edges -= free
    return False


def mismatches(project: Project) -> int:
    """By the definition above, and by the checker the portal itself runs each night."""
    truth, kept = naive(project), stored(project)
    wrong = sum(truth[key] != kept[key] for key in truth)
    return wrong + len(graph.mismatches(project.workspace_id)) + circles(project)


# --- The figure -------------------------------------------------------------------------------


def measure(changes: int) -> Iterator[Row]:
    """Each with a connection of its own: what they meet in is the database."""
    job = actors.job("bench")
    workspace = access.create_workspace("bench-crowd", actor=job)
    project = Project.objects.get(workspace=workspace, is_operations=True)
    project = services.set_statuses(project, {"shipped": "done"}, actor=job)
    ids = [
        services.create_item(project, actor=job, title=f"item {number}").pk
        for number in range(ITEMS)
    ]
    started = time.perf_counter()
    done = _at_once([Crowd(project, job, list(ids), seed) for seed in range(WORKERS)], changes)
    taken = time.perf_counter() - started
    left = Item.objects.filter(project=project).count()
    yield Row(
        f"mismatches after {changes:,} random changes by {WORKERS} at once",
        mismatches(project),
        "",
        note=f"{done:,} done, the others refused; {left:,} items left; {taken:.0f} s",
    )


def _at_once(crowds: list[Crowd], changes: int) -> int:
    """How many were done. Whoever fails otherwise than by a refusal ends the measurement."""
    connections.close_all()  # the caller's own is one of few where there is a pool

    def act(crowd: Crowd) -> int:
        try:
            crowd.act(changes // len(crowds))
        finally:
            connections.close_all()
        return crowd.done

    with ThreadPoolExecutor(len(crowds)) as pool:
        return sum(pool.map(act, crowds))

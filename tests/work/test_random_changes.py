"""Readiness is what the definition says, after anything anybody does, alone or in a crowd."""

from __future__ import annotations

import random
from typing import Any

import pytest

from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError
from controlplane.work import services, vocabulary
from controlplane.work.models import Dependency, Item, Project
from controlplane.work.services import graph
from tests import make
from tests.kit import work
from tests.kit.racing import race

ITEMS = 14


class Crowd:
    """Somebody who does anything that can be done to a graph, in an order that a seed decides."""

    def __init__(self, project: Project, actor: Actor, ids: list[int], seed: int) -> None:
        self.project, self.actor, self.ids = project, actor, ids
        self.rng = random.Random(seed)
        self.done = 0

    def act(self, times: int) -> None:
        for _ in range(times):
            try:
                self._anything()
            except ControlPlaneError:
                continue  # refused: nothing may have changed, which the end of the test shows
            self.done += 1

    def _some(self) -> Item:
        item: Item | None = Item.objects.filter(pk=self.rng.choice(self.ids)).first()
        found: Item = item or Item.objects.filter(project=self.project)[0]
        return found

    def _anything(self) -> None:
        what = self.rng.choices(
            [
                "edge",
                "cut",
                "status",
                "close",
                "reopen",
                "parent",
                "claim",
                "new",
                "delete",
                "defer",
            ],
            [30, 8, 18, 14, 10, 10, 6, 3, 1, 2],
        )[0]
        getattr(self, f"_{what}")()

    def _edge(self) -> None:
        kind = self.rng.choice(["blocks", "blocks", "conditional-blocks", "waits-for", "related"])
        gate = self.rng.choice(vocabulary.GATES) if kind == "waits-for" else ""
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


def naive(project: Project) -> dict[str, bool]:
    """The definition once more, as a child would write it."""
    items = {item.pk: item for item in Item.objects.filter(project=project)}
    edges = list(Dependency.objects.filter(item__project=project))
    active = {pk: item.category != "done" and item.status != "pinned" for pk, item in items.items()}
    children: dict[int, list[int]] = {}
    for edge in edges:
        if edge.kind == "parent-child":
            children.setdefault(edge.target_id or 0, []).append(edge.item_id)

    def unmet(edge: Dependency) -> bool:
        under = children.get(edge.target_id or 0, [])
        if "any-children" in edge.metadata and any(items[pk].category == "done" for pk in under):
            return False
        return any(active[pk] for pk in under)

    def direct(pk: int) -> bool:
        return active[pk] and any(
            (edge.kind in {"blocks", "conditional-blocks"} and active[edge.target_id])
            or (edge.kind == "waits-for" and unmet(edge))
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


def scene() -> tuple[Project, Actor, list[int]]:
    there = make.workspace()
    actor = work.worker(there)
    project = services.set_statuses(work.project(there), {"shipped": "done"}, actor=actor)
    ids = [work.item(project, f"item {n}", actor=actor).pk for n in range(ITEMS)]
    return project, actor, ids


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(4))
def test_readiness__is_the_definition_after_any_changes(seed: int) -> None:
    project, actor, ids = scene()
    crowd = Crowd(project, actor, ids, seed)
    for _ in range(6):
        crowd.act(25)
        assert stored(project) == naive(project)
        assert graph.mismatches(project.workspace_id) == []
    assert crowd.done > 40


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_readiness__is_the_definition_after_a_crowd(settings: Any) -> None:
    project, actor, ids = scene()
    crowds = [Crowd(project, actor, list(ids), seed) for seed in range(4)]

    results = race(4, lambda n: crowds[n].act(150))

    assert results == [None] * 4
    assert sum(crowd.done for crowd in crowds) > 150
    assert graph.mismatches() == []
    assert stored(project) == naive(project)
    assert not cycles(project)


def cycles(project: Project) -> bool:
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

"""Readiness is what the definition says, after anything anybody does, alone or in a crowd."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.lib.actors import Actor
from controlplane.work import services
from controlplane.work.benches import crowd as crowds_of
from controlplane.work.benches.crowd import ITEMS, Crowd, circles, naive, stored
from controlplane.work.models import Item, Project
from controlplane.work.services import graph
from tests import make
from tests.kit import work
from tests.kit.racing import race


def scene() -> tuple[Project, Actor, list[int]]:
    there = make.workspace()
    actor = work.worker(there)
    project = services.set_statuses(work.project(there), {"shipped": "done"}, actor=actor)
    ids = [work.item(project, f"item {n}", actor=actor).pk for n in range(ITEMS)]
    return project, actor, ids


@pytest.mark.django_db
@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(more, marks=pytest.mark.slow) for more in (1, 2, 3))]
)
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
    assert not circles(project)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_figure__counts_what_differs() -> None:
    [row] = crowds_of.measure(100)
    assert "100 random changes by 4 at once" in row.figure
    assert row.value == 0
    # And it would see one: a comparison that finds nothing ever proves nothing.
    project = Project.objects.get(workspace__slug="bench-crowd", is_operations=True)
    item = Item.objects.filter(project=project)[0]
    Item.objects.filter(pk=item.pk).update(blocked=not item.blocked)
    assert crowds_of.mismatches(project) == 2

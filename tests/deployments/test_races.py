"""Several at once: nothing starts twice, nothing runs twice, one rollback is made."""

from __future__ import annotations

import pytest

from controlplane.lib.errors import ControlPlaneError
from deployments import services
from deployments.models import Deployment
from deployments.steps import worker
from tests.kit.deployments import World, again, steps
from tests.kit.racing import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.servers]


def test_start__of_two_releases__one_goes() -> None:
    world = World()
    rows = [world.approved(release=name) for name in ("1.0", "1.1")]
    found = race(2, lambda n: services.start(rows[n], actor=world.actor))
    assert sum(isinstance(each, Deployment) for each in found) == 1
    assert sum(isinstance(each, ControlPlaneError) for each in found) == 1


def test_rollback__clicked_at_once__is_one() -> None:
    world = World()
    bad = world.started()
    found = race(3, lambda n: services.roll_back(bad, actor=world.actor, reason="Errors."))
    assert {getattr(each, "pk", each) for each in found} == {bad.rollbacks.get().pk}


def test_step__claimed_by_three_workers__runs_once() -> None:
    world = World()
    adapter = world.adapter()
    row = world.started()
    services.run_step(steps(row)[0], actor=world.actor, adapter=adapter)
    sent: list[tuple[int, str]] = []
    worker.dispatch(lambda pk, token: sent.append((pk, token)))
    found = race(3, lambda n: worker.perform(*sent[0]))
    assert sorted(found) == ["done", "taken by another", "taken by another"]


def test_ensure__asked_at_once__is_one() -> None:
    world = World()
    place = world.place()
    found = race(
        3,
        lambda n: services.ensure_deployment(
            world.workspace, actor=world.actor, environment=place, release="9"
        ),
    )
    assert {each.deployment.pk for each in found} == {Deployment.objects.get(release="9").pk}
    assert again(found[0].deployment).item is not None

"""What was done to bring a release out stands on its work item: what, when, by which command."""

from __future__ import annotations

import pytest

from controlplane.lib.errors import ControlPlaneError
from controlplane.work.models import Comment, Item
from deployments import services
from tests.kit.deployments import World, deliver, steps, there

pytestmark = pytest.mark.django_db


def said(item: Item) -> str:
    deliver()
    rows = Comment.objects.filter(item=item).order_by("pk")
    return "\n".join(rows.values_list("text", flat=True))


def test_step__its_command_time_and_end_are_said_on_the_item() -> None:
    world = World()
    row = world.started("staging")
    step = next(each for each in steps(row) if each.command)
    done = services.finish_step(
        step, actor=world.actor, output="pushed\nlive", outcome="v4.2.0 is live.", exit_code=0
    )
    told = said(there(row.item))
    assert step.title in told
    assert "v4.2.0 is live." in told
    assert "Exit code 0" in told
    assert step.command.splitlines()[0] in told
    assert "> live" in told
    assert f"{there(done.finished_at):%Y-%m-%d %H:%M:%S} UTC" in told


def test_stranger__says_nothing_on_it() -> None:
    world, other = World(), World()
    row = world.started("staging")
    before = said(there(row.item))
    with pytest.raises(ControlPlaneError):
        services.finish_step(steps(row)[0], actor=other.actor, output="mine")
    assert said(there(row.item)) == before

"""A canary that its own judge takes back: the flag is off, and what is to be mended blocks the
deployment that it belongs to."""

from __future__ import annotations

from contextlib import ExitStack

from controlplane.work.models import Comment
from deployments.models import Deployment
from tests.day.town import Town
from tests.deployments.test_rollout_browser import Walk, percent_of
from tests.kit.deployments import deliver, there
from tests.kit.rollouts import World


def taken_back(town: Town) -> Deployment:
    world = World(town.workspace, town.person("release_manager"))
    world.flag = world.make("second-mailer")
    with ExitStack() as clocks:
        walk = Walk(town.browser, clocks, world, release="4.4.0")
        rollout = walk.started()
        walk.report(200)
        walk.later(31)
        rollout = walk.look_again(rollout)
        assert (rollout.status, percent_of(rollout)) == ("running", 50)
        walk.report(100, bad=40)
        walk.later(2)
        rollout = walk.look_again(rollout)
        assert rollout.status == "rolled_back"
        walk.sees("Rolled back", "40 of 100 requests failed")
        assert walk.world.settings()["on"] is False
        deliver()
        rollout = walk.look_again(rollout)
        blocker = there(rollout.blocker)
        said = Comment.objects.filter(item=rollout.item).values_list("text", flat=True)
        assert "40 of 100 requests failed" in " ".join(said)
        walk.press(blocker.key)
        walk.sees(blocker.title)
    assert blocker.edges_in.filter(item=walk.deployment.item_id, kind="blocks").exists()
    return walk.deployment

"""The demo's canaries: the past is told through the services, and the clock goes on afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest

from controlplane.base.demo import Scene
from controlplane.lib import clock
from deployments.canary import demo
from deployments.canary.ticks import tick_all
from deployments.models import Rollout, RolloutSample
from tests import make

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_demo__one_of_each_with_figures_of_both_sides() -> None:
    workspace = make.workspace()
    roles = ("release_manager", "engineering_lead")
    scene = Scene(workspace, {role: make.person(workspace, role) for role in roles})
    demo.canaries(scene)
    demo.canaries(scene)  # a second time changes nothing
    rows = Rollout.objects.of(workspace).order_by("pk")
    told = {row.flag.flag_name: row.status for row in rows.select_related("flag")}
    assert told == {
        "calm-retries": "completed",
        "bulk-approvals": "rolled_back",
        "parallel-research": "running",
        "short-summaries": "planned",
    }
    assert RolloutSample.objects.filter(n__gt=0, others__gt=0, p95_ms__gt=0).count() > 20
    running = rows.get(status="running")
    assert running.started_at is not None
    begun = clock.now() - running.started_at
    assert timedelta(minutes=37) < begun < timedelta(minutes=43)
    assert running.steps.get(state="running").percent == 10
    assert running.environment.slug == "production"
    assert not running.automatic


def test_demo__its_canary_is_where_it_was_whenever_somebody_looks() -> None:
    workspace = make.workspace()
    roles = ("release_manager", "engineering_lead")
    scene = Scene(workspace, {role: make.person(workspace, role) for role in roles})
    demo.canaries(scene)
    row = Rollout.objects.of(workspace).get(flag__flag_name=demo.CANARY)
    for hours in (1, 5, 9, 24):
        with clock.set_back(timedelta(hours=-hours)):
            tick_all()
        row.refresh_from_db()
        begun = row.steps.exclude(state="pending").values_list("percent")
        assert row.status in {"running", "held"}, hours
        assert begun.get()[0] == 10, hours


def test_clock__set_back_inside_and_nowhere_else() -> None:
    before = clock.now()
    with clock.set_back(timedelta(days=2)):
        assert timedelta(days=1) < before - clock.now() < timedelta(days=3)
    assert clock.now() >= before

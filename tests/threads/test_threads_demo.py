"""The demo's threads: told through the services that agents reach."""

from __future__ import annotations

import pytest

from controlplane.access.models import Agent
from controlplane.access.policy import AGENTS
from controlplane.base import demo as scenes
from missions.threads import demo, figures
from missions.threads.models import Message, Thread, WakeTrigger
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene() -> scenes.Scene:
    here = make.workspace()
    for role in sorted(AGENTS):
        make.agent(here, role=role, name=f"{role}-1")
    scene = scenes.Scene(here)
    scene.people["operations_command"] = make.person(here, "operations_command")
    demo.threads(scene)
    return scene


def test_demo__one_of_each_kind_and_a_second_run_changes_nothing(scene: scenes.Scene) -> None:
    rows = Thread.objects.filter(workspace=scene.workspace)
    assert sorted(rows.values_list("status", "blocked_by")) == [
        ("active", ""), ("active", ""), ("active", ""), ("blocked", "repeated_finding"),
    ]  # fmt: skip
    assert rows.get(title__startswith="Review").findings == {}
    states = WakeTrigger.objects.filter(workspace=scene.workspace).values_list("state", flat=True)
    assert {"waiting", "dead"} <= set(states)
    said = Message.objects.count()
    demo.threads(scene)
    assert Message.objects.count() == said
    assert Agent.objects.filter(workspace=scene.workspace).count() == len(AGENTS)


def test_figures__count_each_workspace_and_tell_nought_of_a_state_without_threads(
    scene: scenes.Scene,
) -> None:
    stranger = make.workspace()
    told = {(each.workspace_id, each.of): each.value for each in figures.threads()}
    here = scene.workspace.pk
    assert {state: told[here, state] for state in Thread.Status.values} == {
        "active": 3, "blocked": 1, "resolved": 0, "closed": 0,
    }  # fmt: skip
    assert (stranger.pk, "active") not in told
    assert dict(figures.threads_by_state())[("blocked",)] >= 1.0

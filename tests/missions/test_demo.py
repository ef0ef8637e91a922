"""What the demo shows of missions that were signed here: one at every turn of the way."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.access import demo as agents
from controlplane.access.policy import PEOPLE
from controlplane.approvals.models import Request
from controlplane.approvals.services import waiting_for
from controlplane.base.demo import Scene
from controlplane.catalog import services as catalog
from controlplane.lib import clock
from missions import demo_told as story
from missions.demo_walk import TYPE
from missions.models import Bundle, Mission, Retrospective, StageVisit
from tests import make
from tests.missions.test_whole_mission import switch_on

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
SIGNERS = ("mission_owner", "governance_validator", "operations_command", "telemetry_analyst",
           "knowledge_curator")  # fmt: skip


def test_demo__signed_to_the_end__waiting__turned_down__sent_back__once(settings: Any) -> None:
    settings.ENVIRONMENT = "staging"
    here, there = make.workspace(), make.workspace()
    scene = Scene(here, {role: make.person(here, role) for role in sorted(PEOPLE)})
    agents.agents(scene)
    catalog.add_integration(here, actor=make.JOB, slug="gmail", name="Gmail")
    switch_on(here, TYPE)
    for _ in range(2):
        story.told(scene)
    rows = Mission.objects.of(here)
    asked = Request.objects.of(here)
    waits = asked.filter(status="open").order_by("requested_at")
    # Past its time, half of it gone, just asked: and for each of five roles there is one.
    left = [each.due_at - clock.now() for each in waits]
    given = waits[0].due_at - waits[0].requested_at
    assert [each / given < 0 for each in left] == [True, False, False, False]
    assert [each / given > 0.5 for each in left] == [False, False, True, True]
    for role in SIGNERS:
        assert waiting_for(make.actor(scene.people[role])).filter(pk__in=waits).exists(), role

    assert asked.get(status="rejected").decided_at is not None
    back = StageVisit.objects.get(mission__external_ref="told-back", outcome="sent_back")
    assert back.stage == "plan_approve"
    assert asked.filter(status="superseded").exists()

    done = rows.get(external_ref="told-done")
    assert (done.status, done.closed_at is not None) == ("completed", True)
    assert [visit.outcome for visit in done.visits.order_by("pk")] == ["completed"] * 5
    assert Retrospective.objects.get(visit__mission=done).training_at is not None
    assert Bundle.objects.filter(mission=done, status="stored").exists()
    assert rows.count() == 7
    assert not Mission.objects.of(there).exists()

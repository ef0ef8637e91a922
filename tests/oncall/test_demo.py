"""The demo's rota: whatever the day, the first operator is on duty when it is seeded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from controlplane.base.demo import Scene
from controlplane.oncall import demo, duty
from controlplane.oncall.models import Schedule
from tests import make
from tests.kit import settled

pytestmark = pytest.mark.django_db
ROLES = ("primary_operator", "secondary_operator", "engineering_lead", "release_manager",
         "operations_command")  # fmt: skip


@settled.once
def scene() -> Any:
    here = make.workspace(time_zone="Europe/Berlin")
    return Scene(here, {role: make.person(here, role) for role in ROLES})


# A handoff is on Monday at nine: of two weeks each begins with another one.
@pytest.mark.parametrize("hours", [7, 9, 60, 7 + 168, 9 + 168, 150 + 168])
def test_first_operator__is_on_duty_now(scene: Any, hours: int) -> None:
    with time_machine.travel(datetime(2026, 11, 23, tzinfo=UTC) + timedelta(hours=hours)):
        demo.rotas(scene)
        demo.rotas(scene)  # a second time changes nothing
        found = duty.on_duty("primary_operator", workspace=scene.workspace)
        assert [each.person for each in found] == [scene.people["primary_operator"]]
    assert Schedule.objects.of(scene.workspace).count() == 2
    assert not Schedule.objects.of(make.workspace()).exists()

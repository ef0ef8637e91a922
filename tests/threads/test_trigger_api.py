"""Wakes over the API: asked for by those who lead, heard by those who are meant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kit.api import refused
from tests.kit.threads_api import Callers

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> Callers:
    return Callers()


def test_triggers__are_asked_for_by_those_who_lead(world: Callers) -> None:
    wakes = f"{world.path}/triggers"
    body: dict[str, Any] = {
        "target_agent_id": str(world.talk.reviewer.uid),
        "reason": "The fix waits.",
        "trigger_prompt": "Read on.",
        "request_key": "k1",
    }
    made = world.coordinator.post(wakes, body)
    assert made.status_code == 201, made.content
    assert made.json()["target_agent_id"] == body["target_agent_id"]
    assert world.coordinator.post(wakes, body).json() == made.json()
    refused(world.coordinator.post(wakes, {**body, "reason": "Other."}), "IDEMPOTENCY_CONFLICT")
    refused(world.coordinator.post(wakes, {**body, "request_key": "k2", "force": True}),
            "FORBIDDEN")  # fmt: skip
    refused(world.reviewer.post(wakes, body), "FORBIDDEN")
    refused(world.coordinator.post(wakes, {**body, "target_agent_id": str(world.thread.uid)}),
            "INVALID_ARGUMENT")  # fmt: skip
    (row,) = world.reviewer.get(wakes).json()["items"]
    assert row["trigger_id"] == made.json()["trigger_id"]
    refused(world.stranger().get(wakes), "NOT_FOUND")
    refused(world.outsider().post(wakes, body), "FORBIDDEN")
    heard = f"{wakes}/{row['trigger_id']}/ack"
    refused(world.executioner.post(heard, {}), "FORBIDDEN")
    assert world.reviewer.post(heard, {}).json()["status"] == "delivered"

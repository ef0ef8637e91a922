"""What redaction does to the length of a text must stop nobody: not the sums of all workspaces, and
not the receipt of a batch that was stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controlplane.access.models import Workspace
from telemetry import rollups
from telemetry.models import Event, Refusal, RollupMinute
from tests import make
from tests.kit.api import Api
from tests.kit.telemetry import PATH, event

pytestmark = pytest.mark.django_db
# Seven characters become fourteen.
ADDRESS = "a@b.co "


def agent_of(workspace: Workspace) -> Api:
    return Api(make.key(make.agent(workspace, role="executor"))[1])


def answered(api: Api, body: bytes) -> dict[str, Any]:
    answer = api.raw("POST", PATH, body)
    assert answer.status_code == 202, answer.content
    found: dict[str, Any] = json.loads(answer.content)
    return found


@pytest.mark.parametrize(
    ("field", "size"),
    [
        ("service", 64),
        ("env", 20),
        ("stage", 64),
        ("toolkit", 64),
        ("agent_name", 64),
        ("mission_id", 64),
        ("session_id", 64),
        ("bd_issue", 64),
        ("correlation_id", 128),
    ],
)
def test_text_that_redaction_lengthens__is_summed_up(field: str, size: int) -> None:
    workspace = make.workspace()
    sent = event("session_created", **{field: (ADDRESS * 30)[:size].strip()})
    assert answered(agent_of(workspace), json.dumps([sent]).encode())["accepted"] == 1
    rollups.settle()
    assert RollupMinute.objects.filter(workspace=workspace).count() == 1
    assert "@" not in str(list(Event.objects.filter(workspace=workspace).values()))


@pytest.mark.parametrize(
    "bad",
    [
        json.dumps({"event": (ADDRESS * 30)[:80]}),
        '{"event": "a\\u0000b"}',
        '{"event": "fine", "a\\u0000b": 1}',
        json.dumps({"event": "fine", ADDRESS * 12: 1}),
    ],
)
def test_refused_under_a_hostile_name__its_neighbour_is_stored_and_told(bad: str) -> None:
    workspace = make.workspace()
    good = json.dumps(event())
    found = answered(agent_of(workspace), f"[{bad},{good}]".encode())
    assert (found["accepted"], found["rejected"]) == (1, 1)
    [kept] = Refusal.objects.values("event_name", "reason", "total")
    assert kept["total"] == 1
    assert "a@b" not in f"{kept} {found}"

"""Tool sessions: a row for each mission, agent and key, right whatever order events come in."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.lib import clock
from telemetry import measures, rollups
from telemetry.erasing import erase_events
from telemetry.measures.table.sessions import REFERENCE
from telemetry.models import Partition, ToolSession
from tests import make
from tests.kit.api import Api, refused
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db
NOW = clock.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def created(key: str = "ts-1", minute: float = 0, **more: Any) -> dict[str, Any]:
    more = {"duration_ms": 640, "status": "success", **more}
    return event("session_created", at=at(minute), session_id=key, **more)


def call(
    key: str | None = "ts-1",
    minute: float = 1,
    *,
    tokens: int = 100,
    outcome: str = "success",
    **more: Any,
) -> dict[str, Any]:
    context = {"toolkit": "gmail", "action": "send", "outcome": outcome, "token_usage": tokens}
    return event(at=at(minute), session_id=key, context={**context, "duration_ms": 5}, **more)


def error(key: str = "ts-1", minute: float = 1, **more: Any) -> dict[str, Any]:
    context = {"toolkit": "gmail", "action": "send", "error_code": "TIMEOUT"}
    name = "composio_tool_call_error"
    return event(name, at=at(minute), session_id=key, context=context, **more)


def beat(key: str = "ts-1", minute: float = 2, *, tokens: int = 50, size: int = 4000) -> Any:
    context = {"lag_ms": 5, "token_usage": tokens, "session_state_size_bytes": size}
    return event("session_heartbeat", at=at(minute), session_id=key, context=context)


def told(workspace: Workspace, *events: dict[str, Any]) -> list[ToolSession]:
    tell(workspace, events)
    rollups.settle()
    return list(ToolSession.objects.of(workspace.pk).order_by("mission", "agent", "key"))


def test_session__what_its_events_tell() -> None:
    workspace = make.workspace()
    [row] = told(
        workspace,
        created(),
        call(tokens=1200),
        call(minute=3, tokens=300),
        beat(size=9000),
        beat(minute=4, tokens=25, size=7000),
    )
    assert (row.mission, row.agent, row.key) == ("MIS-1", "executor", "ts-1")
    assert (row.created_at, row.creation_ms, row.failed) == (at(0), 640, False)
    assert (row.first_at, row.last_at) == (at(0), at(4))
    assert (row.calls, row.errors) == (2, 0)
    assert (row.tokens, row.call_tokens, row.state_bytes) == (1575, 1500, 9000)


def test_session__one_for_each_mission_agent_and_key() -> None:
    workspace = make.workspace()
    rows = told(
        workspace,
        call(),
        call("ts-2"),
        call(agent_name="planner"),
        call(mission_id="MIS-2"),
        call(None),
    )
    assert [(row.mission, row.agent, row.key) for row in rows] == [
        ("MIS-1", "executor", "ts-1"),
        ("MIS-1", "executor", "ts-2"),
        ("MIS-1", "planner", "ts-1"),
        ("MIS-2", "executor", "ts-1"),
    ]
    assert rows[0].created_at is None, "nobody told that it was created"


def test_redelivered__costs_nothing_twice() -> None:
    workspace = make.workspace()
    events = [created(), call(), beat()]
    [first] = told(workspace, *events)
    [again] = told(workspace, *events, call(minute=5, tokens=7))
    assert again.uid == first.uid
    assert (again.calls, again.tokens) == (2, first.tokens + 7)


def test_any_order__comes_to_the_same() -> None:
    events = [created(), beat(), beat(minute=3)]
    events += [call(minute=n * 700, tokens=n) for n in range(1, 6)]  # over three days
    sums = set()
    for seed in range(4):
        workspace = make.workspace()
        shuffled = random.Random(seed).sample(events, len(events))
        for one in shuffled:
            tell(workspace, [one])
            if seed % 2:
                rollups.settle()
        [row] = told(workspace, shuffled[0])
        sums.add((row.calls, row.tokens, row.first_at, row.last_at, row.creation_ms))
    assert len(sums) == 1


def test_failed_call__told_of_twice__counts_once() -> None:
    workspace = make.workspace()
    [row] = told(
        workspace,
        call(outcome="error", tokens=0, correlation_id="c-1"),
        error(minute=1.1, correlation_id="c-1"),
        error(minute=2, correlation_id="c-2"),
        error(minute=3, correlation_id=None),
        call(minute=4),
    )
    assert (row.calls, row.errors) == (4, 3)


def test_not_created__is_seen() -> None:
    [row] = told(make.workspace(), created(status="error"))
    assert row.failed


def test_workspaces__same_names__never_meet() -> None:
    one, other = make.workspace(), make.workspace()
    told(one, call(tokens=10))
    [theirs] = told(other, call(tokens=20))
    assert theirs.tokens == 20
    [ours] = ToolSession.objects.of(one.pk)
    assert ours.tokens == 10
    stranger = make.actor(make.person(other, "viewer"))
    assert list(ToolSession.objects.visible_to(stranger)) == [theirs]


def test_erased_mission__its_sessions_go() -> None:
    workspace = make.workspace()
    told(workspace, call(), call(mission_id="MIS-2"))
    erase_events(make.JOB, workspace, mission="MIS-1", reason="asked for")
    rollups.settle()
    assert [row.mission for row in ToolSession.objects.of(workspace.pk)] == ["MIS-2"]


def test_closed_day__what_was_computed_stays() -> None:
    workspace = make.workspace()
    [before] = told(workspace, created(), call(tokens=900))
    Partition.objects.filter(day=NOW.date()).update(sealed_at=clock.now())
    [after] = told(workspace, call(minute=24 * 60, tokens=5))
    assert after.tokens == before.tokens


def test_tokens__against_the_reference_line() -> None:
    workspace = make.workspace()
    start, end = at(-60), at(60)
    share = measures.get("session.over_tokens")
    most = measures.get("session.tokens_max")
    mean = measures.get("session.tokens_mean")
    assert measures.read(share, workspace.pk, start, end)[""].value is None
    told(workspace, call(tokens=int(REFERENCE.value) + 1), call("ts-2"), call("ts-3"), call("ts-4"))
    reading = measures.read(share, workspace.pk, start, end)[""]
    assert (reading.value, reading.sample) == (25.0, 4)
    assert measures.read(most, workspace.pk, start, end)[""].value == REFERENCE.value + 1
    assert measures.read(mean, workspace.pk, start, end, group_by="agent")["executor"].sample == 4
    nobody = measures.read(most, workspace.pk, start, end, filters={"agent": "planner"})
    assert nobody[""].value is None
    assert measures.read(most, make.workspace().pk, start, end)[""].value is None


SESSIONS = "/api/v1/telemetry/sessions"


def asked(workspace: Workspace, query: str = "") -> Any:
    agent = Api(make.key(make.agent(workspace, role="reviewer"))[1])
    answer = agent.get(SESSIONS + query)
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)["items"]


def test_api__lists_sessions_by_tokens_and_mission() -> None:
    workspace = make.workspace()
    tell(workspace, [created("A"), call("A", 4), call("B", 1, tokens=900, mission_id="MIS-2")])
    rollups.settle()
    rows = asked(workspace, "?sort=tokens")
    assert [row["session"] for row in rows] == ["B", "A"]
    assert (rows[0]["tokens"], rows[0]["calls"], rows[0]["failed_calls"]) == (900, 1, 0)
    assert rows[0]["created_at"] is None
    assert [row["session"] for row in asked(workspace, "?over_tokens=500")] == ["B"]
    assert [row["session"] for row in asked(workspace, "?mission=MIS-1")] == ["A"]
    agent = Api(make.key(make.agent(workspace, role="reviewer"))[1])
    assert json.loads(agent.get(f"{SESSIONS}/{rows[1]['uid']}").content) == rows[1]
    refused(agent.get(f"{SESSIONS}?mision=MIS-1"), "INVALID_ARGUMENT")


def test_api__another_workspace_s_sessions_are_not_there() -> None:
    workspace, other = make.workspace(), make.workspace()
    tell(workspace, [created("A")])
    rollups.settle()
    (row,) = asked(workspace)
    assert asked(other) == []
    stranger = Api(make.key(make.agent(other, role="reviewer"))[1])
    refused(stranger.get(f"{SESSIONS}/{row['uid']}"), "NOT_FOUND")
    refused(Api().get(SESSIONS), "UNAUTHORIZED")

"""Audits, gaps and key figures over the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from telemetry import kpis, rollups
from telemetry.audits import asking
from tests import make
from tests.kit.api import Api, refused
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db
AUDITS, GAPS, KPIS = (f"/api/v1/telemetry/{name}" for name in ("audits", "gaps", "kpis"))


def caller(workspace: Any, role: str) -> Api:
    return Api(browser=make.client(make.person(workspace, role)))


def body(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.content
    return json.loads(answer.content)


def test_run_read_and_sign() -> None:
    workspace = make.workspace()
    tell(workspace, [event("no_such_thing")])
    agent = Api(make.key(make.agent(workspace, role="coordinator"))[1])
    made = body(agent.post(AUDITS, {"mode": "spot", "subject": "deployments.deployment:4"}), 201)
    assert (made["result"], made["subject"]) == ("findings", "deployments.deployment:4")
    assert body(agent.get(f"{AUDITS}/{made['uid']}"))["gaps"] == made["gaps"]
    assert [row["uid"] for row in body(agent.get(f"{AUDITS}?mode=spot"))["items"]] == [made["uid"]]
    rules = {row["rule"] for row in body(agent.get(f"{GAPS}?status=open"))["items"]}
    assert "T1" in rules
    refused(agent.post(f"{AUDITS}/{made['uid']}/sign", {}), "FORBIDDEN")
    analyst = Api(make.key(make.agent(workspace, role="validator"))[1])
    refused(analyst.post(AUDITS, {}), "FORBIDDEN")
    refused(agent.post(AUDITS, {"mode": "deep"}), "INVALID_ARGUMENT")
    refused(agent.post(AUDITS, {"since": "2001-01-01T00:00:00Z"}), "INVALID_ARGUMENT")


def test_audit_of_more_than_a_request_may_read__refused(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make.workspace()
    tell(workspace, [event()])
    rollups.settle()
    agent = Api(make.key(make.agent(workspace, role="coordinator"))[1])
    monkeypatch.setenv(asking.AT_ONCE.env_name, "0")
    refused(agent.post(AUDITS, {}), "INVALID_ARGUMENT")
    assert body(agent.get(AUDITS))["items"] == []


def test_kpis__every_figure_with_its_trend() -> None:
    workspace = make.workspace()
    tell(workspace, [event("mission_completed")])
    kpis.refresh(workspace, actor=make.JOB)
    items = body(caller(workspace, "viewer").get(KPIS))["items"]
    first = items[0]
    assert (first["slug"], first["target"], len(first["trend"])) == ("missions.throughput", 30, 12)
    assert all(item["value"] is None for item in items if item["state"] == "no_data")


def test_strangers__see_nothing() -> None:
    workspace = make.workspace()
    tell(workspace, [event("no_such_thing")])
    agent = Api(make.key(make.agent(workspace, role="coordinator"))[1])
    made = body(agent.post(AUDITS, {}), 201)
    other = caller(make.workspace(), "telemetry_analyst")
    refused(other.get(f"{AUDITS}/{made['uid']}"), "NOT_FOUND")
    assert body(other.get(AUDITS))["items"] == []
    assert body(other.get(GAPS))["items"] == []
    refused(Api().get(KPIS), "UNAUTHORIZED")

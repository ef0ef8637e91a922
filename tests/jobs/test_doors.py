"""The console's and the API's doors to timers, jobs, alarms and obligations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from controlplane.access.models import Workspace
from controlplane.jobs import alarms, heartbeats, leases, obligations, runs, timers
from controlplane.jobs.models import EngineCycle, JobRun, ObligationRecord, ScheduledJob, Timer
from controlplane.jobs.watch import Finding
from controlplane.lib import clock
from tests import make
from tests.kit import settled

pytestmark = pytest.mark.django_db
JSON: dict[str, Any] = {"content_type": "application/json"}
MODELS = [model for model in admin.site._registry if model._meta.app_label == "jobs"]


@settled.once
def ws() -> Workspace:
    return make.workspace()


@settled.once
def timer(ws: Workspace) -> Timer:
    due = clock.now() + timedelta(hours=1)
    return timers.set_timer("tests.door", key="door", due_at=due, workspace_id=ws.pk)


@pytest.fixture
def record(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> ObligationRecord:
    monkeypatch.setattr(obligations, "DUTIES", {})
    obligations.register(
        "tests.review",
        title="Review",
        owner_role="security_lead",
        cadence="weekly",
        evidence="x",
        why="Nobody else would see it.",
        sign_role="compliance",
    )
    obligations.open_due()
    return ObligationRecord.objects.get(workspace=ws)


@pytest.fixture
def everything(ws: Workspace, timer: Timer, record: ObligationRecord) -> None:
    runs.schedule_due()
    runs.ask_run("jobs.clean_up", actor=make.JOB)
    heartbeats.write("web", "h:1")
    EngineCycle.objects.get_or_create(module="jobs.timers")
    alarms.settle([Finding("component", "beat", "silent")])


def browser(ws: Workspace, *roles: str) -> Client:
    return make.client(make.person(ws, *roles))


def page(obj: Any, view: str, *args: str) -> str:
    key = getattr(obj, "uid", obj.pk)
    return reverse(f"admin:jobs_{obj._meta.model_name}_{view}", args=[key, *args])


def press(client: Client, obj: Any, name: str, **form: str) -> Any:
    return client.post(page(obj, "button", name), form)


# --- Console -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("everything")
def test_console__operator_sees_every_list_and_page(ws: Workspace) -> None:
    client = browser(ws, "primary_operator")
    assert len(MODELS) == 8
    for model in MODELS:
        listed = client.get(reverse(f"admin:jobs_{model._meta.model_name}_changelist"), follow=True)
        assert listed.status_code == 200, model
        row = model._default_manager.first()
        assert client.get(page(row, "change")).status_code == 200, model


@pytest.mark.usefixtures("everything")
def test_console__viewer_sees_obligations_only(ws: Workspace) -> None:
    client = browser(ws, "viewer")
    for model in MODELS:
        listed = client.get(reverse(f"admin:jobs_{model._meta.model_name}_changelist"), follow=True)
        expected = 200 if model.__name__.startswith("Obligation") else 403
        assert listed.status_code == expected, model


@pytest.mark.usefixtures("everything")
def test_console__other_workspaces_rows__do_not_exist(
    timer: Timer, record: ObligationRecord
) -> None:
    client = browser(make.workspace(), "workspace_admin", "primary_operator")
    for row in (timer, record, record.obligation):
        assert client.get(page(row, "change")).status_code == 404, row
    assert press(client, timer, "cancel", reason="x").status_code == 404
    timer.refresh_from_db()
    assert timer.state == leases.WAITING


def test_console__timer_cancelled_with_a_reason(ws: Workspace, timer: Timer) -> None:
    client = browser(ws, "primary_operator")
    press(client, timer, "cancel", reason="not needed")
    timer.refresh_from_db()
    assert timer.state == leases.CANCELLED


def test_console__timer_run_now(ws: Workspace, timer: Timer) -> None:
    press(browser(ws, "primary_operator"), timer, "run_now", reason="customer waits")
    timer.refresh_from_db()
    assert timer.ready_at < timer.due_at


def test_console__job_run_now__operator_of_one_workspace_refused(ws: Workspace) -> None:
    runs.schedule_due()
    job = ScheduledJob.objects.get(name="jobs.clean_up")
    assert press(browser(ws, "primary_operator"), job, "run_now").status_code == 403
    assert not JobRun.objects.exists()


def test_console__obligation_recorded_and_signed(ws: Workspace, record: ObligationRecord) -> None:
    press(browser(ws, "security_lead"), record, "fulfil", reason="read the log")
    press(browser(ws, "compliance"), record, "sign", reason="seen")
    record.refresh_from_db()
    assert (record.status, record.note, record.statement) == ("complete", "read the log", "seen")


def test_obligation__says_to_everybody_why_it_is_owed(
    ws: Workspace, record: ObligationRecord
) -> None:
    client = browser(ws, "viewer")
    for row in (record, record.obligation):
        assert "Nobody else would see it." in client.get(page(row, "change")).content.decode()
    told = client.get(f"/api/v1/obligations/{record.uid}").json()
    assert told["why"] == "Nobody else would see it."


def test_console__obligation_given_to_another_role(ws: Workspace, record: ObligationRecord) -> None:
    client = browser(ws, "compliance")
    form = {"active": "on", "owner_role": "engineering_lead"}
    client.post(page(record.obligation, "change"), form)
    record.obligation.refresh_from_db()
    assert (record.obligation.owner_role, record.obligation.version) == ("engineering_lead", 2)


# --- API ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("everything")
@pytest.mark.parametrize("path", ["jobs", "jobs/runs", "alarms", "timers", "obligations"])
def test_api__lists__operator_reads_viewer_and_nobody_do_not(ws: Workspace, path: str) -> None:
    answer = browser(ws, "primary_operator").get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.content
    assert answer.json()["items"]
    viewer = browser(ws, "viewer").get(f"/api/v1/{path}")
    assert viewer.status_code == (200 if path == "obligations" else 403)
    assert Client().get(f"/api/v1/{path}").status_code == 401


def test_api__timers_of_another_workspace__not_there(timer: Timer) -> None:
    client = browser(make.workspace(), "primary_operator")
    assert client.get("/api/v1/timers").json()["items"] == []
    answer = client.post(f"/api/v1/timers/{timer.uid}/cancel", {"reason": "x"}, **JSON)
    assert answer.status_code == 404


def test_api__timer_cancelled(ws: Workspace, timer: Timer) -> None:
    client = browser(ws, "primary_operator")
    answer = client.post(f"/api/v1/timers/{timer.uid}/cancel", {"reason": "done"}, **JSON)
    assert answer.json()["state"] == "cancelled"
    again = client.post(f"/api/v1/timers/{timer.uid}/cancel", {"reason": "done"}, **JSON)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "CONFLICT")


def test_api__obligation_fulfilled_then_signed(ws: Workspace, record: ObligationRecord) -> None:
    url = f"/api/v1/obligations/{record.uid}"
    owner, second = browser(ws, "security_lead"), browser(ws, "compliance")
    body = {"note": "read", "evidence_url": "https://x.example/1"}
    answer = owner.post(f"{url}/fulfil", body, **JSON)
    assert (answer.status_code, answer.json()["status"]) == (200, "recorded"), answer.content
    refused = owner.post(f"{url}/sign", {"statement": "me"}, **JSON)
    assert refused.status_code == 403
    assert second.post(f"{url}/sign", {"statement": "ok"}, **JSON).json()["status"] == "complete"
    assert second.get(url).json()["version"] == 3
    assert second.get("/api/v1/obligations?status=complete").json()["items"]
    assert second.get("/api/v1/obligations?overdue=true").json()["items"] == []


def test_api__obligation_of_another_workspace__not_there(record: ObligationRecord) -> None:
    client = browser(make.workspace(), "workspace_admin", "security_lead")
    url = f"/api/v1/obligations/{record.uid}"
    assert client.get(url).status_code == 404
    assert client.post(f"{url}/fulfil", {"note": "x"}, **JSON).status_code == 404


def test_api__key__never_signs(ws: Workspace, record: ObligationRecord) -> None:
    _, secret = make.key(make.agent(ws, role=""), scopes=["*"])
    bearer = {"Authorization": f"Bearer {secret}"}
    url = f"/api/v1/obligations/{record.uid}"
    signed = Client().post(f"{url}/sign", {"statement": "x"}, headers=bearer, **JSON)
    assert signed.status_code == 403


def test_api__job_run_now__superuser_only(ws: Workspace) -> None:
    operator = browser(ws, "primary_operator")
    assert operator.post("/api/v1/jobs/jobs.clean_up/run", {}, **JSON).status_code == 403
    assert not JobRun.objects.exists()


def test_api__job_run_cancelled__superuser_only(ws: Workspace) -> None:
    run = runs.ask_run("jobs.clean_up", actor=make.JOB)
    url = f"/api/v1/jobs/runs/{run.uid}/cancel"
    refused = browser(ws, "primary_operator").post(url, {"reason": "x"}, **JSON)
    assert refused.status_code == 403
    root = make.client(make.root_of(ws))
    answer = root.post(url, {"reason": "not today"}, **JSON)
    assert answer.status_code == 200, answer.content
    assert answer.json()["state"] == "cancelled"
    assert root.post(url, {"reason": "again"}, **JSON).status_code == 409

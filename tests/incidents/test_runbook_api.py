"""Runbooks over the API, what a go-live asks for, and the database's activity at a terminal."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections

from controlplane.access import policy
from controlplane.access.models import User, Workspace
from controlplane.audit.models import AuditEvent
from controlplane.base.database.slow import without_values
from controlplane.base.registries import verdict
from controlplane.jobs import obligations
from deployments.models import Launch
from incidents.models import Incident, RunbookRun
from incidents.runbooks import activity, books, running, using, validating
from tests import make
from tests.kit.incidents import Caller
from tests.kit.runbooks import Room, step, written

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> Room:
    return Room()


class Asked:
    """Answers as they are, refusals too."""

    def __init__(self, person: User) -> None:
        self.api = Caller(person).api

    def get(self, path: str, query: dict[str, str] | None = None) -> Any:
        return self.api.get(f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, data: Any) -> Any:
        return self.api.post(path, data)

    def put(self, path: str, data: Any) -> Any:
        return self.api.send("PUT", path, data)


def asked(workspace: Workspace, role: str) -> Asked:
    return Asked(make.person(workspace, role))


@pytest.fixture
def api(room: Room) -> Asked:
    return asked(room.workspace, "workspace_admin")


def test_read__finds_by_alias_text_and_symptom(room: Room, api: Asked) -> None:
    found = api.get("/api/v1/runbooks", {"limit": "50"}).json()["items"]
    assert {row["slug"] for row in found} >= set(books.REQUIRED)
    one = api.get("/api/v1/runbooks/supabase_pool").json()
    assert (one["slug"], one["shipped"], one["state"]) == ("postgres_pool", True, "never tried")
    assert any(step["asks"] == ["process"] and step["changes"] for step in one["steps"])
    found = api.get("/api/v1/runbooks", {"q": "beads export"}).json()["items"]
    assert [row["slug"] for row in found][:1] == ["beads_db"]
    said = {"text": "agents get UNAUTHORIZED with tokens of the issuer that worked an hour ago"}
    found = api.get("/api/v1/runbooks/suggestions", said).json()["items"]
    assert found[0]["slug"] == "token_issuer_outage"
    assert api.get("/api/v1/runbooks/no_such").status_code == 404


def test_run__step_by_step_to_its_end(room: Room, api: Asked) -> None:
    written(room.workspace, step("measure", "question: stages"))
    incident = room.incident()
    made = api.post("/api/v1/runbook-runs", {"runbook": "kettle", "incident": incident.ref})
    assert made.status_code == 201, made.content
    path = f"/api/v1/runbook-runs/{made.json()['uid']}"
    ticked = api.post(f"{path}/steps/1/tick", {"note": "It is off"})
    assert ticked.json()["state"] == "done"
    done = api.post(f"{path}/steps/2", {})
    assert (done.status_code, done.json()["state"]) == (200, "done")
    assert api.post(f"{path}/steps/9", {}).status_code == 404
    over = api.post(f"{path}/end", {})
    assert over.json()["status"] == "done"
    assert [each["number"] for each in over.json()["steps"]] == [1, 2]
    assert api.post(f"{path}/end", {}).status_code == 409


def test_write__makes_versions_and_puts_away(room: Room, api: Asked) -> None:
    text = books.shipped()["beads_db"][0]
    path = "/api/v1/runbooks/beads_db"
    changed = api.put(path, {"text": text + "\nOurs.\n", "reason": "Ours"})
    assert (changed.status_code, changed.json()["shipped"]) == (200, False), changed.content
    again = api.put(path, {"text": text + "\nOurs again.\n", "version": 1})
    assert again.status_code == 409
    assert len(api.get(f"{path}/versions").json()["items"]) == 1
    tried = api.post(f"{path}/validations", {"environment": "staging", "result": "works"})
    assert tried.status_code == 201, tried.content
    assert api.get(path).json()["state"] == "works"
    assert (
        api.post(f"{path}/validations", {"environment": "x", "result": "failed"}).status_code == 400
    )
    gone = {"reason": "Old", "replaced_by": "data_gap"}
    assert api.post(f"{path}/archive", gone).json()["replaced_by"] == "data_gap"
    assert api.get(path).json()["slug"] == "data_gap"


def test_consult__is_noted_once(room: Room, api: Asked) -> None:
    incident = room.incident(runbook="agent_health")
    found = api.get("/api/v1/runbooks/suggestions", {"incident": incident.ref}).json()["items"]
    assert (found[0]["slug"], found[0]["why"]) == ("agent_health", "named by its rule")
    path = "/api/v1/runbooks/agent_health/consult"
    assert api.post(path, {"incident": incident.ref}).json() == {"noted": True}
    assert api.post(path, {"incident": incident.ref}).json() == {"noted": False}
    assert api.post(path, {}).status_code == 400


def test_ready__only_when_all_are_tried_and_drilled(room: Room, api: Asked) -> None:
    answer = api.get("/api/v1/runbooks/readiness").json()
    assert not answer["ready"]
    assert {row["slug"] for row in answer["items"]} == set(books.REQUIRED)
    assert verdict("runbooks", room.workspace.pk).status == "not_applicable"
    Launch.objects.create(workspace=room.workspace, ref="LCH-1", title="Go", created_by="job:x")
    assert verdict("runbooks", room.workspace.pk).status == "attention"
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("runbooks", "check", workspace=room.workspace.slug, json=True, stdout=out)
    assert len(json.loads(out.getvalue())["items"]) == len(books.REQUIRED)
    actor = make.actor(room.lead)
    for slug in books.REQUIRED:
        row = books.get(room.workspace.pk, slug)
        validating.validate(
            row, actor=actor, workspace=room.workspace, environment="staging", result="works"
        )
        run = validating.begin_drill(row, room.workspace, actor=actor)
        validating.end_drill(run, actor=actor, reason="Read at the table")
    assert api.get("/api/v1/runbooks/readiness").json() == {"ready": True, "items": []}
    assert verdict("runbooks", room.workspace.pk).status == "ok"
    call_command("runbooks", "check", workspace=room.workspace.slug, stdout=out)
    drills = api.get("/api/v1/drills", {"kind": "runbook", "limit": "50"}).json()["items"]
    assert len(drills) == len(books.REQUIRED)
    for form in ("md", "csv", "json"):
        answer = api.get(f"/api/v1/drills/log.{form}")
        assert b"beads_db" in answer.content


def test_named__a_rule_names_a_runbook_that_there_is(room: Room, api: Asked) -> None:
    given = {"slug": "ours", "title": "Ours", "opens": "item", "runbook": "no_such_runbook"}
    assert api.post("/api/v1/alert-rules", given).status_code == 400
    made = api.post("/api/v1/alert-rules", {**given, "runbook": "supabase_pool"})
    assert made.status_code == 201, made.content
    new = {"title": "x", "severity": "sev3", "runbook": "no_such_runbook"}
    assert api.post("/api/v1/incidents", new).status_code == 400
    kept = api.post("/api/v1/incidents", {**new, "runbook": "supabase_pool"})
    assert kept.status_code == 201, kept.content
    row = Incident.objects.get(ref=kept.json()["ref"])
    assert using.for_incident(row)[0].runbook.slug == "postgres_pool"


def test_stranger__reaches_nothing(room: Room) -> None:
    run = running.begin(written(room.workspace), actor=make.JOB, workspace=room.workspace)
    other = asked(make.workspace(), "workspace_admin")
    assert other.get("/api/v1/runbooks/kettle").status_code == 404
    assert other.get(f"/api/v1/runbook-runs/{run.uid}").status_code == 404
    assert (
        other.post(f"/api/v1/runbook-runs/{run.uid}/steps/1/tick", {"note": "x"}).status_code == 404
    )
    viewer = asked(room.workspace, "viewer")
    assert viewer.get("/api/v1/runbooks/kettle").status_code == 200
    assert viewer.post("/api/v1/runbook-runs", {"runbook": "kettle"}).status_code == 403
    assert RunbookRun.objects.count() == 1


# --- What the database does -----------------------------------------------------------------------


def other() -> Any:
    """A second connection, as a program has it that forgot to end its transaction."""
    opened: Any = connections["default"].copy()
    opened.inc_thread_sharing()
    return opened


@pytest.mark.django_db(transaction=True)
def test_activity__shows_queries_without_their_values_and_ends_one() -> None:
    sleeper = other()
    with sleeper.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 'a secret of somebody', 4711")
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
        cursor.execute("SELECT 'a secret of somebody', 4711")
    try:
        found = {row.pid: row for row in activity.long_queries(0)}
        assert found[pid].query == "SELECT ?, ?"
        assert found[pid].state == "idle in transaction"
        out = StringIO()
        call_command("db_activity", longer=0, stdout=out)
        assert "a secret of somebody" not in out.getvalue()
        told = StringIO()
        call_command("db_activity", longer=0, json=True, stdout=told)
        assert json.loads(told.getvalue())["connections"] >= 2
        with pytest.raises(CommandError, match="--older-than"):
            call_command("db_activity", terminate=pid)
        with pytest.raises(CommandError, match="--reason"):
            call_command("db_activity", terminate=pid, older_than=1)
        with pytest.raises(CommandError, match="only what has run"):
            call_command("db_activity", terminate=pid, older_than=600, reason="It hangs")
        with pytest.raises(CommandError, match="runs nothing"):
            call_command("db_activity", terminate=999_999, older_than=1, reason="It hangs")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(1.1)")
        call_command("db_activity", terminate=pid, older_than=1, reason="It hangs", stdout=out)
        row = AuditEvent.objects.get(action="database.terminate")
        assert row.reason == "It hangs"
        assert (row.after or {})["query"] == "SELECT ?, ?"
        assert pid not in {each.pid for each in activity.long_queries(0)}
    finally:
        sleeper.close()


def test_values__are_left_out_of_every_query() -> None:
    for query in (
        "SELECT * FROM t WHERE a = 'it''s me' AND b = 12.5",
        "INSERT INTO t VALUES ($$secret$$, E'x', $body$ secret $body$)",
    ):
        said = without_values(query)
        assert "secret" not in said
        assert "me" not in said
        assert "12" not in said


def test_duties__documents_have_an_owner_and_a_day_on_which_they_are_read_again() -> None:
    for slug in ("documents.review", "runbooks.validation"):
        duty = obligations.DUTIES[slug]
        assert (duty.cadence, duty.owner_role in policy.ROLES) == ("quarterly", True), slug

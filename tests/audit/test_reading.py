"""Who reads what of the log: by queryset, by API, in the console. And the stranger, nothing."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlplane.access.models import Workspace
from controlplane.audit import sealing
from controlplane.audit.models import AuditEvent
from controlplane.audit.services import record
from controlplane.lib import actors, clock
from tests import make
from tests.kit import api, audit, settled
from tests.kit.api import Api

pytestmark = pytest.mark.django_db
EVENTS = "/api/v1/audit/events"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any) -> None:
    settings.STATE_DIR = tmp_path
    api.reset(monkeypatch)


@settled.once
def here() -> Workspace:
    return make.workspace("here")


@settled.once
def there() -> Workspace:
    return make.workspace("there")


def caller(workspace: Workspace, *scopes: str) -> Api:
    _, secret = make.key(make.agent(workspace, role=""), scopes=scopes or ["audit.*"])
    return Api(secret)


def items(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


# --- Scope --------------------------------------------------------------------------------------


def test_visible_to__only_workspaces_where_the_log_may_be_read(
    here: Workspace, there: Workspace
) -> None:
    audit.events(2, workspace_id=here.pk)
    audit.events(3, workspace_id=there.pk)
    seen = {
        role: AuditEvent.objects.visible_to(make.actor(make.person(here, role)))
        .filter(action="test.act")
        .count()
        for role in ("security_lead", "primary_operator", "viewer")
    }
    assert seen == {"security_lead": 2, "primary_operator": 2, "viewer": 0}
    stranger = make.actor(make.person(make.workspace(), "workspace_admin"))
    assert not AuditEvent.objects.visible_to(stranger).filter(action="test.act").exists()
    assert not AuditEvent.objects.visible_to(actors.ANONYMOUS).exists()


def test_visible_to__installation_rows__are_not_everybodys(
    here: Workspace, there: Workspace
) -> None:
    lead, operator = make.person(here, "security_lead"), make.person(here, "primary_operator")
    neighbour = make.person(there, "security_lead")
    for person in (lead, neighbour):
        record(make.actor(person), "test.sign_in", person, workspace_id=None)
    record(actors.job("backups"), "test.backup", "backup:1")

    def seen(person: Any) -> set[str]:
        rows = AuditEvent.objects.visible_to(make.actor(person)).filter(
            workspace_id=None, action__startswith="test."
        )
        return {f"{row.action} {row.actor_label}" for row in rows}

    assert seen(operator) == set()
    assert seen(lead) == {f"test.sign_in {lead.email}", "test.backup backups"}
    assert len(seen(make.superuser())) == 3


def test_about__is_the_trail_of_one_object(here: Workspace) -> None:
    record(make.JOB, "test.one", here)
    record(make.JOB, "test.two", "access.workspace:999999")
    actions = AuditEvent.objects.about(here).filter(action__startswith="test.")
    assert [event.action for event in actions] == ["test.one"]


# --- API ----------------------------------------------------------------------------------------


def test_list__filters(here: Workspace, there: Workspace) -> None:
    person = make.person(here, "security_lead", email="robin@example.org")
    audit.events(1, workspace_id=there.pk)
    record(
        make.actor(person),
        "key.rotate",
        "access.apikey:999999005",
        workspace_id=here.pk,
        reason="due",
    )
    record(make.JOB, "test.act", "thing:7", workspace_id=here.pk, outcome="denied")
    mine = caller(here)
    assert len(items(mine.get(EVENTS + "?subject=access.apikey:999999005"))) == 1
    assert [e["outcome"] for e in items(mine.get(EVENTS + "?outcome=denied"))] == ["denied"]
    assert len(items(mine.get(f"{EVENTS}?action=key.*&actor=user:{person.pk}"))) == 1
    assert len(items(mine.get(EVENTS + "?q=robin@example&action=key.rotate"))) == 1
    assert items(mine.get(EVENTS + "?q=nobody-like-this")) == []
    later = (clock.now() + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert items(mine.get(f"{EVENTS}?since={later}")) == []
    assert items(mine.get(f"{EVENTS}?until={later}&action=key.rotate"))[0]["reason"] == "due"


@pytest.mark.parametrize("query", ["?since=yesterday", "?outcome=maybe", "?user=5", "?q="])
def test_list__bad_filter__is_refused(here: Workspace, query: str) -> None:
    api.refused(caller(here).get(EVENTS + query), "INVALID_ARGUMENT")


def test_list__never_shows_numbers_of_the_database(here: Workspace) -> None:
    audit.events(1, workspace_id=here.pk)
    [event] = items(caller(here).get(EVENTS + "?action=test.act"))
    assert not {"id", "workspace_id", "leaf"} & event.keys()
    assert (
        Api(caller(here).headers["Authorization"][7:])
        .get(f"{EVENTS}/{event['uid']}")
        .json()["action"]
        == "test.act"
    )


@pytest.mark.parametrize(
    "path", ["events", "export", "stream", "seals", "reviews", "installation-events"]
)
def test_doors__wrong_scope_role_or_nobody__are_refused(here: Workspace, path: str) -> None:
    route = f"/api/v1/audit/{path}"
    api.refused(Api().get(route), "UNAUTHORIZED")
    api.refused(caller(here, "catalog.view").get(route), "FORBIDDEN")
    viewer = Api(browser=make.client(make.person(here, "viewer")))
    api.refused(viewer.get(route), "FORBIDDEN")


def test_event_of_another_workspace__is_not_found(here: Workspace, there: Workspace) -> None:
    [event] = audit.events(1, workspace_id=there.pk)
    api.refused(caller(here).get(f"{EVENTS}/{event.uid}"), "NOT_FOUND")
    named = caller(here).get(EVENTS, **{"X-Workspace": "there"})
    api.refused(named, "NOT_FOUND")
    assert items(caller(here).get(EVENTS + "?action=test.act")) == []


# --- Export -------------------------------------------------------------------------------------


def exported(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content).decode()


def test_export__jsonl__holds_the_workspaces_rows_and_is_audited(
    here: Workspace, there: Workspace
) -> None:
    audit.events(3, workspace_id=here.pk)
    audit.events(2, workspace_id=there.pk)
    answer = caller(here).get("/api/v1/audit/export")
    rows = [json.loads(line) for line in exported(answer).splitlines()]
    assert {row["workspace"] for row in rows} == {"here"}
    assert sum(row["action"] == "test.act" for row in rows) == 3
    assert "attachment" in answer["Content-Disposition"]
    assert AuditEvent.objects.filter(action="audit.export", workspace_id=here.pk).count() == 1


def test_export__csv__disarms_formulas(here: Workspace) -> None:
    record(make.JOB, "test.act", "=HYPERLINK(evil)", workspace_id=here.pk, after={"a": [1, "x,y"]})
    text = exported(caller(here).get("/api/v1/audit/export?format=csv"))
    row = next(row for row in csv.DictReader(io.StringIO(text)) if row["action"] == "test.act")
    assert row["subject_ref"] == "'=HYPERLINK(evil)"
    assert json.loads(row["after"]) == {"a": [1, "x,y"]}


def test_export__streams_by_key(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.audit.export.CHUNK", 4)
    audit.events(10, workspace_id=here.pk)
    answer = caller(here).get("/api/v1/audit/export")
    with CaptureQueriesContext(connection) as queries:
        lines = exported(answer).splitlines()
    assert sum("test.act" in line for line in lines) == 10
    assert len(queries) >= 3


def test_command__export(here: Workspace, there: Workspace, tmp_path: Path) -> None:
    audit.events(2, workspace_id=here.pk)
    audit.events(1, workspace_id=there.pk)
    target = tmp_path / "log.jsonl"
    call_command("export_audit", "--workspace", "here", "--to", str(target))
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert sum(row["action"] == "test.act" for row in rows) == 2
    assert oct(target.stat().st_mode)[-3:] == "600"
    assert AuditEvent.objects.get(action="audit.export").workspace_id == here.pk
    with pytest.raises(CommandError):
        call_command("export_audit", "--workspace", "nowhere")
    with pytest.raises(CommandError):
        call_command("export_audit", "--since", "yesterday")


# --- Stream -------------------------------------------------------------------------------------


def test_stream__everything_once_in_a_fixed_order(here: Workspace, there: Workspace) -> None:
    for turn in range(5):
        audit.events(3, workspace_id=here.pk)
        audit.events(turn, workspace_id=there.pk)
        sealing.seal_batch(4)
    sealing.seal_all()
    audit.events(1, workspace_id=here.pk)  # not sealed yet: it comes later
    mine, after, seen = caller(here), "", []
    for _ in range(50):
        answer = mine.get(f"/api/v1/audit/stream?limit=2{after}").json()
        seen += answer["items"]
        after = f"&after={answer['after']}"
        if not answer["more"]:
            break
    acts = [row["uid"] for row in seen if row["action"] == "test.act"]
    assert len(acts) == len(set(acts)) == 15
    assert [row["seal"] for row in seen] == sorted(row["seal"] for row in seen)
    assert mine.get(f"/api/v1/audit/stream?limit=2{after}").json()["items"] == []
    sealing.seal_all()
    fresh = mine.get(f"/api/v1/audit/stream?limit=50{after}").json()["items"]
    assert sum(row["action"] == "test.act" for row in fresh) == 1


def test_stream__forged_position__is_refused(here: Workspace) -> None:
    api.refused(caller(here).get("/api/v1/audit/stream?after=AAAA"), "INVALID_ARGUMENT")


def test_seals__carry_hashes_for_anchors(here: Workspace) -> None:
    audit.events(1)
    sealing.seal_all()
    newest = items(caller(here).get("/api/v1/audit/seals"))[0]
    assert len(newest["hash"]) == len(newest["merkle_root"]) == 64


# --- Console ------------------------------------------------------------------------------------


def test_console__list_trail_and_row(here: Workspace) -> None:
    browser = make.client(make.person(here, "security_lead"))
    [event] = audit.events(1, workspace_id=here.pk, reason="a reason to be read")
    page = browser.get("/admin/audit/auditevent/?view=all")
    assert page.status_code == 200
    assert b"act the test" in page.content
    assert b"act the test" in browser.get("/admin/audit/auditevent/?q=test.thing").content
    assert b"act the test" not in browser.get("/admin/audit/auditevent/?q=unheard-of").content
    row = browser.get(f"/admin/audit/auditevent/{event.uid}/change/")
    assert b"a reason to be read" in row.content
    sealing.seal_all()
    assert browser.get("/admin/audit/auditseal/").status_code == 200


def test_console__of_another_workspace_or_role__shows_nothing(
    here: Workspace, there: Workspace
) -> None:
    [event] = audit.events(1, workspace_id=there.pk)
    neighbour = make.client(make.person(here, "security_lead"))
    assert b"act the test" not in neighbour.get("/admin/audit/auditevent/?view=all").content
    assert neighbour.get(f"/admin/audit/auditevent/{event.uid}/change/").status_code == 404
    viewer = make.client(make.person(there, "viewer"))
    assert viewer.get("/admin/audit/auditevent/").status_code == 403


def test_console__rows_cannot_be_changed(here: Workspace) -> None:
    browser = make.client(make.person(here, "security_lead", "workspace_admin"))
    [event] = audit.events(1, workspace_id=here.pk)
    url = f"/admin/audit/auditevent/{event.uid}/"
    assert browser.post(f"{url}change/", {"reason": "other"}).status_code == 403
    assert browser.post(f"{url}delete/", {"post": "yes"}).status_code == 403
    assert AuditEvent.objects.get(pk=event.pk).reason == ""

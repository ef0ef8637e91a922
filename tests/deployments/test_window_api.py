"""The playbook of maintenance by API, and who is turned away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from controlplane.lib import clock
from deployments.maintenance import services, standing
from deployments.models import MaintenanceWindow
from tests.deployments.test_api import NOBODY, Api
from tests.kit import settled
from tests.kit.maintenance import EMERGENCY, World, again, at, tell_in_time

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    made = World()
    made.watcher()
    made.service()
    return made


def body(world: World, **given: Any) -> dict[str, Any]:
    span = {name: value.isoformat() for name, value in world.span().items()}
    return {
        "title": "Upgrade", "environment": "production", "services": ["api"],
        "rollback_plan": "The old files.", "templates": ["reindex"], **span, **given,
    }  # fmt: skip


def test_walk__to_consent_by_a_key(world: World) -> None:
    api = Api(world)
    ref = api.post("maintenance", **body(world))["ref"]
    shown = api.get(f"maintenance/{ref}")
    assert {each["slug"]: each["state"] for each in shown["checks"]}["tested"] == "missing"
    assert api.post(f"maintenance/{ref}/tested", evidence="Run 7.")["tested_in_staging"] is True
    assert api.post(f"maintenance/{ref}/schedule")["status"] == "scheduled"
    assert len(api.get(f"maintenance/{ref}/notices")["items"]) == 25
    assert api.post(f"maintenance/{ref}/announce")["status"] == "announced"
    assert api.post(f"maintenance/{ref}/ask")["approval"]
    tasks = api.post(f"maintenance/{ref}/tasks", titles=["Call the supplier"])["tasks"]
    assert [task["title"] for task in tasks][-1] == "Call the supplier"
    done = api.post(f"maintenance/{ref}/tasks/{tasks[0]['key']}/move", to="done", remark="exit 0")
    assert done["tasks"][0]["close_reason"] == "exit 0"
    api.post(f"maintenance/{ref}/remarks", kind="evidence", text="Log 4211.")
    moved = {name: (value + timedelta(days=7)).isoformat() for name, value in world.span().items()}
    again_ = api.post(f"maintenance/{ref}/reschedule", reason="Later.", **moved)
    assert (again_["revision"], again_["status"]) == (2, "announced")
    changed = api.call("PATCH", f"maintenance/{ref}", {"about": "Ten minutes of silence."})
    assert changed.json()["about"] == "Ten minutes of silence."
    found = api.get("maintenance?open=true&environment=production")["items"]
    assert [row["ref"] for row in found] == [ref]
    assert api.get("maintenance?now=true")["items"] == []
    assert api.post(f"maintenance/{ref}/cancel", reason="Not now.")["status"] == "cancelled"


def test_version_that_was_seen__is_compared_by_the_service(world: World) -> None:
    row = world.scheduled()
    api = Api(world)
    shown = api.call("GET", f"maintenance/{row.ref}")
    seen = {"If-Match": shown["ETag"]}
    done = api.call("PATCH", f"maintenance/{row.ref}", {"about": "One."}, **seen)
    assert done.status_code == 200
    late = api.call("PATCH", f"maintenance/{row.ref}", {"about": "Two."}, **seen)
    assert late.status_code == 412
    late = api.call("POST", f"maintenance/{row.ref}/announce", **seen)
    assert late.status_code == 412
    assert again(row).about == "One."


def test_subtasks_of_what_is_over__stay_as_they_are(world: World) -> None:
    row = world.scheduled()
    item = standing.tasks(row)[0]
    services.cancel(row, actor=world.actor, reason="Not now.")
    answer = Api(world).call(
        "POST", f"maintenance/{row.ref}/tasks/{item.key}/move", {"to": "in_progress"}
    )
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        409, f"{row.ref} is cancelled: its work is over.",
    )  # fmt: skip


def test_key__starts_nothing__a_person_does(world: World) -> None:
    row = world.approved_window()
    with at(row.starts_at):
        tell_in_time(row)
        api = Api(world)
        assert api.call("POST", f"maintenance/{row.ref}/start").status_code == 403
        waive = api.call("POST", f"maintenance/{row.ref}/waive", {"rule": "lead", "reason": "x"})
        assert waive.status_code == 403
        services.start(again(row), actor=world.actor)
        undone = api.post(f"maintenance/{row.ref}/rollback", reason="Errors.")
        assert undone["status"] == "rolled_back"
        made = api.post(f"maintenance/{row.ref}/follow-ups", titles=["Try again"])["tasks"]
        assert made[0]["title"] == "Try again"


def test_bad_input__is_refused_with_the_field_named(world: World) -> None:
    api, now = Api(world), clock.now()
    for wrong in (
        {"title": ""},
        {"title": "x\u0000y"},
        {"environment": "moon"},
        {"services": ["none"]},
        {"services": "api"},
        {"ends_at": "2020-01-01T00:00:00Z"},
        {"starts_at": "soon"},
        {"starts_at": "0001-01-01T00:00:00Z", "ends_at": "0001-01-01T01:00:00Z"},
        {"starts_at": "9999-12-31T23:59:59Z", "ends_at": "9999-12-31T23:59:59.5Z"},
        {"ends_at": (now + timedelta(days=300)).isoformat()},
        {"kind": "whenever"},
        {"kind": "emergency"},
        {**EMERGENCY, "partner": "Northwind"},
        {"trigger": "cve"},
        {"templates": ["everything"]},
        {"watcher": NOBODY},
        {"status": "completed"},
        {"about": "a" * 16_001},
    ):
        answer = api.call("POST", "maintenance", body(world, **wrong))
        assert (answer.status_code, answer.json()["error"]["code"]) == (
            400, "INVALID_ARGUMENT",
        ), wrong  # fmt: skip
    assert not MaintenanceWindow.objects.exists()
    row = world.scheduled()
    verbs: tuple[tuple[str, dict[str, Any]], ...] = (
        ("waive", {"rule": "all", "reason": "x"}),
        ("cancel", {}),
        ("tasks", {}),
        ("tasks", {"titles": [" "]}),
        ("remarks", {"kind": "joke", "text": "x"}),
        ("reschedule", {"starts_at": None, "ends_at": None, "reason": "x"}),
    )
    for path, given in verbs:
        answer = api.call("POST", f"maintenance/{row.ref}/{path}", given)
        assert answer.status_code in (400, 403), (path, given, answer.content)
    for path, code in (("start", 403), ("tested", 400), ("tasks/bd-none/move", 404)):
        assert api.call("POST", f"maintenance/{row.ref}/{path}").status_code == code, path


def test_refusal__says_what_is_missing(world: World) -> None:
    api = Api(world)
    soon = {name: value - timedelta(days=10) for name, value in world.span().items()}
    given = body(world, **{name: value.isoformat() for name, value in soon.items()})
    ref = api.post("maintenance", **given)["ref"]
    refused = api.call("POST", f"maintenance/{ref}/schedule")
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (422, "GATE_NOT_MET")
    assert len(error["details"]["conditions"]) == 2
    assert api.call("POST", f"maintenance/{ref}/start").status_code == 403


def test_stranger__finds_nothing(world: World) -> None:
    row = world.scheduled()
    other = Api(World())
    for method, path in (
        ("GET", ""), ("PATCH", ""), ("POST", "/announce"), ("GET", "/notices"), ("GET", "/tasks"),
        ("POST", "/ask"), ("POST", "/schedule"),
    ):  # fmt: skip
        answer = other.call(method, f"maintenance/{row.ref}{path}")
        assert answer.status_code == 404, (method, path)
    assert other.get("maintenance")["items"] == []
    narrow = Api(world, scopes=["maintenance.view"])
    assert narrow.call("POST", f"maintenance/{row.ref}/announce").status_code == 403
    assert len(narrow.get("maintenance")["items"]) == 1
    assert Client().get("/api/v1/maintenance").status_code == 401

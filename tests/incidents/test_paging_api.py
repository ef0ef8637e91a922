"""Policies, the ledger and one's own rules over the API."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.access.models import User
from incidents.models import EscalationPolicy
from tests import make
from tests.kit import settled
from tests.kit.incidents import Caller, Watchroom, role

pytestmark = pytest.mark.django_db
POLICIES = "/api/v1/escalation-policies"
LADDER: dict[str, Any] = {
    "title": "Ours", "repeats": 1,
    "steps": [{"wait_s": 120, "targets": [role("primary_operator")]},
              {"wait_s": 300, "targets": [role("engineering_lead"), role("vp_engineering")]}],
}  # fmt: skip


@settled.once
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


def caller(room: Watchroom, person: User) -> Any:
    return Caller(person)


def test_policies__shipped_ones_hold_until_the_workspace_keeps_its_own(room: Watchroom) -> None:
    api = caller(room, room.admin)
    rows = {row["slug"]: row for row in api.get(POLICIES, limit=100)["items"]}
    assert {"sev1", "sev2", "sev3", "security", "database", "legal", "p0"} <= set(rows)
    assert rows["sev1"]["shipped"] is True
    made = api.put(f"{POLICIES}/sev1", LADDER)
    assert (made["shipped"], made["number"], made["steps"]) == (False, 1, LADDER["steps"])
    again = api.put(f"{POLICIES}/sev1", {**LADDER, "repeats": 2})
    assert again["number"] == 2
    renamed = api.put(f"{POLICIES}/sev1", {**LADDER, "repeats": 2, "title": "Said anew"})
    assert renamed["number"] == 2, "the same ladder is the same version"
    assert EscalationPolicy.objects.get(workspace=None, slug="sev1").title == "SEV-1"
    rows = {row["slug"]: row for row in api.get(POLICIES, limit=100)["items"]}
    assert rows["sev1"]["title"] == "Said anew"
    gone = api.post(f"{POLICIES}/sev1/retire", {"reason": "The shipped one does."})
    assert gone["is_active"] is False


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"steps": []}, "steps"),
        ({"steps": [{"wait_s": 5, "targets": [role("primary_operator")]}]}, "steps.1"),
        ({"steps": [{"wait_s": 60, "targets": []}]}, "steps.1"),
        ({"steps": [{"wait_s": 60, "targets": [role("nobody")]}]}, "steps.1"),
        ({"steps": [{"wait_s": 60, "targets": [{"kind": "person", "ref": "x"}]}]}, "steps.1"),
        ({"steps": [{"wait_s": 60, "targets": [{"kind": "schedule", "ref": "x"}]}]}, "steps.1"),
        ({"steps": [{"wait_s": 60, "targets": [{"kind": "webhook", "ref": "x"}]}]}, "steps.1"),
        ({"repeats": 10}, "repeats"),
    ],
)
def test_policy__that_could_call_nobody_is_refused(
    room: Watchroom, change: dict[str, Any], field: str
) -> None:
    answer = caller(room, room.admin).refused("POST", POLICIES, {**LADDER, "slug": "own", **change})
    assert answer.status_code == 400
    assert field in answer.json()["error"]["details"]


def test_policy__is_kept_by_those_who_may_and_seen_by_its_own(room: Watchroom) -> None:
    own = caller(room, room.admin)
    own.post(POLICIES, {**LADDER, "slug": "own"})
    assert caller(room, room.primary).refused("PUT", f"{POLICIES}/own", LADDER).status_code == 403
    other = Watchroom()
    stranger = caller(other, other.admin)
    assert stranger.refused("GET", f"{POLICIES}/own").status_code == 404
    theirs = {"kind": "person", "ref": str(room.primary.uid)}
    given = {**LADDER, "slug": "x", "steps": [{"wait_s": 60, "targets": [theirs]}]}
    assert stranger.refused("POST", POLICIES, given).status_code == 400


def test_preview__names_who_would_be_called_and_where_nobody_is(room: Watchroom) -> None:
    found = caller(room, room.primary).get(f"{POLICIES}/sev1/preview")["items"]
    assert [one["after_s"] for one in found] == [0, 300, 3600, 4500]
    assert [each["name"] for each in found[0]["called"]] == [
        "Primary operator", "Engineering lead", "Security lead",
    ]  # fmt: skip
    assert found[2]["missing"] == ["Nobody is on duty as Product VP, and nobody holds the role."]
    bad = caller(room, room.primary).refused("GET", f"{POLICIES}/sev1/preview?at=noon")
    assert bad.status_code == 400


def test_ledger__tells_every_call(room: Watchroom) -> None:
    incident = room.incident("sev3")
    room.tick()
    api = caller(room, room.primary)
    [row] = api.get("/api/v1/pages", incident=incident.ref)["items"]
    assert (row["name"], row["status"], row["step"]) == ("Primary operator", "calling", 0)
    [run] = api.get("/api/v1/escalations", status="running")["items"]
    assert (run["incident"], run["policy"], run["step"]) == (incident.ref, "sev3", 1)
    other = Watchroom()
    assert caller(other, other.admin).get("/api/v1/pages")["items"] == []


def test_own_rules__are_ones_own(room: Watchroom) -> None:
    api = caller(room, room.primary)
    assert api.get("/api/v1/me/paging-rules") == {"urgency": "critical", "rules": []}
    said = api.put("/api/v1/me/paging-rules", {"rules": [{"way": "email", "after_s": 0}]})
    assert said["rules"] == [{"way": "email", "called": "E-mail", "after_s": 0}]
    assert make.JOB.user_id is None

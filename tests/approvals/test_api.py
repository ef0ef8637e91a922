"""Approvals over the API, as people and agents call it; strangers and bad input on every route."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.approvals import owners
from controlplane.approvals.models import Decision, Delegation, Request
from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from tests import make
from tests.kit import approvals, settled, work
from tests.kit.api import Api, refused
from tests.kit.approvals import PACKET, ask, now_of, policy, slot

pytestmark = pytest.mark.django_db
HERE = "/api/v1/approvals"


@settled.once
def here() -> Workspace:
    return make.workspace()


def caller(workspace: Workspace, *roles: str) -> Api:
    return Api(browser=make.client(make.person(workspace, *roles)))


def path(request: Request, what: str = "") -> str:
    return f"{HERE}/{request.uid}{what}"


def yes(request: Request, **given: Any) -> dict[str, Any]:
    return {"verdict": "approved", "sha256": request.sha256, **given}


def test_agent_asks__people_sign(here: Workspace) -> None:
    agent = Api(make.key(make.agent(here, role="planner", name="planner-1"))[1])
    item = work.item(here)
    made_by = make.person(here, "ux")
    body = {
        "policy": "flag_change", "title": "Ten percent", "packet": PACKET, "item": item.key,
        "producers": [str(made_by.uid)],
    }  # fmt: skip
    made = agent.post(HERE, body)
    assert made.status_code == 201, made.content
    row = made.json()
    assert (row["ref"], row["status"], row["item"]) == ("APR-1", "open", item.key)
    assert row["requested_by"] == {"uid": None, "name": "planner-1"}
    assert row["packet"] == PACKET
    assert row["subject"] == f"work.item:{item.pk}"
    manager = caller(here, "release_manager")
    [waiting] = manager.get(f"{HERE}?waiting_for_me=true").json()["items"]
    assert waiting["uid"] == row["uid"]
    seen = manager.get(made["Location"]).json()
    assert [(place["may_sign"], place["refusal"]) for place in seen["slots"]] == [(True, "")]
    signed = manager.post(
        f"{made['Location']}/decide", {"verdict": "approved", "sha256": seen["sha256"]}
    ).json()
    assert (signed["status"], len(signed["decisions"])) == ("approved", 1)
    assert signed["decisions"][0]["slot"] == "release"
    assert signed["decisions"][0]["signed_for"] is None
    [mine] = manager.get("/api/v1/approval-decisions?mine=true").json()["items"]
    assert (mine["ref"], mine["verdict"]) == ("APR-1", "approved")
    assert agent.get("/api/v1/approval-decisions?mine=true").json()["items"] == []


def test_key_or_token__signs_nothing(here: Workspace) -> None:
    request = ask(here)
    for secret in (
        make.key(make.agent(here, role="coordinator"))[1],
        make.key(make.agent(here, role=""))[1],
    ):
        answer = Api(secret).post(path(request, "/decide"), yes(request))
        refused(answer, "FORBIDDEN")
    assert now_of(request).status == "open"
    assert AuditEvent.objects.filter(action="approval.sign", outcome="denied").count() == 2


def test_packet_that_changed__is_refused_with_the_difference(here: Workspace) -> None:
    asker = make.person(here, "product_manager")
    request = ask(here, actor=make.actor(asker))
    manager = caller(here, "release_manager")
    body = yes(request)
    revised = Api(browser=make.client(asker)).post(
        path(request, "/revise"), {"packet": {**PACKET, "percent": 50}, "reason": "More."}
    )
    assert revised.status_code == 200, revised.content
    details = refused(manager.post(path(request, "/decide"), body), "PACKET_CHANGED")
    assert details["diff"] == [{"path": "percent", "kind": "changed", "before": 10, "after": 50}]
    assert details["current"]["uid"] == revised.json()["uid"]
    changes = manager.get(f"{HERE}/{details['current']['uid']}/changes").json()
    assert (changes["previous"], changes["stands"]) == (details["diff"], None)
    body["sha256"] = details["current"]["sha256"]
    done = manager.post(f"{HERE}/{details['current']['uid']}/decide", body)
    assert done.json()["status"] == "approved"


@pytest.mark.parametrize("key", ["", "once"], ids=["plain", "with a key"])
def test_subject_that_moved_on__voids_for_good(
    here: Workspace, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """The refusal keeps what it found, whatever transactions the door has around it."""
    owner = owners.Owner("tests.app", "App", current_packet=lambda request: {"a": 2})
    monkeypatch.setitem(owners.OWNERS, owner.name, owner)
    request = ask(here, owner=owner.name, packet={"a": 1})
    manager = caller(here, "release_manager")
    stands = manager.get(path(request, "/changes")).json()["stands"]
    assert stands == [{"path": "a", "kind": "changed", "before": 1, "after": 2}]
    headers = {"Idempotency-Key": key} if key else {}
    answer = manager.post(path(request, "/decide"), yes(request), **headers)
    assert refused(answer, "PACKET_CHANGED")["diff"] == stands
    assert now_of(request).status == "void"


def test_decide__once_with_a_key(here: Workspace) -> None:
    request, manager = ask(here), caller(here, "release_manager")
    body = yes(request, comment="Good.")
    first = manager.post(path(request, "/decide"), body, **{"Idempotency-Key": "k-1"})
    again = manager.post(path(request, "/decide"), body, **{"Idempotency-Key": "k-1"})
    assert first.json() == again.json()
    assert Decision.objects.count() == 1
    refused(manager.post(path(request, "/decide"), body), "CONFLICT")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "verdict"), ({"verdict": "maybe", "sha256": "0" * 64}, "verdict"),
        ({"verdict": "approved"}, "sha256"), ({"verdict": "approved", "sha256": "x"}, "sha256"),
        ({"verdict": "rejected", "sha256": None}, "sha256"),
        ({"verdict": "rejected", "sha256": "SAME"}, "comment"),
        ({"verdict": "approved", "sha256": "SAME", "slot": "no-such"}, "slot"),
        ({"verdict": "approved", "sha256": "SAME", "person": "me"}, "person"),
    ],
    ids=str,
)  # fmt: skip
def test_bad_decision__is_named(here: Workspace, body: dict[str, Any], field: str) -> None:
    request = ask(here)
    if body.get("sha256") == "SAME":
        body = {**body, "sha256": request.sha256}
    answer = caller(here, "release_manager").post(path(request, "/decide"), body)
    assert field in refused(answer, "INVALID_ARGUMENT")
    assert now_of(request).status == "open"


@pytest.mark.parametrize(
    "packet",
    [
        b"[]", b'"text"', b"null", b'{"a":NaN}', b'{"a":Infinity}', b'{"a":1e999}',
        b'{"a":"\\u0000"}', b'{"a":"\\ud800"}', b'{"a":1,"a":2}', b'{"a":' + b"9" * 30 + b"}",
        b'{"a":' * 60 + b"1" + b"}" * 60, b'{"a":"' + b"x" * 300_000 + b'"}',
        b'{"a":[' + b"1," * 30_000 + b"1]}", b'{"a":"\xff"}', b'{"a"',
    ],
    ids=range(15),
)  # fmt: skip
def test_hostile_packet__has_an_answer(here: Workspace, packet: bytes) -> None:
    api = caller(here, "release_manager")
    body = b'{"policy":"flag_change","title":"T","packet":' + packet + b"}"
    answer = api.raw("POST", HERE, body)
    assert answer.status_code in {400, 413}, answer.content[:300]
    assert json.loads(answer.content)["error"]["code"] in {"INVALID_ARGUMENT", "TOO_LARGE"}
    assert not Request.objects.exists()


def test_bad_asking__is_named(here: Workspace) -> None:
    api = caller(here, "release_manager")
    good = {"policy": "flag_change", "title": "T", "packet": {}}
    elsewhere = make.person(make.workspace(), "ux")
    for change, field in (
        ({"title": ""}, "title"),
        ({"packet": None}, "packet"),
        ({"item": "bd-nothing"}, "item"),
        ({"item": work.item(make.workspace()).key}, "item"),
        ({"producers": ["nobody@example.org"]}, "producers"),
        ({"producers": [elsewhere.email]}, "producers"),
        ({"due_at": "2001-01-01T00:00:00Z"}, "due_at"),
        ({"owner": "flags.change"}, "owner"),
    ):
        assert field in refused(api.post(HERE, {**good, **change}), "INVALID_ARGUMENT")
    refused(api.post(HERE, {**good, "policy": "no-such"}), "NOT_FOUND")
    refused(caller(here, "viewer").post(HERE, good), "FORBIDDEN")


def test_revise_and_withdraw__with_what_one_saw(here: Workspace) -> None:
    asker = make.person(here, "product_manager")
    api = Api(browser=make.client(asker))
    request = ask(here, actor=make.actor(asker))
    tag = api.get(path(request))["ETag"]
    revised = api.post(path(request, "/revise"), {"packet": {"a": 1}}, **{"If-Match": tag})
    assert (revised.status_code, revised.json()["revision"]) == (200, 2)
    assert revised.json()["supersedes"] == str(request.uid)
    late = api.post(path(request, "/withdraw"), {}, **{"If-Match": tag})
    refused(late, "PRECONDITION_FAILED")
    new = f"{HERE}/{revised.json()['uid']}"
    stranger = caller(here, "release_manager")
    refused(stranger.post(f"{new}/withdraw", {}), "FORBIDDEN")
    refused(stranger.post(f"{new}/revise", {"packet": {}}), "FORBIDDEN")
    assert api.post(f"{new}/withdraw", {"reason": "Later."}).json()["status"] == "withdrawn"
    refused(api.post(f"{new}/withdraw", {}), "INVALID_TRANSITION")


def test_delegation__of_one_request_and_of_a_holiday(here: Workspace) -> None:
    manager, helper = make.person(here, "release_manager"), make.person(here, "ux")
    api, other = Api(browser=make.client(manager)), Api(browser=make.client(helper))
    request = ask(here)
    made = api.post(path(request, "/delegate"), {"to": helper.email, "reason": "In the air"})
    assert made.status_code == 201, made.content
    assert made.json()["receiver"] == {"uid": str(helper.uid), "name": helper.name}
    assert other.post(path(request, "/decide"), yes(request)).json()["decisions"][0][
        "signed_for"
    ] == {"uid": str(manager.uid), "name": manager.name}
    until = (clock.now() + timedelta(days=2)).isoformat()
    body = {"to": str(helper.uid), "reason": "On leave", "until": until}
    away = api.post("/api/v1/approval-delegations", body)
    assert (away.status_code, away.json()["request"]) == (201, None)
    rows = other.get("/api/v1/approval-delegations?in_force=true").json()["items"]
    assert [row["reason"] for row in rows] == ["On leave"]  # the request of the other is closed
    end = f"/api/v1/approval-delegations/{away.json()['uid']}/end"
    refused(caller(here, "ux").post(end, {}), "FORBIDDEN")
    assert other.post(end, {"reason": "Ill too"}).json()["ended_at"] is not None
    for change, field in (
        ({"to": "nobody"}, "to"), ({"reason": ""}, "reason"), ({"until": None}, "until"),
        ({"until": "2001-01-01T00:00:00Z"}, "until"), ({"role": "legal"}, "role"),
    ):  # fmt: skip
        answer = api.post("/api/v1/approval-delegations", {**body, **change})
        assert field in refused(answer, "INVALID_ARGUMENT")
    agent = Api(make.key(make.agent(here, role="coordinator"))[1])
    refused(agent.post("/api/v1/approval-delegations", body), "FORBIDDEN")
    assert Delegation.objects.count() == 2


def test_policies__listed_made_changed_retired(here: Workspace) -> None:
    admin, policies = caller(here, "workspace_admin"), "/api/v1/approval-policies"
    listed = admin.get(f"{policies}?is_active=true").json()["items"]
    assert {"flag_change", "hotfix", "production_push"} <= {row["slug"] for row in listed}
    body = {"slug": "own", "name": "Own", "slots": [slot("legal", "legal")]}
    made = admin.post(policies, body)
    assert (made.status_code, made["Location"]) == (201, f"{policies}/own")
    refused(admin.post(policies, body), "CONFLICT")
    tag = admin.get(f"{policies}/own")["ETag"]
    changed = admin.send(
        "PATCH", f"{policies}/own", {"target_minutes": 30, "reason": "Urgent"}, **{"If-Match": tag}
    )
    assert (changed.json()["target_minutes"], changed.json()["version"]) == (30, 2)
    late = admin.send("PATCH", f"{policies}/own", {"name": "X"}, **{"If-Match": tag})
    refused(late, "PRECONDITION_FAILED")
    wrong = admin.send("PATCH", f"{policies}/own", {"slots": [slot("a", "executor")]})
    assert "slots[0].roles" in refused(wrong, "INVALID_ARGUMENT")
    assert admin.post(f"{policies}/own/retire", {}).json()["is_active"] is False
    assert admin.post(f"{policies}/own/restore", {}).json()["is_active"] is True
    manager = caller(here, "release_manager")
    assert manager.get(f"{policies}/own").status_code == 200
    refused(manager.send("PATCH", f"{policies}/own", {"name": "X"}), "FORBIDDEN")
    refused(manager.post(policies, body), "FORBIDDEN")
    key = Api(make.key(make.agent(here, role=""))[1])
    refused(key.send("PATCH", f"{policies}/own", {"name": "X"}), "FORBIDDEN")


def test_stranger__finds_nothing(here: Workspace) -> None:
    request = ask(here)
    policy(here, slug="own")
    stranger = caller(make.workspace(), "workspace_admin", "release_manager")
    assert stranger.get(HERE).json()["items"] == []
    for what in ("", "/changes"):
        refused(stranger.get(path(request, what)), "NOT_FOUND")
    bodies: dict[str, Any] = {
        "/decide": yes(request), "/revise": {"packet": {}}, "/withdraw": {},
        "/delegate": {"to": "x", "reason": "y"},
    }  # fmt: skip
    for what, body in bodies.items():
        refused(stranger.post(path(request, what), body), "NOT_FOUND")
        refused(stranger.post(f"{HERE}/{uuid7()}{what}", body), "NOT_FOUND")
    refused(stranger.get("/api/v1/approval-policies/own"), "NOT_FOUND")
    refused(Api().get(HERE), "UNAUTHORIZED")
    assert now_of(request).version == request.version


def test_lists__are_filtered_and_paged(here: Workspace) -> None:
    item = work.item(here)
    asker = make.actor(make.person(here, "product_manager"))
    rows = [ask(here, actor=asker, subject=f"tests:{n}", item=item) for n in range(3)]
    approvals.sign(rows[0], make.actor(make.person(here, "release_manager")))
    api = caller(here, "viewer")
    for query, count in (
        ("status=open", 2), ("subject=tests:1", 1), (f"item={item.key}", 3), ("owner=by_hand", 3),
        ("policy=flag_change", 3), ("policy=hotfix", 0), (f"question={rows[1].question}", 1),
        ("waiting_for_me=true", 0), ("waiting_for_me=false", 3), ("sort=oldest", 3),
    ):  # fmt: skip
        assert len(api.get(f"{HERE}?{query}").json()["items"]) == count, query
    page = api.get(f"{HERE}?limit=2").json()
    assert len(page["items"]) == 2
    assert len(api.get(page["next"]).json()["items"]) == 1
    refused(api.get(f"{HERE}?status=maybe"), "INVALID_ARGUMENT")
    refused(api.get(f"{HERE}?colour=red"), "INVALID_ARGUMENT")

"""Agents, keys and issuers over the API."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.access.models import Agent, ApiKey, TrustedIssuer
from controlplane.access.services.keys import issue_key
from controlplane.audit.models import AuditEvent
from controlplane.base.models import IdempotencyRecord
from tests import make
from tests.kit.api import Api, refused
from tests.kit.issuer import running
from tests.kit.machines import admin_of, machine

pytestmark = pytest.mark.django_db
NOBODY = "5f0c1f5e-0d0c-4b3e-9d5e-2f1b8a7c6d5e"

# --- agents ---------------------------------------------------------------------------------------


def test_agents__made_changed_and_retired() -> None:
    workspace = make.workspace()
    api = admin_of(workspace)
    made = api.post("/api/v1/agents", {"name": "scout", "role": "planner"})
    assert made.status_code == 201
    path = made["Location"]
    seen = api.get(path)
    assert seen.json()["role"] == "planner"
    changed = api.send("PATCH", path, {"role": "executor"}, If_Match=seen["ETag"])
    assert changed.json()["role"] == "executor"
    refused(api.send("PATCH", path, {"name": "late"}, If_Match=seen["ETag"]), "PRECONDITION_FAILED")
    _, secret = make.key(Agent.objects.get(name="scout"))
    assert Api(secret).get("/api/v1/me").status_code == 200
    assert api.post(f"{path}/deactivate", {"reason": "done"}).json()["is_active"] is False
    refused(Api(secret).get("/api/v1/me"), "UNAUTHORIZED")
    assert api.post(f"{path}/reactivate", {}).json()["is_active"] is True
    assert api.post(f"{path}/end-tokens", {}).status_code == 200
    names = [row["name"] for row in api.get("/api/v1/agents?active=true&sort=name").json()["items"]]
    assert names == ["scout"]


WRONG_AGENTS: list[dict[str, Any]] = [
    {},
    {"name": ""},
    {"name": "x", "role": "workspace_admin"},
    {"name": "x", "role": ""},
    {"name": "x", "kind": "service", "role": "planner"},
    {"name": "x", "kind": "robot"},
    {"name": "x\u0000", "role": "planner"},
    {"name": "x", "role": "planner", "is_active": False},
    {"name": "x", "role": "planner", "workspace": 1},
    {"name": "x", "role": "planner", "owner": NOBODY},
]


def test_agent__with_wrong_fields__is_refused() -> None:
    api = admin_of(make.workspace())
    for body in WRONG_AGENTS:
        refused(api.post("/api/v1/agents", body), "INVALID_ARGUMENT")
    assert not Agent.objects.exists()


def test_agents__of_another_workspace__are_not_there() -> None:
    stranger = make.agent(make.workspace())
    api = admin_of(make.workspace())
    assert api.get("/api/v1/agents").json()["items"] == []
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "mine"}),
        ("POST", "/deactivate", {}),
        ("POST", "/reactivate", {}),
        ("POST", "/end-tokens", {}),
    ):
        refused(api.send(method, f"/api/v1/agents/{stranger.uid}{path}", body), "NOT_FOUND")


def test_agents__changed_by_an_agent__is_forbidden() -> None:
    workspace = make.workspace()
    caller = machine(make.agent(workspace))
    assert caller.get("/api/v1/agents").status_code == 200
    refused(caller.post("/api/v1/agents", {"name": "x", "role": "planner"}), "FORBIDDEN")


def test_service_account__that_manages_agents__names_their_roles_not_its_own() -> None:
    workspace = make.workspace()
    caller = machine(make.agent(workspace, role=""), scopes=["agent.*"])
    made = caller.post("/api/v1/agents", {"name": "child", "role": "planner"})
    refused(made, "INSUFFICIENT_AUTHORITY")
    caller = machine(make.agent(workspace, role=""), scopes=["*"])
    refused(
        caller.post("/api/v1/agents", {"name": "child", "role": "planner"}),
        "INSUFFICIENT_AUTHORITY",
    )


# --- keys -----------------------------------------------------------------------------------------


def test_keys__made_listed_rotated_revoked__secret_once() -> None:
    workspace = make.workspace()
    agent = make.agent(workspace)
    api = admin_of(workspace)
    made = api.post(
        "/api/v1/keys",
        {"agent": str(agent.uid), "name": "ci", "scopes": ["catalog.view"], "days": 7},
    )
    assert made.status_code == 201
    key = made.json()["key"]
    assert Api(key).get("/api/v1/me").json()["scopes"] == ["catalog.view"]
    path = made["Location"]
    shown = api.get(path).json()
    assert (shown["state"], shown["agent"]) == ("active", str(agent.uid))
    for answer in (api.get(path), api.get("/api/v1/keys"), api.get("/api/v1/keys?active=true")):
        assert key not in answer.content.decode()
        assert "key" not in answer.json()
    rotated = api.post(f"{path}/rotate", {"overlap_hours": 0})
    assert rotated.status_code == 201
    refused(Api(key).get("/api/v1/me"), "UNAUTHORIZED")
    second = rotated.json()
    assert second["rotated_from"] == shown["uid"]
    revoked = api.post(f"/api/v1/keys/{second['uid']}/revoke", {"reason": "leaked"})
    assert revoked.json()["state"] == "revoked"
    refused(Api(second["key"]).get("/api/v1/me"), "UNAUTHORIZED")


def test_key__made_twice_by_idempotency_key__is_one_and_stored_without_its_secret() -> None:
    workspace = make.workspace()
    agent = make.agent(workspace)
    api = admin_of(workspace)
    body = {"agent": str(agent.uid), "name": "ci"}
    first = api.post("/api/v1/keys", body, Idempotency_Key="make-1").json()
    second = api.post("/api/v1/keys", body, Idempotency_Key="make-1")
    assert second["Idempotency-Replayed"] == "true"
    assert second.json() == {**first, "key": None}
    assert ApiKey.objects.count() == 1
    stored = b"".join(bytes(row.body) for row in IdempotencyRecord.objects.all())
    assert first["key"].encode() not in stored


WRONG_KEYS: list[dict[str, Any]] = [
    {"name": "x"},
    {"agent": "nobody", "name": "x"},
    {"agent": NOBODY, "name": "x"},
    {"agent": None, "name": "x", "scopes": ["nothing.at_all"]},
    {"agent": None, "name": "x", "scopes": "catalog.view"},
    {"agent": None, "name": "x", "scopes": [1]},
    {"agent": None, "name": "x", "scopes": ["a"] * 51},
    {"agent": None, "name": "x", "days": 366},
    {"agent": None, "name": "x", "days": "7"},
    {"agent": None, "name": "x", "days": True},
    {"agent": None, "name": "x", "expires_at": "2099-01-01T00:00:00Z"},
]


def test_key__with_wrong_fields__is_refused() -> None:
    workspace = make.workspace()
    api, agent = admin_of(workspace), make.agent(workspace)
    for body in WRONG_KEYS:
        if body.get("agent", "") is None:
            body = {**body, "agent": str(agent.uid)}
        refused(api.post("/api/v1/keys", body), "INVALID_ARGUMENT")
    assert not ApiKey.objects.exists()


def test_keys__by_the_wrong_role_or_by_a_key__are_forbidden() -> None:
    workspace = make.workspace()
    agent = make.agent(workspace)
    refused(admin_of(workspace, "viewer").get("/api/v1/keys"), "FORBIDDEN")
    lead = admin_of(workspace, "engineering_lead")
    assert lead.get("/api/v1/keys").status_code == 200
    refused(lead.post("/api/v1/keys", {"agent": str(agent.uid), "name": "x"}), "FORBIDDEN")
    strong = machine(make.agent(workspace, role=""), scopes=["*"])
    refused(strong.get("/api/v1/keys"), "FORBIDDEN")
    refused(strong.post("/api/v1/keys", {"agent": str(agent.uid), "name": "x"}), "FORBIDDEN")


def test_keys__of_another_workspace__are_not_there() -> None:
    key, _ = make.key(make.agent(make.workspace()))
    api = admin_of(make.workspace())
    for method, path in (("GET", ""), ("POST", "/rotate"), ("POST", "/revoke")):
        refused(
            api.send(method, f"/api/v1/keys/{key.uid}{path}", None if method == "GET" else {}),
            "NOT_FOUND",
        )
    stranger = str(key.agent.uid) if key.agent else ""
    refused(api.post("/api/v1/keys", {"agent": stranger, "name": "x"}), "INVALID_ARGUMENT")


def test_own_keys__are_ones_own() -> None:
    workspace = make.workspace()
    person, colleague = make.person(workspace, "viewer"), make.person(workspace, "viewer")
    api = Api(browser=make.client(person))
    made = api.post("/api/v1/me/keys", {"name": "cli"})
    assert made.status_code == 201
    assert Api(made.json()["key"]).get("/api/v1/me").json()["uid"] == str(person.uid)
    other = issue_key(colleague, actor=make.actor(colleague), workspace=workspace, name="c").key
    assert [row["name"] for row in api.get("/api/v1/me/keys").json()["items"]] == ["cli"]
    for method, path in (("GET", ""), ("POST", "/rotate"), ("POST", "/revoke")):
        where = f"/api/v1/me/keys/{other.uid}{path}"
        refused(api.send(method, where, None if method == "GET" else {}), "NOT_FOUND")
    rotated = api.post(f"{made['Location']}/rotate", {})
    assert rotated.status_code == 201
    revoked = api.post(f"/api/v1/me/keys/{rotated.json()['uid']}/revoke", {})
    assert revoked.json()["state"] == "revoked"
    refused(machine(make.agent(workspace)).get("/api/v1/me/keys"), "FORBIDDEN")


# --- issuers --------------------------------------------------------------------------------------


TRUST = {
    "issuer": "https://id.example",
    "jwks_url": "https://id.example/jwks.json",
    "audience": "portal",
    "role": "executor",
}


def test_issuers__trusted_changed_and_distrusted() -> None:
    workspace = make.workspace()
    api = admin_of(workspace)
    made = api.post("/api/v1/issuers", TRUST)
    assert made.status_code == 201
    path = made["Location"]
    assert api.send("PATCH", path, {"role": "planner"}).json()["role"] == "planner"
    assert api.post(f"{path}/distrust", {"reason": "left"}).json()["is_active"] is False
    assert api.post(f"{path}/trust", {}).json()["is_active"] is True
    refused(api.post("/api/v1/issuers", TRUST), "CONFLICT")
    stranger = admin_of(make.workspace())
    tails = [("GET", ""), ("PATCH", "")]
    tails += [("POST", f"/{verb}") for verb in ("distrust", "trust", "fetch-keys")]
    for method, tail in tails:
        answer = stranger.send(method, path + tail, None if method == "GET" else {})
        refused(answer, "NOT_FOUND")
    refused(admin_of(workspace, "viewer").get("/api/v1/issuers"), "FORBIDDEN")
    assert TrustedIssuer.objects.count() == 1


def test_issuers__keys_fetched_now_and_recorded_whatever_came_of_it(settings: Any) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    workspace = make.workspace()
    api = admin_of(workspace)
    with running() as issuer:
        named = {"issuer": issuer.name, "jwks_url": issuer.jwks_url}
        path = api.post("/api/v1/issuers", {**TRUST, **named})["Location"]
        assert api.post(f"{path}/fetch-keys", {}).json()["fetched_at"]
        issuer.add_key("second")
        assert api.post(f"{path}/fetch-keys", {}).status_code == 200, "not held back by the pause"
        row = TrustedIssuer.objects.get()
        assert {key["kid"] for key in row.jwks["keys"]} == {"first", "second"}
        issuer.down = True
        refused(api.post(f"{path}/fetch-keys", {}), "UNAVAILABLE")
    assert TrustedIssuer.objects.get().jwks == row.jwks, "kept"
    told = AuditEvent.objects.filter(action="key.fetch_issuer_keys").order_by("id")
    assert [event.outcome for event in told] == ["done", "done", "failed"]
    refused(admin_of(workspace, "engineering_lead").post(f"{path}/fetch-keys", {}), "FORBIDDEN")
    api.post(f"{path}/distrust", {"reason": "left"})
    refused(api.post(f"{path}/fetch-keys", {}), "CONFLICT")

"""The playbook by API, and who is turned away."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from deployments.models import Deployment
from tests import make
from tests.kit import settled
from tests.kit.deployments import DIGEST, PLAN, SHA, World, again

NOBODY = "6dcb09b5-b578-4f33-8f61-aebed695e2e4"
pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    return World()


class Api:
    """A person's key, or an agent's."""

    def __init__(self, world: World, *roles: str, scopes: Any = ("*",)) -> None:
        agent = make.agent(world.workspace, role="")
        _, secret = make.key(agent, scopes=list(scopes))
        self.client, self.secret = Client(), secret

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.generic(
            method,
            f"/api/v1/{path}",
            json.dumps(body if body is not None else {}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.secret}", **headers},
        )

    def post(self, path: str, **body: Any) -> Any:
        answer = self.call("POST", path, body)
        assert answer.status_code in (200, 201), answer.content
        return answer.json()

    def get(self, path: str) -> Any:
        answer = self.client.get(
            f"/api/v1/{path}", headers={"Authorization": f"Bearer {self.secret}"}
        )
        assert answer.status_code == 200, answer.content
        return answer.json()


def test_walk__to_staging_by_a_pipelines_key(world: World) -> None:
    world.component("agent")
    api = Api(world)
    facts = {
        "environment": "staging", "release": "4.2.0", "components": ["agent"], "commit_sha": SHA,
        "ci_url": "https://ci.example.org/7", "image_tag": "v4.2.0", "image_digest": DIGEST,
        "rollback_plan": PLAN, "evidence_path": "docs/readiness/4.2.0/", "source": "merge",
    }  # fmt: skip
    found = api.post("deployments/ensure", **facts)
    assert found["created"] is True
    assert api.post("deployments/ensure", **facts)["created"] is False
    ref = found["deployment"]["ref"]
    assert api.post(f"deployments/{ref}/prepare")["status"] == "preparing"
    gates = api.post(f"deployments/{ref}/gates")["gates"]
    assert {gate["state"] for gate in gates} >= {"passed", "waiting"}
    for gate in gates:
        if gate["phase"] == "before" and gate["state"] == "waiting" and not gate["computed"]:
            api.post(
                f"deployments/{ref}/gates/{gate['slug']}/tick",
                detail="exit 0",
                evidence=[{"label": "log", "link": "https://ci.example.org/7"}],
            )
    world.settle(Deployment.objects.get(ref=ref))
    assert api.post(f"deployments/{ref}/ready")["status"] == "approved"
    assert api.post(f"deployments/{ref}/start")["status"] == "deploying"
    for step in api.get(f"deployments/{ref}/steps")["items"]:
        api.post(f"deployments/{ref}/steps/{step['uid']}/finish", exit_code=0, output="ok")
    world.settle(Deployment.objects.get(ref=ref), "after")
    assert api.post(f"deployments/{ref}/watch")["status"] == "monitoring"
    closed = api.post(f"deployments/{ref}/close", reason="Live.", early=True)
    assert (closed["status"], closed["environment"]) == ("completed", "staging")
    phases = [each["phase"] for each in api.get(f"deployments/{ref}/snapshots")["items"]]
    assert sorted(phases) == ["after", "before", "review"]  # a look at the dashboards leaves one


def test_production__no_key_starts_it__but_undoes_it(world: World) -> None:
    world.on_call()
    world.completed("staging", release="4.1.0")
    world.completed("production", release="4.1.0")
    world.completed("staging")
    row = world.approved("production")
    api = Api(world)
    refused = api.call("POST", f"deployments/{row.ref}/start")
    assert refused.status_code == 403
    from deployments import services

    services.start(again(row), actor=world.actor)
    undone = api.post(f"deployments/{row.ref}/rollback", reason="Errors tripled.")
    assert (undone["kind"], undone["reverses"]) == ("rollback", row.ref)
    assert undone["status"] == "deploying"


@pytest.mark.parametrize(
    "body",
    [
        {"environment": "moon", "release": "1"},
        {"environment": "staging", "release": "latest"},
        {"environment": "staging", "release": "1", "components": ["none"]},
        {"environment": "staging", "release": "1", "kind": "rollback"},
        {"environment": "staging", "release": "1", "status": "completed"},
        {"environment": "staging", "release": "1", "watcher": NOBODY},
        {"environment": "staging", "release": "1", "image_tag": "x:latest"},
        {"environment": "staging"},
    ],
)  # fmt: skip
def test_create__bad_input__is_400(world: World, body: Any) -> None:
    answer = Api(world).call("POST", "deployments", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "INVALID_ARGUMENT")


def test_stranger__finds_nothing(world: World) -> None:
    row = world.started()
    other = Api(World())
    for method, path in (
        ("GET", f"deployments/{row.ref}"),
        ("POST", f"deployments/{row.ref}/rollback"),
        ("POST", f"deployments/{row.ref}/gates/ci/tick"),
    ):
        answer = other.call(method, path, {"reason": "x"} if "rollback" in path else {})
        assert answer.status_code == 404, path
    narrow = Api(world, scopes=["deployment.view"])
    assert narrow.call("POST", f"deployments/{row.ref}/prepare").status_code == 403
    assert len(narrow.get("deployments")["items"]) == 1


def test_freeze__made_and_ended(world: World) -> None:
    api = Api(world)
    made = api.post(
        "freezes", title="Year's end", reason="Nobody is there.", environments=["production"],
        starts_at="2026-01-01T00:00:00Z", ends_at="2099-01-01T00:00:00Z",
    )  # fmt: skip
    assert made["environments"] == ["production"]
    assert len(api.get("freezes?in_force=true")["items"]) == 1
    assert api.post(f"freezes/{made['uid']}/end", reason="Back early.")["ended_at"]
    assert api.get("freezes?in_force=true")["items"] == []


def test_adapter__no_key_allows_anything(world: World) -> None:
    answer = Api(world).call(
        "POST",
        "deployment-adapters",
        {"slug": "x", "title": "X", "kind": "command", "argv": ["ls"], "environments": ["staging"]},
    )
    assert answer.status_code == 403

"""Tokens over the API, and who one is."""

from __future__ import annotations

import json
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.access.models import Agent
from controlplane.audit.models import AuditEvent
from controlplane.base.models import IdempotencyRecord
from tests import make
from tests.kit.api import Api, refused
from tests.kit.machines import admin_of, machine

pytestmark = pytest.mark.django_db

# --- who am I -------------------------------------------------------------------------------------


def test_me__tells_an_agent_what_it_is() -> None:
    agent = make.agent(make.workspace(), role="planner")
    answer = machine(agent).get("/api/v1/me").json()
    assert answer["kind"] == "agent"
    assert answer["uid"] == str(agent.uid)
    assert answer["workspaces"] == [
        {"workspace": agent.workspace.slug, "uid": str(agent.workspace.uid), "roles": ["planner"]}
    ]
    assert "catalog.view" in answer["actions"]
    assert "catalog.manage" not in answer["actions"]


def test_me__tells_a_person_by_session_and_nobody_nothing() -> None:
    workspace = make.workspace()
    answer = admin_of(workspace, "viewer").get("/api/v1/me").json()
    assert (answer["kind"], answer["scopes"]) == ("person", None)
    refused(Api().get("/api/v1/me"), "UNAUTHORIZED")
    refused(Api("cp_local_nonsense").get("/api/v1/me"), "UNAUTHORIZED")


# --- tokens ---------------------------------------------------------------------------------------


def test_token__exchanged_used_and_revoked() -> None:
    agent = make.agent(make.workspace())
    answer = machine(agent).post("/api/v1/token", {})
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 900
    caller = Api(body["access_token"])
    me = caller.get("/api/v1/me").json()
    assert (me["uid"], me["session_id"]) == (str(agent.uid), body["session_id"])
    refused(caller.post("/api/v1/token", {}), "FORBIDDEN")
    assert caller.post("/api/v1/token/revoke", {}).status_code == 204
    refused(caller.get("/api/v1/me"), "UNAUTHORIZED")


def test_token__without_a_body_or_with_a_session_of_its_own() -> None:
    caller = machine(make.agent(make.workspace()))
    assert caller.post("/api/v1/token").status_code == 200
    body = caller.post("/api/v1/token", {"session_id": "run-7", "scope": "catalog.view"}).json()
    assert (body["session_id"], body["scope"]) == ("run-7", "catalog.view")


def test_token__repeated_by_idempotency_key__is_not_kept_in_clear() -> None:
    caller = machine(make.agent(make.workspace()))
    first = caller.post("/api/v1/token", {}, Idempotency_Key="k1").json()
    second = caller.post("/api/v1/token", {}, Idempotency_Key="k1").json()
    assert second == {**first, "access_token": None}
    stored = b"".join(bytes(row.body) for row in IdempotencyRecord.objects.all())
    assert first["access_token"].encode() not in stored


def test_token__exchange_without_credentials__is_unauthorized() -> None:
    refused(Api().post("/api/v1/token", {}), "UNAUTHORIZED")
    person = Api(browser=make.client(make.person(make.workspace(), "viewer")))
    refused(person.post("/api/v1/token", {}), "FORBIDDEN")


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("agent_id", "CLAIM_MISMATCH"),
        ("role", "CLAIM_MISMATCH"),
        ("workspace_id", "WORKSPACE_MISMATCH"),
    ],
)
def test_payload__contradicting_the_credentials__is_refused_and_audited(
    field: str, code: str
) -> None:
    agent = make.agent(make.workspace())
    refused(machine(agent).post("/api/v1/token", {field: str(uuid.uuid4())}), code)
    event = AuditEvent.objects.get(outcome="denied")
    assert (event.rule, event.workspace_id) == (code.lower(), agent.workspace_id)
    assert event.actor_ref == f"agent:{agent.pk}"


def test_key_set__is_public_and_cacheable() -> None:
    answer = Api().get("/.well-known/jwks.json")
    assert answer.status_code == 200
    assert "max-age" in answer["Cache-Control"]
    assert {"kty", "crv", "x", "kid"} <= answer.json()["keys"][0].keys()
    again = Api().get("/.well-known/jwks.json", **{"If-None-Match": answer["ETag"]})
    assert again.status_code == 304


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    st.one_of(
        st.binary(min_size=1, max_size=60),
        JUNK.filter(lambda v: v != {}).map(lambda v: json.dumps(v).encode()),
        st.fixed_dictionaries(
            {},
            optional={
                name: JUNK.filter(lambda v: not isinstance(v, str))
                for name in ("scope", "session_id")
            },
        )
        .filter(bool)
        .map(lambda v: json.dumps(v).encode()),
    )
)
def test_malformed_payloads__in_a_burst__are_always_invalid_arguments(body: bytes) -> None:
    agent = Agent.objects.first() or make.agent(make.workspace())
    caller = machine(agent)
    for path in ("/api/v1/token", "/api/v1/token/revoke"):
        answer = caller.raw("POST", path, body)
        assert answer.status_code in {400, 403}, answer.content
        code = answer.json()["error"]["code"]
        if answer.status_code == 403:
            assert code.endswith("MISMATCH")
        else:
            assert code == "INVALID_ARGUMENT"

"""Who calls an API route, and about which workspace."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from controlplane.audit.models import AuditEvent
from tests import make
from tests.kit.api import Api, refused

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.kit.sample_api")]
AGENTS = "/api/v1/agents"


@pytest.fixture
def ws() -> Any:
    return make.workspace()


def agent_of(workspace: Any, **fields: Any) -> Api:
    return Api(make.key(make.agent(workspace, **fields))[1])


def browser_of(person: Any, *, csrf: bool = False) -> Api:
    browser = make.client(person)
    browser.handler.enforce_csrf_checks = csrf
    return Api(browser=browser)


def test_nobody__is_challenged() -> None:
    response = Api().get(AGENTS)
    refused(response, "UNAUTHORIZED")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("header", ["Bearer cp_local_nonsense", "Basic YTpi", "Bearer", "x" * 9000])
def test_wrong_credentials__are_named_as_wrong(header: str) -> None:
    response = Api(Authorization=header).get(AGENTS)
    refused(response, "UNAUTHORIZED")
    assert "invalid_token" in response["WWW-Authenticate"]


def test_wrong_credentials__are_not_rescued_by_a_session(ws: Any) -> None:
    browser = browser_of(make.person(ws, "viewer"))
    refused(browser.get(AGENTS, Authorization="Bearer cp_local_nonsense"), "UNAUTHORIZED")


def test_agent__acts_in_its_one_workspace(ws: Any) -> None:
    other = make.workspace()
    make.agent(other, name="hidden")
    response = agent_of(ws, name="seen").get(AGENTS)
    assert [row["name"] for row in response.json()["items"]] == ["seen"]


def test_agent__may_name_its_own_workspace_only(ws: Any) -> None:
    other = make.workspace()
    api = agent_of(ws)
    assert api.get(AGENTS, **{"X-Workspace": ws.slug}).status_code == 200
    refused(api.get(AGENTS, **{"X-Workspace": other.slug}), "NOT_FOUND")
    refused(api.get(f"{AGENTS}?workspace={other.slug}"), "NOT_FOUND")
    refused(api.post(AGENTS, {}, **{"X-Workspace": other.slug}), "WORKSPACE_MISMATCH")


def test_foreign_and_unknown_workspace__answer_alike(ws: Any) -> None:
    other = make.workspace()
    api = agent_of(ws)
    foreign = api.get(AGENTS, **{"X-Workspace": other.slug}).json()["error"]
    unknown = api.get(AGENTS, **{"X-Workspace": "no-such-one"}).json()["error"]
    assert foreign | {"request_id": ""} == unknown | {"request_id": ""}


def test_foreign_workspace__is_recorded_as_a_denial(ws: Any) -> None:
    api = agent_of(ws)
    before = AuditEvent.objects.filter(outcome="denied").count()
    api.get(AGENTS, **{"X-Workspace": make.workspace().slug})
    assert AuditEvent.objects.filter(outcome="denied").count() == before + 1


def test_header_and_parameter__may_not_differ(ws: Any) -> None:
    path = f"{AGENTS}?workspace=another"
    refused(agent_of(ws).get(path, **{"X-Workspace": ws.slug}), "INVALID_ARGUMENT")


def test_person_of_one_workspace__needs_no_header(ws: Any) -> None:
    assert browser_of(make.person(ws, "viewer")).get(AGENTS).status_code == 200


def test_person_of_two__names_one_or_is_told_how(ws: Any) -> None:
    from controlplane.access import services

    other = make.workspace()
    person = make.person(ws, "viewer")
    services.grant_role(
        services.add_member(other, person, actor=make.JOB), "viewer", actor=make.JOB
    )
    api = browser_of(person)
    assert "X-Workspace" in refused(api.get(AGENTS), "INVALID_ARGUMENT")
    make.agent(other, name="theirs")
    found = api.get(AGENTS, **{"X-Workspace": other.slug}).json()["items"]
    assert [row["name"] for row in found] == ["theirs"]
    assert api.get(f"{AGENTS}?workspace={ws.slug}").json()["items"] == []


def test_person__of_no_workspace__is_refused() -> None:
    refused(browser_of(make.person()).get(AGENTS), "FORBIDDEN")


def test_person__foreign_workspace__is_hidden_on_reads_and_refused_on_writes(ws: Any) -> None:
    api = browser_of(make.person(ws, "workspace_admin"))
    foreign = {"X-Workspace": make.workspace().slug}
    refused(api.get(AGENTS, **foreign), "NOT_FOUND")
    refused(api.post(AGENTS, {"name": "x"}, **foreign), "WORKSPACE_MISMATCH")


def test_session__writes_need_the_csrf_token(ws: Any) -> None:
    api = browser_of(make.person(ws, "workspace_admin"), csrf=True)
    details = refused(api.post(AGENTS, {"name": "x"}), "FORBIDDEN")
    assert "csrf" in details
    token = api.client.cookies["cp_csrf"].value
    assert api.post(AGENTS, {"name": "x"}, **{"X-CSRFToken": token}).status_code == 201


def test_bearer__needs_no_csrf_token(ws: Any) -> None:
    _, secret = make.key(make.agent(ws, role=""))
    api = Api(secret, browser=Client(enforce_csrf_checks=True))
    assert api.post("/api/v1/plain", {"text": "x"}).status_code == 201


def test_wrong_role__is_refused_and_recorded(ws: Any) -> None:
    api = browser_of(make.person(ws, "viewer"))
    refused(api.post(AGENTS, {"name": "x"}), "FORBIDDEN")
    denial = AuditEvent.objects.filter(outcome="denied").latest("id")
    assert denial.action == "agent.manage"
    assert denial.workspace_id == ws.pk


def test_scope__narrows_a_key(ws: Any) -> None:
    _, secret = make.key(make.agent(ws, role=""), scopes=["agent.view"])
    api = Api(secret)
    assert api.get(AGENTS).status_code == 200
    refused(api.post(AGENTS, {"name": "x"}), "FORBIDDEN")


def test_payload__contradicting_the_claims__is_refused(ws: Any) -> None:
    api = agent_of(ws)
    refused(api.post("/api/v1/echo", {"agent_id": "someone-else"}), "CLAIM_MISMATCH")


def test_other_methods__answer_405_with_what_is_allowed(ws: Any) -> None:
    response = agent_of(ws).send("DELETE", AGENTS)
    refused(response, "METHOD_NOT_ALLOWED")
    assert response["Allow"] == "GET, POST"
    refused(Api().send("DELETE", AGENTS), "UNAUTHORIZED")
    refused(Api().send("OPTIONS", AGENTS), "UNAUTHORIZED")


def test_known_caller__costs_two_queries_for_a_list(
    ws: Any, django_assert_num_queries: Any
) -> None:
    api = agent_of(ws)
    api.get(AGENTS)
    with django_assert_num_queries(1):
        api.get(AGENTS)

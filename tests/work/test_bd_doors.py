"""The one route behind `bd`: who gets in, to which project, and what a hostile body does."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.work.beads.table import COMMANDS
from controlplane.work.models import Item, Project
from tests import make
from tests.kit import beads, settled
from tests.kit.api import Api, refused
from tests.kit.beads import PATH, Bd

pytestmark = pytest.mark.django_db


@settled.once
def workspace() -> Workspace:
    return make.workspace()


@settled.once
def bd(workspace: Workspace) -> Bd:
    return beads.agent(workspace)


# --- Who --------------------------------------------------------------------------------------


def test_nobody__and_keys_without_the_scope(workspace: Workspace) -> None:
    refused(Api().post(PATH, {"op": "list"}), "UNAUTHORIZED")
    blind = beads.agent(workspace, scopes=["catalog.view"])
    refused(blind.ask("list"), "FORBIDDEN")
    reader = beads.agent(workspace, scopes=["work.view"])
    assert reader("list") == []
    refused(reader.ask("create", title="No"), "FORBIDDEN")
    assert Item.objects.count() == 0


def test_refusals__stand_in_the_audit_log(workspace: Workspace, bd: Bd) -> None:
    one, two = bd.make("One"), bd.make("Two")
    reader = beads.agent(workspace, scopes=["work.view"])
    refused(reader.ask("close", ids=[one], reason="r"), "FORBIDDEN")
    denied = AuditEvent.objects.filter(outcome="denied", action="work.close")
    assert denied.count() == 1
    assert reader("close", ids=[one, two], reason="r") == []
    assert reader.failed is True
    assert denied.count() == 3
    assert bd.ready() == [two, one]


def test_audit__keeps_the_account_behind_the_name(bd: Bd) -> None:
    kim = bd.named(**{"as": "kim"})
    key = kim.make("One")
    event = AuditEvent.objects.get(action="work.create")
    assert event.actor_ref.startswith("agent:")
    assert kim("close", ids=[key], reason="r")[0]["status"] == "closed"


# --- Where ------------------------------------------------------------------------------------


def test_init__joins_the_operations_project_and_does_no_harm_twice(bd: Bd) -> None:
    one, two = bd("init"), bd("init")
    assert one["project"] == two["project"]
    assert (one["prefix"], one["name"], one["created"]) == ("bd", "Operations", False)
    context = bd.named(project=one["project"])("context")
    assert (context["project_id"], context["backend"]) == (one["project"], "portal")
    assert context["role"] == "executor"


def test_init__with_a_prefix_begins_a_new_empty_project(bd: Bd) -> None:
    bd.make("Elsewhere")
    first, second = bd("init", prefix="api"), bd("init", prefix="api-")
    assert first["created"] is True
    assert (first["name"], second["name"]) == ("api", "api 2")
    assert first["project"] != second["project"]
    there = bd.named(project=first["project"])
    assert there("list") == []
    assert there.make("Here").startswith("api-")
    assert bd("init", project="api 2")["project"] == second["project"]
    assert "no project" in bd.error("init", project="nothing such")
    assert "Project" in bd.error("init", prefix="1 2") or bd.error("init", prefix="1 2")


def test_projects_of_others__are_not_there(bd: Bd, workspace: Workspace) -> None:
    theirs = Project.objects.get(workspace=make.workspace(), is_operations=True)
    stray = bd.named(project=str(theirs.uid))
    refused(stray.ask("list"), "NOT_FOUND")
    refused(bd.named(project="nonsense").ask("list"), "INVALID_ARGUMENT")


def test_sandboxes__are_private_and_by_themselves(bd: Bd, workspace: Workspace) -> None:
    outside = bd.make("Outside")
    sandbox = bd.named(sandbox="/tmp/try.db")
    key = sandbox.make("Try")
    assert sandbox.list() == [key]
    assert key not in bd.list()
    assert bd.named(sandbox="/tmp/other.db")("list") == []
    assert beads.agent(workspace).named(sandbox="/tmp/try.db")("list") == []
    uid = sandbox("context")["project"]
    refused(beads.agent(workspace).named(project=uid).ask("list"), "NOT_FOUND")
    assert "no issue found" in sandbox.error("show", ids=[outside])


def test_edges__may_cross_the_projects_of_a_workspace(bd: Bd) -> None:
    outside = bd.make("Outside")
    api = bd.named(project=bd("init", prefix="api")["project"])
    key = api.make("Inside", deps=[outside])
    assert api.ready() == []
    bd("close", ids=[outside], reason="r")
    assert api.ready() == [key]


# --- What -------------------------------------------------------------------------------------


def test_settings_types_statuses(bd: Bd, workspace: Workspace) -> None:
    assert bd("config_get", key="issue_prefix")["value"] == "bd"
    bd("config_set", key="sync.remote", value="x")
    assert bd("config_list")["sync.remote"] == "x"
    bd("config_unset", key="sync.remote")
    assert "sync.remote" not in bd("config_list")
    refused(bd.ask("config_set", key="types.custom", value="drill"), "FORBIDDEN")
    lead = beads.person(workspace, "operations_command")
    lead("config_set", key="types.custom", value="drill")
    lead("config_set", key="status.custom", value="in_review:wip,shipped:done")
    assert bd("types")["custom_types"] == ["drill"]
    assert {"name": "shipped", "category": "done"} in bd("statuses")["custom_statuses"]
    one = bd.make("One", type="drill")
    two = bd.make("Two", deps=[one])
    bd("update", ids=[one], status="shipped")
    assert bd.ready() == [two]


@pytest.mark.parametrize(
    "op", ["sync", "cleanup", "migrate", "doctor", "repair_deps", "info", "context", "version"]
)
def test_chores_of_tools__answer_an_object(bd: Bd, op: str) -> None:
    bd.make("One")
    assert isinstance(bd(op), dict)


def test_doctor__with_each_of_its_checks(bd: Bd) -> None:
    key = bd.make("test 1")
    assert bd("doctor", check="validate", fix=True, yes=True)["overall_ok"] is True
    found = bd("doctor", check="pollution", clean=True, yes=True)
    assert [row["id"] for row in found["polluted_issues"]] == [key]
    assert bd.show(key)
    schema = bd("info", schema=True)["schema"]
    assert schema["sample_issue_ids"] == [key]


def test_a_write_sent_twice__happens_once(bd: Bd) -> None:
    body = {"op": "create", "args": {"title": "Once"}}
    one = bd.api.post(PATH, body, **{"Idempotency-Key": "k1"})
    two = bd.api.post(PATH, body, **{"Idempotency-Key": "k1"})
    assert one.json() == two.json()
    assert two["Idempotency-Replayed"] == "true"
    assert Item.objects.count() == 1
    body["args"] = {"title": "Other"}
    refused(bd.api.post(PATH, body, **{"Idempotency-Key": "k1"}), "IDEMPOTENCY_CONFLICT")


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"op": "nonsense"},
        {"op": "__init__"},
        {"op": ["list"]},
        {"op": "list", "args": []},
        {"op": "list", "args": {"limit": 10**30}},
        {"op": "list", "args": {"limit": True}},
        {"op": "list", "args": {"label": [1]}},
        {"op": "list", "args": {"label": {"a": 1}}},
        {"op": "list", "args": {"all": "yes"}},
        {"op": "list", "args": {"created_after": "9999-99-99"}},
        {"op": "list", "args": {"label_regex": "x" * 500}},
        {"op": "show", "args": {"ids": 7}},
        {"op": "show", "args": {"ids": [None]}},
        {"op": "show", "args": {"ids": ["x"] * 2000 + [str(n) for n in range(2000)]}},
        {"op": "create", "args": {"title": 5.5, "nonsense": 1}},
        {"op": "create", "args": {"title": "x", "priority": {}}},
        {"op": "create", "args": {"title": "x", "labels": "a\u0007b"}},
        {"op": "dep_add", "args": {"edges": ["x"]}},
        {"op": "list", "project": "'; drop table"},
        {"op": "list", "as": "x" * 300},
        {"op": "list", "nonsense": 1},
    ],
)
def test_hostile_bodies__are_refused_and_change_nothing(bd: Bd, body: Any) -> None:
    response = bd.api.post(PATH, body)
    assert response.status_code == 400, response.content
    refused(response, "INVALID_ARGUMENT")
    assert Item.objects.count() == 0


@pytest.mark.slow
def test_every_command__of_a_stranger_meets_nothing_of_ours(bd: Bd) -> None:
    key = bd.make("Ours", labels=["ops"])
    before = bd.show(key)
    stranger = beads.agent(make.workspace(), role="coordinator")
    for op in sorted(COMMANDS):
        for args in ({}, {"ids": [key]}, {"id": key}, {"issue": key, "depends_on": key}):
            response = stranger.ask(op, **args)
            assert response.status_code < 500, (op, args, response.content)
            assert b"Ours" not in response.content, op
    assert bd.show(key) == before


def test_control_character__is_named_by_its_flag(bd: Bd) -> None:
    for op, args, flag in (
        ("create", {"title": "a\x07"}, "--title"),
        ("create", {"title": "a", "labels": ["ok", "\x07"]}, "--labels"),
        ("search", {"query": "\u202e"}, "--query"),
    ):
        assert bd.error(op, **args) == f"{flag}: Holds a control character."

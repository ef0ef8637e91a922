"""The management API: the whole way of a flag, refusals, strangers."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.flags.models import Flag, SdkToken
from tests import make
from tests.kit import settled
from tests.kit.api import Api, refused
from tests.kit.flags import World, on, rule

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    return World()


@settled.once
def manager(world: World) -> Api:
    return Api(browser=make.client(world.person))


def says(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.content
    return answer.json()


def test_flag__made_changed_killed_undone_archived(world: World, manager: Api) -> None:
    made = says(
        manager.post("/api/v1/flags", {"flag_name": "a.b~c", "settings": {"local": on()}}), 201
    )
    assert (made["enabled"], made["version"]) == (True, 1)
    here = "/api/v1/flags/a.b~c"
    whole = manager.get(here)
    assert [each["on"] for each in says(whole)["states"]] == [True, False, False]
    described = manager.send(
        "PATCH", here, {"description": "x", "owner": str(world.person.uid)}, If_Match=whole["ETag"]
    )
    assert says(described)["owner"] == str(world.person.uid)
    refused(
        manager.send("PATCH", here, {"description": "y"}, If_Match=whole["ETag"]),
        "PRECONDITION_FAILED",
    )
    put = says(
        manager.send("PUT", f"{here}/states/staging", {"settings": on(rule(10)), "version": 1})
    )
    assert (put["version"], put["settings"]["rules"][0]["percent"]) == (2, 10)
    late = manager.send("PUT", f"{here}/states/staging", {"settings": on(), "version": 1})
    assert refused(late, "CONFLICT")["differences"]
    killed = says(manager.post(f"{here}/disable", {"reason": "Errors everywhere."}))
    assert not killed["enabled"]
    assert not any(each["on"] for each in killed["states"])
    assert says(manager.post(f"{here}/disable")) == killed
    listed = says(manager.get("/api/v1/flag-changes?flag=a.b~c"))["items"]
    assert [each["kind"] for each in listed] == ["kill", "edit", "edit", "create"]
    assert listed[0]["differences"] == [{"path": "enabled", "before": True, "after": False}]
    undone = says(manager.post(f"/api/v1/flag-changes/{listed[0]['uid']}/undo", {}), 201)
    assert (undone["kind"], undone["undoes"]) == ("undo", listed[0]["uid"])
    assert says(manager.get(here))["enabled"]
    refused(manager.post(f"{here}/archive", {}), "INVALID_ARGUMENT")
    assert says(manager.post(f"{here}/archive", {"reason": "Done."}))["archived_at"]
    assert not says(manager.get("/api/v1/flags?archived=false"))["items"]
    assert not says(manager.post(f"{here}/restore", {}))["enabled"]
    assert says(manager.post(f"{here}/enable", {"reason": "Known again."}))["enabled"]


def test_settings__refused_with_the_place(world: World, manager: Api) -> None:
    assert world.flag.pk
    there = "/api/v1/flags/new-planner/states/staging"
    answer = manager.send("PUT", there, {"settings": on(rule(101)), "version": 1})
    assert "rules.0.percent" in refused(answer, "INVALID_ARGUMENT")
    bodies: list[Any] = [
        {},
        {"settings": None},
        {"settings": []},
        {"settings": on(), "surprise": 1},
    ]
    for body in bodies:
        refused(manager.send("PUT", there, body), "INVALID_ARGUMENT")
    refused(manager.send("PUT", "/api/v1/flags/new-planner/states/moon", {}), "NOT_FOUND")
    assert world.state().version == 1


def test_state__if_match__is_the_version_seen(world: World, manager: Api) -> None:
    assert world.flag.pk
    there = "/api/v1/flags/new-planner/states/staging"
    seen = manager.get(there)["ETag"]
    says(manager.send("PUT", there, {"settings": on()}, If_Match=seen))
    refused(
        manager.send("PUT", there, {"settings": on(rule())}, If_Match=seen), "PRECONDITION_FAILED"
    )


def test_explain__says_why(world: World, manager: Api) -> None:
    world.put(on(rule(constraints=[{"contextName": "region", "operator": "IN", "values": ["eu"]}])))
    there = "/api/v1/flags/new-planner/states/staging/explain"
    inside = says(manager.post(there, {"context": {"userId": "1", "region": "eu"}}))
    outside = says(manager.post(there, {"context": {"userId": "1"}}))
    assert (inside["enabled"], inside["value"], outside["enabled"]) == (True, True, False)
    assert outside["rules"][0]["conditions"][0]["holds"] is False
    contexts: list[Any] = [[], "x", None, {"userId": {"a": []}}, {"x": "\ud800"}]
    for context in contexts:
        answer = manager.post(there, {"context": context})
        assert answer.status_code in {200, 400}


def test_segments__and_schedules__and_requests(world: World, manager: Api) -> None:
    assert world.flag.pk
    segment = {
        "slug": "eu",
        "constraints": [{"contextName": "region", "operator": "IN", "values": ["eu"]}],
    }
    says(manager.post("/api/v1/flag-segments", segment), 201)
    refused(manager.post("/api/v1/flag-segments", segment), "CONFLICT")
    world.put(on(rule(segments=["eu"])))
    found = says(manager.get("/api/v1/flag-segments/eu"))
    assert found["used_by"] == [{"flag": "new-planner", "environment": "staging"}]
    refused(manager.send("DELETE", "/api/v1/flag-segments/eu"), "CONFLICT")
    changed = manager.send("PATCH", "/api/v1/flag-segments/eu", {"name": "Europe"})
    assert says(changed)["version"] == 2
    there = "/api/v1/flags/new-planner/states/staging"
    refused(
        manager.post(f"{there}/schedule", {"settings": on(), "at": "2001-01-01T00:00:00Z"}),
        "INVALID_ARGUMENT",
    )
    world.guard()
    there = "/api/v1/flags/new-planner/states/production"
    refused(manager.send("PUT", there, {"settings": on(), "version": 1}), "GATE_NOT_MET")
    asked = says(
        manager.post(f"{there}/request", {"settings": on(rule(10)), "reason": "A tenth."}), 201
    )
    assert (asked["status"], asked["base_version"]) == ("waiting", 1)
    assert says(manager.get(f"/api/v1/flag-requests/{asked['uid']}"))["approval"]
    withdrawn = manager.post(f"/api/v1/flag-requests/{asked['uid']}/withdraw", {})
    assert says(withdrawn)["status"] == "withdrawn"


def test_environments__consent_is_switched_by_those_who_govern(world: World, manager: Api) -> None:
    place = "/api/v1/flag-environments/production"
    body = {"needs_approval": True, "reason": "Users feel it there."}
    refused(manager.send("PATCH", place, body), "FORBIDDEN")
    lead = Api(browser=make.client(make.person(world.workspace, "engineering_lead")))
    assert says(lead.send("PATCH", place, body))["needs_approval"]


def test_tokens__shown_once_and_revoked(world: World, manager: Api) -> None:
    body = {"environment": "production", "name": "shop"}
    refused(manager.post("/api/v1/flag-tokens", body), "FORBIDDEN")
    lead = Api(browser=make.client(make.person(world.workspace, "engineering_lead")))
    made = says(lead.post("/api/v1/flag-tokens", body), 201)
    assert made["token"].startswith("default:production.")
    here = f"/api/v1/flag-tokens/{made['uid']}"
    assert "token" not in says(lead.get(here))
    assert says(lead.post(f"{here}/revoke", {}))["revoked_at"]
    assert SdkToken.objects.get().revoked_at


def test_usage_and_unknown__are_lists(world: World, manager: Api) -> None:
    assert world.flag.pk
    for path in (
        "flags/new-planner/usage",
        "unknown-flags",
        "flag-instances",
        "flag-changes",
        "flag-schedules",
        "flag-requests",
        "flag-environments",
        "flags/new-planner/states",
    ):
        assert "items" in says(manager.get(f"/api/v1/{path}"))


def test_kill__by_a_key_with_that_scope_alone(world: World) -> None:
    assert world.flag.pk
    service = make.agent(world.workspace, role="")
    _, secret = make.key(service, scopes=["flag.kill", "flag.view"])
    api = Api(secret)
    assert not says(api.post("/api/v1/flags/new-planner/disable", {"reason": "Errors."}))["enabled"]
    refused(api.post("/api/v1/flags/new-planner/enable", {}), "FORBIDDEN")
    _, other = make.key(service, scopes=["flag.view"])
    refused(Api(other).post("/api/v1/flags/new-planner/disable", {}), "FORBIDDEN")


ROUTES: list[tuple[str, str, Any]] = [
    ("POST", "flags", {"flag_name": "x"}),
    ("PATCH", "flags/new-planner", {"description": "x"}),
    ("POST", "flags/new-planner/disable", {}),
    ("POST", "flags/new-planner/enable", {}),
    ("POST", "flags/new-planner/archive", {"reason": "Away."}),
    ("POST", "flags/new-planner/restore", {}),
    ("PUT", "flags/new-planner/states/staging", {"settings": {"on": True}, "version": 1}),
    ("POST", "flag-segments", {"slug": "x", "constraints": []}),
    ("POST", "flag-tokens", {"environment": "staging", "name": "x"}),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_strangers__are_refused(world: World, method: str, path: str, body: Any) -> None:
    assert world.flag.pk
    viewer = Api(browser=make.client(make.person(world.workspace, "viewer")))
    elsewhere = Api(browser=make.client(World().person))
    _, secret = make.key(make.agent(world.workspace, role="executor"))
    where = f"/api/v1/{path}"
    assert Api().send(method, where, body).status_code == 401
    for caller in (viewer, Api(secret)):
        refused(caller.send(method, where, body), "FORBIDDEN")
    assert elsewhere.send(method, where, body).status_code in {201, 400, 403, 404}
    flag = Flag.objects.get(pk=world.flag.pk)
    assert (flag.version, flag.enabled, world.state().version) == (1, True, 1)
    assert not SdkToken.objects.filter(workspace=world.workspace).exists()

"""The playbook's kill switch, at the playbook's address."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.base.api.services import set_throttle
from controlplane.catalog.models import Environment
from deployments.flags.models import Flag, FlagChange
from tests import make
from tests.kit import sdk as flags
from tests.kit import settled
from tests.kit.api import Api, refused
from tests.kit.sdk import Sdk

pytestmark = pytest.mark.django_db


@settled.once
def ws() -> Workspace:
    return make.workspace()


@settled.once
def api(ws: Workspace) -> Api:
    key = make.key(make.agent(ws, role=""), scopes=["flag.kill", "flag.enable"])[1]
    return Api(key)


@pytest.mark.parametrize("slash", ["", "/"])
def test_disable_and_enable__in_both_spellings(ws: Workspace, api: Api, slash: str) -> None:
    flags.flag(ws, "new.planner")
    sdk = Sdk(ws)
    killed = api.raw("POST", f"/admin/flags/new.planner/disable{slash}", b"", "")
    assert killed.status_code == 200, killed.content
    assert killed.json()["flag"] == "new.planner"
    assert killed.json()["enabled"] is False
    flags.heard()
    assert sdk.evaluate("new.planner").json()["value"] is False
    again = api.post(f"/admin/flags/new.planner/disable{slash}", {"reason": "still"})
    assert (again.status_code, again.json()["version"]) == (200, killed.json()["version"])
    on = api.post(f"/admin/flags/new.planner/enable{slash}", {"reason": "mended"})
    assert on.json()["enabled"] is True
    flags.heard()
    assert sdk.evaluate("new.planner").json()["value"] is True


def test_kill__is_on_the_record(ws: Workspace, api: Api) -> None:
    made = flags.flag(ws, "a")
    api.post("/admin/flags/a/disable", {"reason": "errors everywhere"})
    change = FlagChange.objects.about(made)[0]
    assert (change.kind, change.reason) == ("kill", "errors everywhere")
    event = AuditEvent.objects.filter(action="flag.kill").get()
    assert (event.reason, event.source) == ("errors everywhere", "api")


def test_kill__needs_a_key_that_may(ws: Workspace) -> None:
    flags.flag(ws, "a")
    path = "/admin/flags/a/disable"
    refused(Api().post(path), "UNAUTHORIZED")
    refused(Api("cp_x").post(path), "UNAUTHORIZED")
    refused(Api(make.key(make.agent(ws, role=""), scopes=["flag.view"])[1]).post(path), "FORBIDDEN")
    only_kill = Api(make.key(make.agent(ws, role=""), scopes=["flag.kill"])[1])
    refused(only_kill.post("/admin/flags/a/enable"), "FORBIDDEN")
    assert Flag.objects.get().enabled
    assert only_kill.post(path).status_code == 200
    refused(only_kill.get(path), "METHOD_NOT_ALLOWED")


def test_kill__reaches_the_workspace_of_its_key_only(ws: Workspace, api: Api) -> None:
    theirs = flags.flag(make.workspace(), "a")
    refused(api.post("/admin/flags/a/disable"), "NOT_FOUND")
    mine = flags.flag(ws, "a")
    assert api.post("/admin/flags/a/disable").status_code == 200
    theirs.refresh_from_db()
    mine.refresh_from_db()
    assert (mine.enabled, theirs.enabled) == (False, True)


def test_kill__asks_no_consent(ws: Workspace, api: Api) -> None:
    flags.flag(ws, "a")
    Environment.objects.filter(workspace=ws).update(needs_approval=True)
    assert api.post("/admin/flags/a/disable").status_code == 200


def test_person__kills_with_the_session_and_its_csrf_token(ws: Workspace) -> None:
    flags.flag(ws, "a")
    browser = make.client(make.person(ws, "primary_operator"))
    browser.handler.enforce_csrf_checks = True
    assert "csrf" in refused(Api(browser=browser).post("/admin/flags/a/disable"), "FORBIDDEN")


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (b"{", "application/json", ""),
        (b"[]", "application/json", ""),
        (b"null", "application/json", ""),
        (b'{"reason": null}', "application/json", ""),
        (b'{"reason": 5, "why": "x"}', "application/json", ""),
        (b'{"reason": "' + b"x" * 400 + b'"}', "application/json", "x" * 300),
        (b"reason=errors+everywhere", "application/x-www-form-urlencoded", "errors everywhere"),
        (b"\xff\xfe", "text/plain; charset=utf-16", ""),
        (b"x" * 2_000_000, "application/octet-stream", ""),
    ],
    ids=range(9),
)
def test_kill__is_never_refused_for_its_wrapping(
    ws: Workspace, api: Api, body: bytes, kind: str, reason: str
) -> None:
    made = flags.flag(ws, "a")
    answer = api.raw("POST", "/admin/flags/a/disable", body, kind)
    assert (answer.status_code, answer.json().get("enabled")) == (200, False), answer.content
    wanted = reason or "POST /admin/flags/<name>/disable"
    assert FlagChange.objects.about(made)[0].reason == wanted


def test_odd_bodies_and_names__never_fail(api: Api) -> None:
    for body in (b"{", b"[]", b'{"reason": 5}', b'{"why": "x"}'):
        refused(api.raw("POST", "/admin/flags/a/enable", body), "INVALID_ARGUMENT")
    for name in ("a%20b", "%F0%9F%A7%A8", "x" * 300, "..", "%ff"):
        answer: Any = api.post(f"/admin/flags/{name}/disable")
        assert answer.status_code in {400, 404}, name


def test_address__is_no_page_of_the_console(ws: Workspace) -> None:
    answer = Client().get("/admin/flags/a/disable")
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/json")


@pytest.mark.parametrize("path", ["/admin/flags/a/disable", "/api/v1/flags/a/disable"])
def test_kill__no_temporary_limit_refuses_it(ws: Workspace, path: str) -> None:
    made = flags.flag(ws, "a")
    lead = make.actor(make.person(ws, "primary_operator"))
    set_throttle(ws, actor=lead, limit=1, minutes=5, shared=True, reason="an agent ran away")
    api = Api(make.key(make.agent(ws, role=""), scopes=["flag.kill", "flag.enable"])[1])
    on = path.replace("disable", "enable")
    assert api.post(on).status_code == 200
    refused(api.post(on), "RATE_LIMITED")
    assert [api.post(path).status_code for _ in range(3)] == [200] * 3
    made.refresh_from_db()
    assert not made.enabled


@pytest.mark.parametrize("path", ["/admin/flags/a/disable", "/api/v1/flags/a/disable"])
def test_kill__no_unknown_parameter_refuses_it(ws: Workspace, api: Api, path: str) -> None:
    made = flags.flag(ws, "a")
    assert api.post(f"{path}?from=runbook&from=pager&x={'y' * 3_000}").status_code == 200
    made.refresh_from_db()
    assert not made.enabled
    on = path.replace("disable", "enable")
    refused(api.post(f"{on}?from=runbook"), "INVALID_ARGUMENT")

"""The catalog's API, as people and agents call it; strangers and bad input on every route."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.access.models import Workspace
from controlplane.catalog import services
from controlplane.catalog.models import Probe, Service
from tests import make
from tests.kit import catalog, settled
from tests.kit.api import Api, refused
from tests.kit.receivers import http_receiver

pytestmark = pytest.mark.django_db
HERE = "/api/v1/catalog"


@settled.once
def workspace() -> Workspace:
    return make.workspace()


@settled.once
def operator(workspace: Workspace) -> Api:
    return Api(browser=make.client(make.person(workspace, "primary_operator")))


@settled.once
def agent(workspace: Workspace) -> Api:
    return Api(make.key(make.agent(workspace, role="executor"))[1])


@settled.once
def stranger() -> Api:
    return Api(browser=make.client(make.person(make.workspace(), "workspace_admin")))


def test_environments__listed_and_changed(operator: Api) -> None:
    items = operator.get(f"{HERE}/environments?sort=order").json()["items"]
    assert [item["slug"] for item in items] == ["local", "staging", "production"]
    path = f"{HERE}/environments/staging"
    assert operator.send("PATCH", path, {"data_refresh_days": 14}).json()["data_refresh_days"] == 14
    wrong = operator.send("PATCH", f"{HERE}/environments/production", {"debug_allowed": True})
    refused(wrong, "INVALID_ARGUMENT")


def test_service__made_changed_retired_restored(operator: Api) -> None:
    made = operator.post(f"{HERE}/services", {"slug": "web", "name": "Web", "tier": 1})
    assert made.status_code == 201
    path = made["Location"]
    seen = operator.get(path)
    tag = seen["ETag"]
    changed = operator.send("PATCH", path, {"name": "W"}, **{"If-Match": tag})
    assert changed.json()["name"] == "W"
    late = operator.send("PATCH", path, {"name": "X"}, **{"If-Match": tag})
    refused(late, "PRECONDITION_FAILED")
    assert operator.post(f"{path}/retire", {"reason": "old"}).json()["status"] == "retired"
    refused(operator.post(f"{path}/retire", {}), "INVALID_TRANSITION")
    assert operator.post(f"{path}/restore", {}).json()["status"] == "active"
    assert len(operator.get(f"{HERE}/services?status=active&kind=other").json()["items"]) == 1


def test_component__made_for_a_service_and_switched_off(operator: Api, workspace: Any) -> None:
    service = catalog.service(workspace)
    body = {"slug": "api", "name": "API", "service": str(service.uid), "kind": "schema"}
    made = operator.post(f"{HERE}/components", body)
    assert made.json()["service"] == str(service.uid)
    off = operator.send("PATCH", made["Location"], {"is_active": False, "service": None})
    assert (off.json()["is_active"], off.json()["service"]) == (False, None)
    body = {"slug": "x", "name": "X", "service": str(catalog.service().uid)}
    assert "service" in refused(operator.post(f"{HERE}/components", body), "INVALID_ARGUMENT")


def test_breaker__asked_reported_tried_and_closed(workspace: Any, agent: Api) -> None:
    row = catalog.integration(workspace, slug="mail")
    path = f"{HERE}/integrations/mail"
    for _ in range(3):
        seen = agent.post(f"{path}/outcomes", {"ok": False, "error": "503"})
    assert seen.json()["breaker"] == "open"
    [item] = agent.get(f"{HERE}/breakers").json()["items"]
    assert (item["state"], item["may_call"], item["may_try"]) == ("open", False, False)
    row.refresh_from_db()
    services.half_open(row, actor=make.JOB)
    [item] = agent.get(f"{HERE}/breakers").json()["items"]
    assert (item["may_call"], item["may_try"]) == (False, True)
    asked = agent.post(f"{path}/trial", {}).json()
    assert asked["may_call"]
    assert agent.post(f"{path}/trial", {}).json()["may_call"] is False
    [item] = agent.get(f"{HERE}/breakers").json()["items"]
    assert item["may_try"] is False
    report = {"ok": True, "trial": asked["token"]}
    assert agent.post(f"{path}/outcomes", report).json()["breaker"] == "closed"


def test_breakers__one_cheap_call_that_is_mostly_not_modified(
    workspace: Any, agent: Api, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        catalog.integration(workspace)
    catalog.integration()
    tag = agent.get(f"{HERE}/breakers")["ETag"]
    with django_assert_max_num_queries(3):
        again = agent.get(f"{HERE}/breakers", **{"If-None-Match": tag})
    assert again.status_code == 304


def test_breaker__by_hand(workspace: Any, operator: Api, agent: Api) -> None:
    catalog.integration(workspace, slug="mail")
    path = f"{HERE}/integrations/mail/breaker"
    put = {"state": "open", "reason": "their outage"}
    refused(agent.send("PUT", path, put), "FORBIDDEN")
    assert operator.send("PUT", path, put).json()["cause"] == "hand"
    half = {"state": "half_open", "reason": "try"}
    assert operator.send("PUT", path, half).json()["breaker"] == "half_open"
    assert operator.send("PUT", path, {"state": "closed", "reason": "ok"}).status_code == 200
    refused(operator.send("PUT", path, {"state": "closed", "reason": "ok"}), "INVALID_TRANSITION")
    for wrong in (
        {"state": "open"},
        {"state": "ajar", "reason": "x"},
        {"state": "closed", "reason": "x", "retry_at": "2030-01-01T00:00:00Z"},
        {"state": "open", "reason": "x", "retry_at": "2001-01-01T00:00:00Z"},
        {"state": "open", "reason": "x", "retry_at": "9999-12-31T23:59:59-12:00"},
    ):
        refused(operator.send("PUT", path, wrong), "INVALID_ARGUMENT")


def test_probe__pushed__reported_and_down(workspace: Any, operator: Api, agent: Api) -> None:
    service = catalog.service(workspace)
    body = {"service": str(service.uid), "environment": "production", "down_after": 1}
    made = operator.post(f"{HERE}/probes", body)
    assert made.status_code == 201
    path = made["Location"]
    seen = agent.post(f"{path}/results", {"ok": False, "error": "no answer"})
    assert (seen.status_code, seen.json()["health"]) == (201, "down")
    assert seen.json()["failures_in_a_row"] == 1
    [down] = agent.get(f"{HERE}/down-intervals?open=true").json()["items"]
    assert (down["service"], down["ends_at"]) == (service.slug, None)
    assert agent.get(f"{HERE}/down-intervals?open=false").json()["items"] == []
    assert len(agent.get(f"{path}/results?ok=false").json()["items"]) == 1
    refused(operator.post(f"{path}/look", {}), "INVALID_ARGUMENT")
    off = operator.send("PATCH", path, {"is_active": False})
    assert (off.json()["health"], off.json()["is_active"]) == ("unknown", False)


def test_probe__looked_at_now(settings: Any, workspace: Any, operator: Api) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with http_receiver() as site:
        probe = catalog.probe(catalog.service(workspace), url=site.url)
        seen = operator.post(f"{HERE}/probes/{probe.uid}/look", {}).json()
    assert (seen["ok"], seen["status_code"], seen["probe"]["health"]) == (True, 200, "up")


def test_uptime__figure_and_bad_windows(workspace: Any, operator: Api) -> None:
    service = catalog.service(workspace)
    path = f"{HERE}/services/{service.uid}/uptime"
    answer = operator.get(path).json()
    assert (answer["percent"], answer["measured_s"], answer["target"]) == (None, 0, 99.9)
    assert operator.get(f"{path}?environment=all").status_code == 200
    for query in (
        "environment=moon",
        "since=yesterday",
        "until=0001-01-01T00:00:00Z",
        "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
        "since=2020-01-01T00:00:00Z&until=2026-01-01T00:00:00Z",
        "until=9999-12-31T23:59:59-12:00",
        "colour=red",
    ):
        refused(operator.get(f"{path}?{query}"), "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("services", {"slug": "No Slug", "name": "x"}),
        ("services", {"slug": "x"}),
        ("services", {"slug": "x", "name": "x", "tier": 9}),
        ("services", {"slug": "x", "name": "x", "owner_role": "king"}),
        ("services", {"slug": "x", "name": "x\x00"}),
        ("services", {"slug": "x", "name": "x", "status": "retired"}),
        ("services", {"slug": "x", "name": "x", "uptime_target": "NaN"}),
        ("integrations", {"slug": "x", "name": "x", "status": "open"}),
        ("components", {"slug": "x", "name": "x", "service": "not-a-uuid"}),
        ("probes", {"service": "00000000-0000-0000-0000-000000000000", "environment": "local"}),
    ],
)
def test_bad_input__told_and_nothing_made(operator: Api, path: str, body: Any) -> None:
    refused(operator.post(f"{HERE}/{path}", body), "INVALID_ARGUMENT")
    assert not Service.objects.exists()


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254:80@x/", "file:///etc/passwd", "http://", "x" * 501, "/admin"]
)
def test_probe__odd_address__refused(workspace: Any, operator: Api, url: str) -> None:
    service = catalog.service(workspace)
    body = {"service": str(service.uid), "environment": "local", "url": url}
    refused(operator.post(f"{HERE}/probes", body), "INVALID_ARGUMENT")
    assert not Probe.objects.exists()


def test_strangers__find_nothing_on_any_route(workspace: Any, stranger: Api) -> None:
    probe = catalog.probe(catalog.service(workspace), down_after=1)
    services.report_result(probe, actor=make.JOB, ok=False)
    row = catalog.integration(workspace, slug="mail")
    component = services.add_component(workspace, actor=make.JOB, slug="api", name="API")
    service, mail = f"services/{probe.service.uid}", f"integrations/{row.slug}"
    for path in ("services", "components", "integrations", "probes", "down-intervals", "breakers"):
        assert stranger.get(f"{HERE}/{path}").json()["items"] == [], path
    reads = [service, f"{service}/uptime", f"components/{component.uid}", mail]
    for path in [*reads, f"probes/{probe.uid}", f"probes/{probe.uid}/results"]:
        refused(stranger.get(f"{HERE}/{path}"), "NOT_FOUND")
    for method, path, body in (
        ("PATCH", service, {"name": "Mine"}),
        ("POST", f"{service}/retire", {}),
        ("POST", f"{service}/restore", {}),
        ("PATCH", f"components/{component.uid}", {"name": "Mine"}),
        ("PATCH", mail, {"name": "Mine"}),
        ("POST", f"{mail}/outcomes", {"ok": False}),
        ("POST", f"{mail}/trial", {}),
        ("PUT", f"{mail}/breaker", {"state": "open", "reason": "mine"}),
        ("PATCH", f"probes/{probe.uid}", {"every_s": 60}),
        ("POST", f"probes/{probe.uid}/look", {}),
        ("POST", f"probes/{probe.uid}/results", {"ok": True}),
    ):
        refused(stranger.send(method, f"{HERE}/{path}", body), "NOT_FOUND")
    row.refresh_from_db()
    assert (row.name, row.status, row.failures_in_a_row) == (row.name, "closed", 0)


def test_viewer__reads_and_changes_nothing(workspace: Any) -> None:
    viewer = Api(browser=make.client(make.person(workspace, "viewer")))
    row = catalog.integration(workspace)
    probe = catalog.probe(catalog.service(workspace))
    assert viewer.get(f"{HERE}/retry-policy").json()["delays_s"] == [1, 2, 4, 8]
    assert len(viewer.get(f"{HERE}/operations").json()["items"]) == 6
    for method, path, body in (
        ("POST", "services", {"slug": "x", "name": "x"}),
        ("PATCH", "environments/local", {"name": "x"}),
        ("POST", f"integrations/{row.slug}/outcomes", {"ok": True}),
        ("POST", f"integrations/{row.slug}/trial", {}),
        ("PUT", f"integrations/{row.slug}/breaker", {"state": "open", "reason": "x"}),
        ("POST", f"probes/{probe.uid}/look", {}),
        ("POST", f"probes/{probe.uid}/results", {"ok": True}),
    ):
        refused(viewer.send(method, f"{HERE}/{path}", body), "FORBIDDEN")

"""The catalog's console pages: each loads, empty and full; buttons act, with reasons; strangers."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.catalog import services
from controlplane.catalog.models import Environment, Integration, Probe, Service
from tests import make
from tests.kit import catalog, settled
from tests.kit.receivers import http_receiver

pytestmark = pytest.mark.django_db
HERE = "/admin/catalog"
PAGES = (
    "environment",
    "service",
    "component",
    "integration",
    "probe",
    "proberesult",
    "downinterval",
)
ADDED = ("service", "component", "integration", "probe")


@settled.once
def workspace() -> Workspace:
    return make.workspace()


@settled.once
def browser(workspace: Workspace) -> Client:
    return make.client(make.person(workspace, "primary_operator"))


def rows(workspace: Workspace) -> dict[str, Any]:
    """One of each, with something bad in every corner."""
    service = catalog.service(workspace, name="<b>Web</b>", tier=1)
    probe = catalog.probe(service, down_after=1)
    services.report_result(probe, actor=make.JOB, ok=False, error="<i>down</i>")
    component = services.add_component(
        workspace, actor=make.JOB, slug="api", name="API", service=service
    )
    return {
        "environment": catalog.environment(workspace),
        "service": service,
        "component": component,
        "integration": catalog.broken(workspace),
        "probe": probe,
        "proberesult": probe.results.get(),
        "downinterval": probe.down_intervals.get(),
    }


def path(page: str, obj: Any, tail: str = "change") -> str:
    return f"{HERE}/{page}/{getattr(obj, 'uid', obj.pk)}/{tail}/"


@pytest.mark.parametrize("role", ["viewer", "workspace_admin"])
def test_pages__load_empty_and_with_rows(workspace: Workspace, role: str) -> None:
    browser = make.client(make.person(workspace, role))
    for page in PAGES:
        assert browser.get(f"{HERE}/{page}/?view=all").status_code == 200, page
    for page, obj in rows(workspace).items():
        answer = browser.get(f"{HERE}/{page}/?view=all")
        assert answer.status_code == 200, page
        assert "<b>Web" not in answer.content.decode()
        assert "<i>down" not in answer.content.decode()
        for tail in ("change", "history"):
            assert browser.get(path(page, obj, tail)).status_code == 200, (page, tail)


def test_forms_for_new_rows__for_those_who_may(workspace: Workspace, browser: Client) -> None:
    viewer = make.client(make.person(workspace, "viewer"))
    for page in ADDED:
        assert browser.get(f"{HERE}/{page}/add/").status_code == 200
        assert viewer.get(f"{HERE}/{page}/add/").status_code == 403


def test_strangers__see_and_press_nothing(workspace: Workspace) -> None:
    stranger = make.client(make.person(make.workspace(), "workspace_admin"))
    for page, obj in rows(workspace).items():
        text = stranger.get(f"{HERE}/{page}/?view=all").content.decode()
        assert str(getattr(obj, "uid", "no uid")) not in text
        for tail in ("change", "history", "do/switch_off", "do/trip"):
            assert stranger.get(path(page, obj, tail)).status_code in {403, 404}, (page, tail)
        for tail in ("change", "do/trip", "do/retire", "do/look_now", "do/close"):
            posted = stranger.post(path(page, obj, tail), {"reason": "mine"})
            assert posted.status_code in {403, 404}, (page, tail)
    assert Integration.objects.get().status == "open"


def test_viewer__presses_nothing(workspace: Workspace) -> None:
    viewer = make.client(make.person(workspace, "viewer"))
    made = rows(workspace)
    for page, name in (
        ("integration", "close"),
        ("integration", "trip"),
        ("probe", "switch_off"),
        ("service", "retire"),
        ("component", "switch_off"),
    ):
        url = path(page, made[page], f"do/{name}")
        assert viewer.post(url, {"reason": "mine"}).status_code == 403, name
    assert Integration.objects.get().status == "open"
    assert Probe.objects.get().is_active


def test_service__made_and_changed_by_forms(workspace: Workspace, browser: Client) -> None:
    form = {
        "slug": "web",
        "name": "Web",
        "kind": "frontend",
        "tier": "1",
        "uptime_target": "99.9",
        "owner_role": "sre_liaison",
        "description": "",
        "host": "",
        "runtime": "",
    }
    url = f"{HERE}/service/add/?workspace={workspace.slug}"
    answer = browser.post(url, form)
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    service = Service.objects.get()
    assert (service.workspace_id, service.owner_role) == (workspace.pk, "sre_liaison")
    answer = browser.post(url, {**form, "owner_role": "king"})
    assert answer.status_code == 200
    page = browser.get(path("service", service)).content.decode()
    assert "nobody looked" in page


def test_environment__rule_of_real_data_said_on_the_form(
    workspace: Workspace, browser: Client
) -> None:
    production = catalog.environment(workspace)
    form = {
        "name": "Production",
        "purpose": "x",
        "update_frequency": "x",
        "data_class": "real",
        "debug_allowed": "on",
        "needs_approval": "on",
    }
    answer = browser.post(path("environment", production), form)
    assert "debugging stays off" in answer.content.decode()
    assert not Environment.objects.get(pk=production.pk).debug_allowed


def test_breaker_buttons__open_hold_try_close(workspace: Workspace, browser: Client) -> None:
    row = catalog.broken(workspace)

    def press(name: str, reason: str = "") -> Integration:
        browser.post(path("integration", row, f"do/{name}"), {"reason": reason})
        return Integration.objects.get()

    assert press("close").status == "open", "closing asks for a reason"
    assert press("trip", "their outage").cause == "hand"
    assert press("let_one_try").status == "half_open"
    assert press("close", "mended").status == "closed"
    assert press("trip", "again").status == "open"
    reasons = AuditEvent.objects.filter(action="catalog.trip", source="console")
    assert {"their outage", "mended", "again"} <= set(reasons.values_list("reason", flat=True))


def test_probe_buttons__look_off_on(settings: Any, workspace: Workspace, browser: Client) -> None:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    with http_receiver() as site:
        probe = catalog.probe(catalog.service(workspace), url=site.url)
        answer = browser.post(path("probe", probe, "do/look_now"), follow=True)
        assert "Good, after" in answer.content.decode()
        site.will_answer(500)
        answer = browser.post(path("probe", probe, "do/look_now"), follow=True)
        assert "answered 500" in answer.content.decode()
    browser.post(path("probe", probe, "do/switch_off"), {"reason": "moved"})
    assert not Probe.objects.get().is_active
    answer = browser.post(path("probe", probe, "do/look_now"), follow=True)
    assert "It is off." in answer.content.decode()
    browser.post(path("probe", probe, "do/switch_on"))
    assert Probe.objects.get().is_active


def test_service_buttons__retire_and_back(workspace: Workspace, browser: Client) -> None:
    service = catalog.service(workspace)
    browser.post(path("service", service, "do/retire"), {"reason": "replaced"})
    assert Service.objects.get().status == "retired"
    browser.post(path("service", service, "do/restore"))
    assert Service.objects.get().status == "active"


def test_component_and_integration_buttons__off_and_on(
    workspace: Workspace, browser: Client
) -> None:
    made = rows(workspace)
    for page in ("component", "integration"):
        obj = made[page]
        browser.post(path(page, obj, "do/switch_off"), {"reason": "unused"})
        obj.refresh_from_db()
        assert not obj.is_active
        browser.post(path(page, obj, "do/switch_on"))
        obj.refresh_from_db()
        assert obj.is_active

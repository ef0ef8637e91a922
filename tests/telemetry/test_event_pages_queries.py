"""Saved questions in the console: run with parameters, kept, removed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from controlplane.access import services
from controlplane.access.models import Workspace
from controlplane.lib import clock
from telemetry import rollups
from telemetry.models import SavedQuery
from telemetry.queries import SHIPPED
from tests import make
from tests.kit import settled
from tests.kit.dashboards import forget, text, words
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db
LIST = "/admin/telemetry/event/"


@pytest.fixture(autouse=True)
def _no_menus() -> None:
    forget()


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def viewer(here: Workspace) -> Client:
    return make.client(make.person(here, "viewer"))


@settled.once
def operator(here: Workspace) -> Client:
    return make.client(make.person(here, "primary_operator"))


# --- Saved queries ----------------------------------------------------------------------------


def test_queries__shipped_ones__run_with_parameters(here: Workspace, viewer: Client) -> None:
    at = clock.now() - timedelta(minutes=20)
    for toolkit, n in (("gmail", 12), ("slack", 5)):
        tell(here, [event("composio_tool_call", at=at, status="success", toolkit=toolkit, count=n)])
    rollups.settle()
    listed = text(viewer, "/admin/telemetry/queries/")
    whole = [slug for slug, one in SHIPPED.items() if not one.installation]
    for slug in whole:
        assert f"/admin/telemetry/queries/{slug}/" in listed
        assert viewer.get(f"/admin/telemetry/queries/{slug}/").status_code == 200, slug
    by_toolkit = next(
        slug
        for slug in whole
        if SHIPPED[slug].question.group_by == "toolkit"
        and "tool.calls" in SHIPPED[slug].question.measures
    )
    url = f"/admin/telemetry/queries/{by_toolkit}/"
    page = words(text(viewer, f"{url}?last=1h"))
    assert "Gmail 12" in page
    told = json.loads(viewer.get(f"{url}?last=1h&format=json").content)
    assert [row[0] for row in told["rows"]] == ["gmail", "slack"]
    assert viewer.get(f"{url}?last=1h&format=csv")["Content-Type"].startswith("text/csv")


def test_queries__wrong_parameters__said(viewer: Client) -> None:
    slug = next(slug for slug, one in SHIPPED.items() if not one.installation)
    page = text(viewer, f"/admin/telemetry/queries/{slug}/?last=forever")
    assert "The window is not known." in words(page)
    assert viewer.get("/admin/telemetry/queries/nothing/").status_code == 404


def test_queries__of_the_installation__only_for_those_who_may(
    viewer: Client, operator: Client
) -> None:
    portals = [slug for slug, one in SHIPPED.items() if one.installation]
    listed = text(viewer, "/admin/telemetry/queries/")
    for slug in portals:
        assert f"/admin/telemetry/queries/{slug}/" not in listed
        assert viewer.get(f"/admin/telemetry/queries/{slug}/").status_code == 403
        assert operator.get(f"/admin/telemetry/queries/{slug}/").status_code == 200


def kept(browser: Client, **changes: Any) -> Any:
    sent = {"title": "Calls", "measures": ["tool.calls"], "group_by": "toolkit", "window": "6h"}
    return browser.post("/admin/telemetry/queries/keep/", {**sent, **changes})


def test_queries__keep_one_and_remove_it(here: Workspace, viewer: Client, operator: Client) -> None:
    assert "New query" in text(operator, "/admin/telemetry/queries/new/")
    assert kept(operator)["Location"] == "/admin/telemetry/queries/calls/"
    assert "Calls" in text(viewer, "/admin/telemetry/queries/")
    assert text(viewer, "/admin/telemetry/queries/calls/")
    refused = kept(operator, measures=["no.such"])
    assert refused.status_code == 200
    assert "No such measure: no.such." in words(refused.content.decode())
    stranger = make.client(make.person(make.workspace(), "primary_operator"))
    assert stranger.get("/admin/telemetry/queries/calls/").status_code == 404
    assert stranger.post("/admin/telemetry/queries/calls/remove/").status_code == 404
    assert kept(viewer).status_code == 403
    assert viewer.get("/admin/telemetry/queries/new/").status_code == 403
    assert viewer.post("/admin/telemetry/queries/calls/remove/").status_code == 403
    assert SavedQuery.objects.count() == 1
    assert operator.post("/admin/telemetry/queries/calls/remove/").status_code == 302
    assert SavedQuery.objects.count() == 0


def test_queries__of_the_workspace_in_the_address__kept_and_removed_there() -> None:
    """A name in the address is not kept: the forms of such a page name it again."""
    first, second = make.workspace("aaa-first"), make.workspace("zzz-second")
    person = make.person(first, "primary_operator")
    member = services.add_member(second, person, actor=make.JOB)
    services.grant_role(member, "primary_operator", actor=make.JOB)
    browser = make.client(person)
    for place in (first, second):
        form = text(browser, f"/admin/telemetry/queries/new/?workspace={place.slug}")
        action = f"/admin/telemetry/queries/keep/?workspace={place.slug}"
        assert f'action="{action}"' in form
        sent = {"title": "Calls", "measures": ["tool.calls"], "window": "6h"}
        assert browser.post(action, sent)["Location"].endswith(f"/calls/?workspace={place.slug}")
    page = text(browser, f"/admin/telemetry/queries/calls/?workspace={second.slug}")
    remove = f"/admin/telemetry/queries/calls/remove/?workspace={second.slug}"
    assert f'action="{remove}"' in page
    assert browser.post(remove).status_code == 302
    assert list(SavedQuery.objects.values_list("workspace", flat=True)) == [first.pk]

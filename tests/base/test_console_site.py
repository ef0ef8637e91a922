"""Getting into the console, and what every page of it holds to."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib import admin
from django.test import Client

from controlplane.access import policy, services
from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.buttons import buttons_of
from tests import make

# Models whose stock pages would be a hole; they are simply not registered.
ADMINS = sorted(admin.site._registry.items(), key=lambda pair: pair[0]._meta.label)


@pytest.fixture
def here(db: None) -> Workspace:
    return make.workspace()


# --- Getting in -------------------------------------------------------------------------------


def test_not_signed_in__to_the_one_sign_in_page_with_a_way_back(db: None) -> None:
    answer = Client().get("/admin/base/signal/?state=dead", follow=True)
    url, _ = answer.redirect_chain[-1]
    assert urlsplit(url).path == "/access/login/"
    assert parse_qs(urlsplit(url).query)["next"] == ["/admin/base/signal/?state=dead"]


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"]
)
def test_next__elsewhere__ignored(db: None, target: str) -> None:
    answer = Client().get("/admin/login/", {"next": target})
    assert parse_qs(urlsplit(answer["Location"]).query)["next"] == ["/admin/"]


def test_person_without_any_role__told_so_not_sent_round(db: None) -> None:
    browser = make.client(make.person(None))
    answer = browser.get("/admin/", follow=True)
    assert answer.status_code == 403
    assert "no role in any workspace" in answer.content.decode()
    assert AuditEvent.objects.filter(outcome="denied", rule="no_role").exists()


def test_role_revoked_meanwhile__out_at_once(here: Workspace) -> None:
    viewer = make.person(here, "viewer")
    browser = make.client(viewer)
    assert browser.get("/admin/").status_code == 200
    services.remove_member(make.membership(viewer, here), actor=make.JOB)
    assert browser.get("/admin/", follow=True).status_code == 403


def test_agents_key__opens_no_console(here: Workspace) -> None:
    _, secret = make.key(make.agent(here))
    answer = Client().get("/admin/", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 302


def test_index__only_apps_one_may_see(here: Workspace) -> None:
    operator = make.client(make.person(here, "primary_operator")).get("/admin/")
    legal = make.client(make.person(here, "legal")).get("/admin/")
    assert "/admin/base/signal/" in operator.content.decode()
    assert "/admin/base/signal/" not in legal.content.decode()


def test_stock_doors__password_logout_and_redirect_by_key__are_ours_or_gone(
    here: Workspace,
) -> None:
    browser = make.client(make.person(here, "viewer"))
    assert browser.get("/admin/password_change/")["Location"] == "/access/password/"
    assert browser.get("/admin/r/1/1/").status_code == 404
    answer = browser.post("/admin/logout/")
    assert (answer.status_code, answer["Location"]) == (307, "/access/logout/")


# --- Every registered page --------------------------------------------------------------------


def test_every_admin__is_ours() -> None:
    for model, model_admin in ADMINS:
        assert isinstance(model_admin, ModelAdmin), model
        assert model_admin.view_action in policy.ACTIONS, model
        assert hasattr(model._default_manager.all(), "visible_to"), model


@pytest.mark.parametrize("place", ["detail", "list", "selection"])
def test_every_button__takes_what_it_is_called_with(place: Any) -> None:
    """A button nobody pressed in a test would fail whoever presses it first."""
    given = ["request", "reason"] if place == "list" else ["request", "obj", "reason"]
    for model, model_admin in ADMINS:
        for entry in buttons_of(type(model_admin), place):
            handler = inspect.signature(getattr(model_admin, entry.name))
            assert len(handler.parameters) == len(given), (model, entry.name)


# Each list is asked two of them, the next list the next two.
HOSTILE_QUERIES = (
    *("?q=x%27%22%3B", "?o=1.-2.99", "?p=9", "?before=1&after=2", "?e=1", "?all=", "?q=%00"),
)


@pytest.fixture
def everybody(here: Workspace) -> Iterator[Client]:
    """Somebody who holds every role there is."""
    return make.client(make.person(here, *sorted(policy.PEOPLE)))  # type: ignore[return-value]


def list_url(model: type) -> str:
    meta = model._meta  # type: ignore[attr-defined]
    return f"/admin/{meta.app_label}/{meta.model_name}/"


@pytest.mark.slow
def test_every_list__opens_and_stands_hostile_queries(everybody: Client) -> None:
    for at, (model, _) in enumerate(ADMINS):
        url = list_url(model)
        for step in (2 * at, 2 * at + 1):
            query = HOSTILE_QUERIES[step % len(HOSTILE_QUERIES)]
            answer = everybody.get(url + query)
            expected = {400} if "%00" in query else {200, 302}
            assert answer.status_code in expected, (url, query, answer.content.decode()[-2000:])
        for tail, expected in (("", {200}), ("add/", {200, 403})):
            answer = everybody.get(url + tail, follow=True)  # to the question it asks first
            assert answer.status_code in expected, (url, tail)
            needs_no_relaxed_policy(answer, url + tail)


def needs_no_relaxed_policy(answer: Any, url: str) -> None:
    html = answer.content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S", html), f"inline script: {url}"
    assert not re.search(r"<[^>]+\sstyle=", html), f"style attribute: {url}"
    assert "<style" not in html, url
    assert not re.search(r"<[^>]+\son[a-z]+=", html), f"inline handler: {url}"
    assert "default-src 'self'" in answer["Content-Security-Policy"], url
    assert answer["Cache-Control"], url


def test_every_list__of_the_workspaceless_and_the_stranger(here: Workspace) -> None:
    """A role of another workspace sees no row of this one, in any list."""
    stranger = make.actor(make.person(make.workspace(), *sorted(policy.PEOPLE)))
    for model, model_admin in ADMINS:
        rows = model._default_manager.all().visible_to(stranger)  # type: ignore[attr-defined]
        lookup = model_admin._workspace_lookup()  # type: ignore[attr-defined]
        if lookup is not None:
            assert not rows.filter(**{lookup: here}).exists(), model

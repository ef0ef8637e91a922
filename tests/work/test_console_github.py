"""Repositories whose webhooks are believed: added, given a new secret, switched off."""

from __future__ import annotations

import re

from django.test import Client
from django.urls import reverse

from controlplane.access.models import User, Workspace
from controlplane.audit.models import AuditEvent
from controlplane.work.models import GithubSource
from controlplane.work.services.github.sources import secret_of
from tests import make
from tests.kit import settled, work

ADD = "/admin/work/githubsource/add/"


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def oscar(here: Workspace) -> User:
    return make.person(here, "operations_command")


@settled.once
def browser(oscar: User) -> Client:
    return make.client(oscar)


def added(browser: Client, here: Workspace) -> tuple[GithubSource, str]:
    form = {"repository": "northwind/planner", "project": work.project(here).pk}
    answer = browser.post(ADD, form)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    return GithubSource.objects.get(), answer.content.decode()


def page_of(source: GithubSource) -> str:
    return reverse("admin:work_githubsource_change", args=(source.uid,))


def test_added__secret_is_shown_once_and_kept_sealed(browser: Client, here: Workspace) -> None:
    source, page = added(browser, here)
    secret = secret_of(source).decode()
    assert secret in page
    assert "/api/v1/hooks/github" in page
    assert secret not in source.secret
    for url in (page_of(source), "/admin/work/githubsource/?view=all"):
        assert secret not in browser.get(url).content.decode()
    assert not [event for event in AuditEvent.objects.all() if secret in str(event.after)]


def test_new_secret__asks_first_and_replaces_the_old(browser: Client, here: Workspace) -> None:
    source, _ = added(browser, here)
    old = secret_of(source)
    url = page_of(source).replace("/change/", "/do/rotate/")
    assert "proves nothing" in browser.get(url).content.decode()
    page = browser.post(url, {"reason": "seen in a log"}).content.decode()
    source.refresh_from_db()
    assert secret_of(source) != old
    assert secret_of(source).decode() in page


def test_off_and_on(browser: Client, here: Workspace) -> None:
    source, _ = added(browser, here)
    page = page_of(source)
    browser.post(page.replace("/change/", "/do/switch_off/"), {"reason": "moved"})
    source.refresh_from_db()
    assert not source.is_active
    assert "Switch on" in browser.get(page).content.decode()
    browser.post(page.replace("/change/", "/do/switch_on/"))
    source.refresh_from_db()
    assert source.is_active


def test_wrong_name_or_known__beside_the_field(browser: Client, here: Workspace) -> None:
    added(browser, here)
    project = work.project(here).pk
    for repository in ("nonsense", "Northwind/Planner"):
        page = browser.post(ADD, {"repository": repository, "project": project}).content.decode()
        assert re.search("owner/name|[Kk]nown already|already exists", page), repository
    assert GithubSource.objects.count() == 1


def test_stranger__neither_role_nor_workspace(browser: Client, here: Workspace) -> None:
    source, _ = added(browser, here)
    viewer = make.client(make.person(here, "viewer"))
    assert viewer.get(ADD).status_code == 403
    rotate = page_of(source).replace("/change/", "/do/rotate/")
    assert viewer.post(rotate, {"reason": "x"}).status_code == 403
    stranger = make.client(make.person(make.workspace(), "operations_command"))
    assert stranger.get(page_of(source)).status_code == 404
    assert stranger.post(rotate, {"reason": "x"}).status_code == 404
    form = {"repository": "theirs/repo", "project": work.project(here).pk}
    stranger.post(ADD, form)
    assert GithubSource.objects.count() == 1

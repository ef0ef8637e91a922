"""The kernel's own pages: each list opens with a question, each row says what it is about, and
hostile rows, empty tables and people without the right harm none of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.template.loader import get_template
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import Resolver404, resolve

from controlplane.console.cells import UNSAID
from tests import make
from tests.kit import inhabited

AREAS = ("audit", "jobs", "notify", "backups", "catalog", "base")
ADMINS: list[Any] = [
    portal for model, portal in admin.site._registry.items() if model._meta.app_label in AREAS
]
WITH_PANEL = [portal for portal in ADMINS if portal.panel_template]
ROWS_LOOKED_AT = 2
MOST_QUESTIONS = 22


def name_of(portal: Any) -> str:
    return str(portal.opts.label_lower)


def list_of(portal: Any, query: str = "view=all") -> str:
    return f"/admin/{portal.opts.app_label}/{portal.opts.model_name}/?{query}"


@pytest.fixture
def everybody(world: inhabited.World) -> Client:
    return make.client(make.root_of(world.workspace, "workspace_admin", "security_lead"))


# --- Declared well ------------------------------------------------------------------------------


@pytest.mark.parametrize("portal", ADMINS, ids=name_of)
def test_list__says_what_it_is_and_what_to_do_when_empty(portal: Any) -> None:
    assert portal.about.endswith(".")
    assert portal.empty.endswith(".")
    assert len(portal.about) <= 100
    for path in re.findall(r"/api/v1/[a-z/-]*", portal.empty_hint):
        try:
            resolve(path)
        except Resolver404:
            pytest.fail(f"{name_of(portal)} names {path}, which is not there")


@pytest.mark.parametrize("portal", [each for each in ADMINS if each.tabs], ids=name_of)
def test_tabs__the_first_is_a_question_the_last_is_everything(portal: Any) -> None:
    assert portal.tabs[0][1] != "view=all"
    assert portal.tabs[-1] == ("All", "view=all")


@pytest.mark.parametrize("portal", ADMINS, ids=name_of)
def test_facts__exist(portal: Any) -> None:
    for name in [*portal.facts, *portal.list_display]:
        assert name in UNSAID or hasattr(portal, name) or hasattr(portal.model, name), name


@pytest.mark.parametrize("portal", WITH_PANEL, ids=name_of)
def test_panel__has_its_template(portal: Any) -> None:
    get_template(portal.panel_template)


# --- Drawn --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_tabs__each_answers_empty_and_full(db: None) -> None:
    browser = make.client(make.person(make.workspace(), "workspace_admin", "security_lead"))
    for portal in ADMINS:
        for _, query in portal.tabs:
            answer = browser.get(list_of(portal, query))
            assert answer.status_code == 200, (portal, query)
            if query != "view=all" and not answer.context["cl"].result_count:
                assert portal.empty in answer.content.decode(), (portal, query)


def looked_at(browser: Client, url: str) -> tuple[Any, int]:
    """The page and its questions. Asked too many, it gets a second look: what stands beside the
    navigation is remembered for seconds, and may be forgotten just before the first."""
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            answer = browser.get(url)
        asked = len([one for one in captured if "SAVEPOINT" not in one["sql"]])
        if asked <= MOST_QUESTIONS:
            break
    return answer, asked


@pytest.mark.slow
def test_rows__their_pages_say_what_they_are_about(everybody: Client) -> None:
    for portal in ADMINS:
        rows = list(portal.model._default_manager.order_by("-pk")[:ROWS_LOOKED_AT])
        for row in rows:
            url = portal.object_url(row)
            answer, asked = looked_at(everybody, url)
            if answer.status_code == 404:  # somebody else's inbox, another workspace's row
                continue
            page = answer.content.decode()
            assert answer.status_code == 200, url
            assert "<img src=x" not in page, url
            assert "</script>{{7*7}}" not in page, url
            assert page.count("<h1") == 1, url
            assert asked <= MOST_QUESTIONS, (url, asked)
            if portal.panel_template:
                assert "split-panel" in page, url


@pytest.mark.slow
def test_viewer__sees_what_roles_allow_and_never_a_failure(world: inhabited.World) -> None:
    browser = make.client(world.viewer)
    for portal in ADMINS:
        assert browser.get(list_of(portal)).status_code in {200, 403}
        row = portal.model._default_manager.first()
        if row is not None:
            assert browser.get(portal.object_url(row)).status_code in {200, 403, 404}


HOSTILE = ["%00", "'%22%3E%3Cscript%3E", "a" * 5000, "%F0%28", "-1", "💥"]


@pytest.mark.parametrize("parameter", ["owed", "health", "faring", "now", "did", "breaker",
                                       "request", "about", "by", "job", "verified"])  # fmt: skip
def test_questions__answered_or_refused_whatever_is_asked(db: None, parameter: str) -> None:
    browser = make.client(make.person(make.workspace(), "workspace_admin", "security_lead"))
    for portal in ADMINS:
        names = {getattr(item, "parameter_name", "") for item in portal.list_filter}
        for url in [list_of(portal, f"{parameter}={value}") for value in HOSTILE]:
            if parameter in names:
                answer = browser.get(url)
                assert answer.status_code in {200, 302, 400}, url
                assert b"<script>" not in answer.content, url

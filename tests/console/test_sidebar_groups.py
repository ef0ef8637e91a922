"""Groups of the sidebar: some open at first, the page's own too, and each as one left it."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from controlplane.access.models import User, Workspace
from controlplane.base.registries import NavCount, NavItem
from controlplane.base.web import FOLDS_COOKIE
from controlplane.console.drawn_nav import groups as drawn
from controlplane.console.shell import OPEN_GROUPS, Entry
from tests import make

GROUP = re.compile(r'<details data-group="([a-z]+)"( open)?>')
FLAGS = "/admin/feature_flags/flag/"


@pytest.fixture
def here(db: None) -> Workspace:
    return make.workspace()


@pytest.fixture
def browser(here: Workspace) -> Client:
    return make.client(make.person(here, "primary_operator", "workspace_admin"))


def opened(browser: Client, url: str = "/admin/") -> set[str]:
    page = browser.get(url, follow=True).content.decode()
    return {name for name, mark in GROUP.findall(page) if mark}


def test_at_first__what_people_live_in(here: Workspace, browser: Client) -> None:
    page = browser.get("/admin/").content.decode()
    assert len(GROUP.findall(page)) > len(OPEN_GROUPS)
    assert opened(browser) == {name.lower() for name in OPEN_GROUPS}


def test_of_the_page__open_until_somebody_closes_it(here: Workspace, browser: Client) -> None:
    assert "flags" in opened(browser, FLAGS)
    assert "flags" in opened(browser, f"/admin/nav/?at={FLAGS}")
    assert "flags" not in opened(browser)
    browser.cookies[FOLDS_COOKIE] = "-flags"
    assert "flags" not in opened(browser, FLAGS)


def test_as_one_left_them(here: Workspace, browser: Client) -> None:
    browser.cookies[FOLDS_COOKIE] = "-missions.portal"
    assert opened(browser) == {"operate", "work", "portal"}


def test_what_no_browser_of_ours_sends__changes_nothing(here: Workspace, browser: Client) -> None:
    for hostile in ("....", "-", "<script>", "x" * 5_000, "OPERATE.-OPERATE", "'; drop"):
        browser.cookies[FOLDS_COOKIE] = hostile
        assert opened(browser) == {name.lower() for name in OPEN_GROUPS}, hostile


def test_stranger__gets_none(db: None) -> None:
    answer = Client().get("/admin/nav/")
    assert answer.status_code == 302
    assert "data-group" not in answer.content.decode()


def test_viewer__no_group_without_an_entry(here: Workspace) -> None:
    person: User = make.person(here, "viewer")
    page = make.client(person).get("/admin/").content.decode()
    assert GROUP.findall(page)
    assert "<ul></ul>" not in page


def test_closed__says_how_much_of_the_worst_waits(db: None) -> None:
    def entry(slug: str, count: NavCount | None) -> Entry:
        item = NavItem(slug, slug, "Flags", "console:home", "flag", "console.enter")
        return Entry(item, "/", count, False)

    rows = [
        entry("a", NavCount(40)),
        entry("b", NavCount(2, "bad")),
        entry("c", NavCount(3, "bad")),
        entry("d", NavCount(7, "warn")),
        entry("e", None),
    ]
    head = drawn([("Flags", rows)], set()).partition("</summary>")[0]
    assert 'count-bad"><span class="unseen">,</span> 5</span>' in head
    assert "40" not in head
    calm = drawn([("Flags", rows[:1])], set()).partition("</summary>")[0]
    assert "count" not in calm

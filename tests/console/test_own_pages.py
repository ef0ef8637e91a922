"""Home, inbox, settings, theme and the frame around every page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.access.models import User, Workspace
from controlplane.base import cache, signals
from controlplane.base.models import Signal
from controlplane.base.registries import (
    Banner,
    BannerText,
    HomeRow,
    Waiting,
    banners,
    home_rows,
    nav_items,
)
from controlplane.base.web import THEME_COOKIE
from controlplane.console.shell import FAMILY
from controlplane.jobs import leases
from controlplane.lib import defaults
from controlplane.lib.ids import uuid7
from controlplane.notify.models import InboxItem, OutboxMessage
from controlplane.notify.outbox import enqueue
from controlplane.notify.services.news import To, notify
from tests import make
from tests.kit import inhabited, no_pages, pages

CLOSED_PORT = "redis://127.0.0.1:1/0"


@pytest.fixture
def here(db: None) -> Workspace:
    return make.workspace()


@pytest.fixture
def operator(here: Workspace) -> User:
    return make.person(here, "primary_operator")


@pytest.fixture
def browser(operator: User) -> Client:
    return make.client(operator)


def text(browser: Client, url: str = "/admin/") -> str:
    answer = browser.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def asked_of(captured: CaptureQueriesContext) -> list[str]:
    """The questions. Savepoints are there only because a test is one transaction."""
    said = [str(entry["sql"]) for entry in captured]
    return [line.split(" FROM ")[-1][:110] for line in said if "SAVEPOINT" not in line]


def dead_letter(workspace: Workspace, topic: str) -> None:
    message = enqueue(topic, {}, key=topic, workspace_id=workspace.pk)
    type(message).objects.filter(pk=message.pk).update(state=leases.DEAD, attempts=8)


# --- Home -------------------------------------------------------------------------------------


def test_home__sections_by_role(here: Workspace, browser: Client) -> None:
    legal = make.client(make.person(here, "legal"))
    assert "Messages that were given up" in text(browser)
    assert "Messages that were given up" not in text(legal)


def test_home__what_waits_here__and_nothing_of_elsewhere(here: Workspace, browser: Client) -> None:
    dead_letter(here, "ours.topic")
    dead_letter(make.workspace(), "theirs.topic")
    page = text(browser)
    assert "ours.topic was given up" in page
    assert "theirs" not in page


@pytest.fixture
def failing() -> Iterator[None]:
    def fail(*_: Any) -> list[Waiting]:
        raise RuntimeError("not today")

    home_rows.register(HomeRow("tests", "Broken section", "workspace.view", fail))
    yield
    del home_rows._entries["tests"]


@pytest.mark.usefixtures("failing")
def test_home__one_section_fails__said_and_the_others_stand(
    here: Workspace, browser: Client
) -> None:
    dead_letter(here, "ours.topic")
    page = text(browser)
    assert "Broken section" in page
    assert "This part can&#x27;t be read" in page or "This part can't be read" in page
    assert "ours.topic was given up" in page
    assert "not today" not in page


@pytest.mark.parametrize(
    "url", ["/admin/", "/admin/base/signal/?view=all", "/admin/inbox/", "/admin/go/?q=a"]
)
def test_dead_broker__pages_stand(browser: Client, settings: Any, url: str) -> None:
    settings.REDIS_URL = CLOSED_PORT
    cache.wake()
    try:
        text(browser, url)
    finally:
        cache.wake()


def test_home__warm__a_query_for_each_section_and_few_around(world: inhabited.World) -> None:
    browser = make.client(world.root)
    browser.post(reverse("access:switch_workspace"), {"workspace": world.workspace.slug})
    text(browser)
    with CaptureQueriesContext(connection) as captured:
        text(browser)
    asked = asked_of(captured)
    # Who asks and where; two of approvals, one for what each person may sign; one for the last
    # moments of all quiet sections, and one for the next duty on days on which none is due.
    # Sections that know their answer without asking pay for one that needs two.
    assert len(asked) <= len(list(home_rows)) + 8, "\n".join(asked)


def test_frame__a_count_that_fails__left_out(
    here: Workspace, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> int:
        raise RuntimeError("not today")

    monkeypatch.setattr("controlplane.console.kernel.nav.NavRows", fail)
    assert "Outbox" in text(browser)


def test_nav__counts_by_workspace(here: Workspace, operator: User) -> None:
    for workspace in (here, make.workspace()):
        dead_letter(workspace, f"dead {workspace.slug}")
    shown = make.client(operator).get("/admin/").context["shell"].nav
    counts = {entry.item.slug: entry.count for _, entries in shown for entry in entries}
    assert (counts["dead-letters"].value, counts["dead-letters"].tone) == (1, "bad")


def test_nav__counts_of_all_entries__one_question(world: inhabited.World) -> None:
    """Whose turn an obligation and an approval is takes more than counting."""
    browser = make.client(world.root)
    browser.post(reverse("access:switch_workspace"), {"workspace": world.workspace.slug})
    with CaptureQueriesContext(connection) as captured:
        page = browser.get("/admin/nav/?at=/admin/")
    counting = [line["sql"] for line in captured if "count(*)" in line["sql"].lower()]
    together = [line for line in counting if "rows_10" in line]
    assert len(together) == 1
    of_views = [line for line in counting if line not in together]
    assert len(of_views) <= 2, "a pinned view is a list of its own"
    shown = {e.item.slug: e.count for _, each in page.context["shell"].nav for e in each if e.count}
    assert shown["dead-letters"].value == OutboxMessage.objects.dead().count()
    assert (shown["alerts"].tone, shown["alerts"].value > 0) == ("bad", True)


@pytest.mark.slow
def test_nav__only_what_one_may_open(here: Workspace) -> None:
    for role in ("viewer", "legal", "primary_operator"):
        browser = make.client(make.person(here, role))
        shown = browser.get("/admin/").context["shell"].nav
        for _, entries in shown:
            for entry in entries:
                assert browser.get(entry.url, follow=True).status_code == 200, (role, entry.url)


# --- Inbox ------------------------------------------------------------------------------------


def told(workspace: Workspace, person: User, subject: str, **fields: Any) -> InboxItem:
    to = To(users=[person.pk])
    notify(workspace_id=workspace.pk, kind="k", to=to, key=subject, subject=subject, **fields)
    return InboxItem.objects.get(notification__subject=subject)


def test_inbox__ones_own_only(here: Workspace, operator: User, browser: Client) -> None:
    told(here, operator, "For me")
    theirs = told(here, make.person(here, "viewer"), "For them")
    for url in ("/admin/inbox/", "/admin/inbox/?show=all", "/admin/inbox/?_part=items"):
        page = text(browser, url)
        assert "For me" in page
        assert "For them" not in page
    for verb in ("read", "archive"):
        browser.post("/admin/inbox/", {"item": [str(theirs.uid)], verb: "1"})
    browser.post("/admin/inbox/", {"read_all": "1"})
    theirs.refresh_from_db()
    assert (theirs.read_at, theirs.archived_at) == (None, None)


def test_inbox__read_then_put_away(here: Workspace, operator: User, browser: Client) -> None:
    item = told(here, operator, "For me")
    browser.post("/admin/inbox/", {"item": [str(item.uid)], "read": "1"})
    assert "For me" not in text(browser, "/admin/inbox/").split("<main", 1)[1]
    assert "For me" in text(browser, "/admin/inbox/?show=all")
    browser.post("/admin/inbox/", {"item": [str(item.uid)], "archive": "1"})
    assert "For me" not in text(browser, "/admin/inbox/?show=all").split("<main", 1)[1]


def test_inbox__no_such_news__changes_nothing(here: Workspace, browser: Client) -> None:
    assert browser.post("/admin/inbox/", {"item": ["x' or 1=1"], "read": "1"}).status_code == 400
    assert browser.post("/admin/inbox/", {"item": [str(uuid7())], "read": "1"}).status_code == 302
    assert browser.post("/admin/inbox/", {"paint": "1"}).status_code == 302


@pytest.mark.parametrize("edge", ["abc", "-1", "9" * 30, "%00", "１"])
def test_inbox__hostile_edge__first_page(browser: Client, edge: str) -> None:
    assert browser.get(f"/admin/inbox/?before={edge}").status_code in {200, 400}


def test_inbox__hostile_news__text(here: Workspace, operator: User, browser: Client) -> None:
    told(here, operator, inhabited.HOSTILE, link="javascript:alert(1)")
    page = text(browser, "/admin/inbox/")
    assert "<img src=x" not in page
    assert 'href="javascript:' not in page


# --- Settings and theme -------------------------------------------------------------------------


def test_settings__every_default__changed_ones_say_so(
    here: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTROLPLANE_CONSOLE_HOME_ROWS", "3")
    browser = make.client(make.person(here, "workspace_admin"))
    page = text(browser, "/admin/settings/")
    for entry in defaults.REGISTERED.values():
        assert f"<code>{entry.name}</code>" in page, entry.name
    changed = text(browser, "/admin/settings/?changed=on")
    assert "<code>console.home_rows</code>" in changed
    assert "shipped: 8" in changed
    assert "<code>console.kpi_s</code>" not in changed


def test_settings__values__are_told_in_words(here: Workspace) -> None:
    page = text(make.client(make.person(here, "workspace_admin")), "/admin/settings/")
    assert "<strong>True</strong>" not in page
    assert "<strong>False</strong>" not in page
    assert "<strong>1</strong> days" not in page
    assert "<strong>1</strong> day" in page
    assert "<strong>5</strong> seconds" in page, "not 5.0"


def test_settings__without_the_right__refused(here: Workspace) -> None:
    external = make.client(make.person(here, "legal"))
    allowed = "/admin/settings/" in text(external)
    assert external.get("/admin/settings/").status_code == (200 if allowed else 403)
    assert Client().get("/admin/settings/").status_code == 302


def test_theme__a_cookie_of_this_browser(browser: Client) -> None:
    answer = browser.post("/admin/theme/", {"theme": "dark", "next": "/admin/inbox/?show=all"})
    assert answer["Location"] == "/admin/inbox/?show=all"
    cookie = answer.cookies[THEME_COOKIE]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert 'data-theme="dark"' in text(browser)


def test_theme__none_such_or_leading_away__refused(browser: Client) -> None:
    assert browser.post("/admin/theme/", {"theme": '"><script>'}).status_code == 400
    assert browser.get("/admin/theme/").status_code == 405
    answer = browser.post("/admin/theme/", {"theme": "light", "next": "//evil.example/"})
    assert answer["Location"] == "/admin/"
    browser.cookies[THEME_COOKIE] = '"><script>alert(1)</script>'
    assert 'data-theme="system"' in text(browser)


def test_banner__of_what_is_to_come__is_put_away_in_this_browser(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [
        BannerText("Maintenance on Sunday.", "info", "/admin/"),
        BannerText("Maintenance goes on.", "warn", "/admin/"),
    ]
    shown = {"put-away": Banner("put-away", lambda actor, workspace_id: said)}
    monkeypatch.setattr(banners, "_entries", shown)
    cache._forget(FAMILY)
    page = text(browser)
    assert "Maintenance on Sunday." in page
    assert page.count('action="/admin/read/"') == 1  # what goes on stays in sight
    answer = browser.post("/admin/read/", {"mark": said[0].mark, "next": "/admin/inbox/"})
    assert answer["Location"] == "/admin/inbox/"
    browser.post("/admin/read/", {"mark": said[1].mark})
    page = text(browser)
    assert "Maintenance on Sunday." not in page
    assert "Maintenance goes on." in page
    said[0] = BannerText("Maintenance on Monday.", "info")
    cache._forget(FAMILY)
    assert "Maintenance on Monday." in text(browser)
    for mark in ("", "x", "a" * 13, '"><script>'):
        assert browser.post("/admin/read/", {"mark": mark}).status_code == 400
    assert browser.get("/admin/read/").status_code == 405
    cache._forget(FAMILY)


# --- Errors -------------------------------------------------------------------------------------


def test_errors__name_the_request_and_lead_back(here: Workspace, browser: Client) -> None:
    for url, status in (
        ("/admin/no/such/page/", 404),
        ("/admin/access/apikey/", 403),
        ("/admin/base/signal/?payload__x=1", 400),
        ("/admin/theme/", 405),
    ):
        answer = browser.get(url)
        assert answer.status_code == status, url
        if status == 405:
            continue
        page = answer.content.decode()
        assert answer["X-Request-ID"] in page
        assert 'href="/admin/"' in page
        assert "<h1" in page
        assert "style=" not in page


def test_signals_of_elsewhere__in_no_page_of_this_person(here: Workspace, browser: Client) -> None:
    there = make.workspace(name="Their secret place")
    signals.emit("tests.kind", key="their secret", workspace_id=there.pk)
    Signal.objects.update(state=leases.DEAD)
    for url in ("/admin/", "/admin/base/signal/?view=all", "/admin/go/?q=secret", "/admin/views/"):
        assert "their secret" not in text(browser, url).lower().replace("“secret”", "")


KEPT = {"i": "incidents", "m": "missions", "a": "approvals", "d": "deployments"}


def test_keys_of_the_navigation__one_entry_each__and_some_are_kept() -> None:
    keyed = [item for item in nav_items if item.key]
    assert len({item.key for item in keyed}) == len(keyed)
    assert all(item.slug == KEPT.get(item.key, item.slug) for item in keyed)
    assert "n" not in {item.key for item in keyed}, "the inbox's, beside the search"


# --- Every route is walked, or says why not ---------------------------------------------------


def test_every_route__walked_or_named() -> None:
    """The browser walks whatever stands in no list; a list may name only what is there."""
    known = {name for name, _ in pages.route_names()}
    listed = {*no_pages.NO_PAGES, *no_pages.FORMS_ONLY, *no_pages.SIGNED_OUT}
    assert listed <= known, listed - known
    assert not no_pages.FORMS_ONLY & set(no_pages.NO_PAGES)


def test_forms_only__answer_no_page(browser: Client) -> None:
    for name, path in pages.route_names():
        if name in no_pages.FORMS_ONLY:
            arguments = {
                key: no_pages.ANYTHING[key] for key in no_pages.ANYTHING if f":{key}>" in path
            }
            url = reverse(name, kwargs=arguments)
            assert browser.get(url).status_code == 405, name

"""News: opened is read, put away is not lost, and a button leads back to where one was."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from controlplane.access.models import User, Workspace
from controlplane.lib.ids import uuid7
from controlplane.notify import services
from controlplane.notify.models import InboxItem
from controlplane.notify.services.news import To, notify
from tests import make
from tests.kit import inhabited, settled

pytestmark = pytest.mark.django_db
INBOX = "/admin/inbox/"


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def ana(here: Workspace) -> User:
    return make.person(here, "primary_operator")


@settled.once
def browser(ana: User) -> Client:
    return make.client(ana)


def told(workspace: Workspace, person: User, subject: str, **fields: Any) -> InboxItem:
    given: dict[str, Any] = {"kind": "k", "key": subject, **fields}
    notify(workspace_id=workspace.pk, to=To(users=[person.pk]), subject=subject, **given)
    return InboxItem.objects.get(notification__subject=subject)


def main(browser: Client, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200
    return answer.content.decode().split("<main", 1)[1]


def test_opened__is_read__and_told_in_full(
    here: Workspace, ana: User, browser: Client, django_capture_on_commit_callbacks: Any
) -> None:
    long = "It began at noon. " * 60 + "It ended at one."
    item = told(here, ana, "The mast is down", body=long, link="/admin/jobs/watchalarm/")
    assert f'href="{INBOX}{item.uid}/"' in main(browser, INBOX)
    assert "It ended at one." not in main(browser, INBOX)
    browser.head(f"{INBOX}{item.uid}/")
    assert InboxItem.objects.get().read_at is None, "who only asked for headers has read nothing"
    with django_capture_on_commit_callbacks(execute=True):
        page = main(browser, f"{INBOX}{item.uid}/")
    assert "It ended at one." in page
    assert "/admin/jobs/watchalarm/" in page
    item.refresh_from_db()
    assert item.read_at is not None
    assert "The mast is down" not in main(browser, INBOX)
    assert browser.get(INBOX).context["shell"].unread == 0


def test_news_of_somebody_else__not_found_and_not_read(here: Workspace, browser: Client) -> None:
    theirs = told(here, make.person(here, "viewer"), "For them")
    assert browser.get(f"{INBOX}{theirs.uid}/").status_code == 404
    assert browser.get(f"{INBOX}{uuid7()}/").status_code == 404
    theirs.refresh_from_db()
    assert theirs.read_at is None
    assert Client().get(f"{INBOX}{theirs.uid}/").status_code == 302


def test_put_away_and_back(here: Workspace, ana: User, browser: Client) -> None:
    item = told(here, ana, "Old news")
    browser.post(INBOX, {"item": [str(item.uid)], "archive": "1"})
    assert "Old news" in main(browser, f"{INBOX}?show=archived")
    for url in (INBOX, f"{INBOX}?show=all"):
        assert "Old news" not in main(browser, url)
    browser.post(f"{INBOX}?show=archived", {"item": [str(item.uid)], "put_back": "1"})
    assert "Old news" in main(browser, f"{INBOX}?show=all")
    assert "Old news" not in main(browser, f"{INBOX}?show=archived")
    item.refresh_from_db()
    assert item.read_at is not None, "put back, and not new again"


def test_put_back__anothers__changes_nothing(here: Workspace, browser: Client) -> None:
    other = make.person(here, "viewer")
    theirs = told(here, other, "For them")
    services.archive(make.actor(other), [theirs.uid])
    browser.post(f"{INBOX}?show=archived", {"item": [str(theirs.uid)], "put_back": "1"})
    theirs.refresh_from_db()
    assert theirs.archived_at is not None


@pytest.mark.parametrize("verb", ["read", "archive", "read_all", "put_back"])
@pytest.mark.parametrize(
    "query",
    ["", "?show=all", "?show=archived", "?show=all&kind=k&before=999999", "?kind=portal.alarm"],
)
def test_button__leads_back_to_where_one_was(
    here: Workspace, ana: User, browser: Client, verb: str, query: str
) -> None:
    item = told(here, ana, "News")
    answer = browser.post(f"{INBOX}{query}", {"item": [str(item.uid)], verb: "1"})
    assert answer["Location"] == f"{INBOX}{query}"
    form = main(browser, f"{INBOX}{query}").split('<form method="post" action="', 1)[1]
    assert form.split('"', 1)[0].replace("&amp;", "&") == f"{INBOX}{query}"


@pytest.mark.parametrize(
    "query", ["show=unread", "show=//evil", "before=x", "before=１", "next=//e"]
)
def test_hostile_state__falls_away(browser: Client, query: str) -> None:
    assert browser.post(f"{INBOX}?{query}", {"read_all": "1"})["Location"] == INBOX


def test_kind__narrows__and_stays_over_the_tabs_buttons(
    here: Workspace, ana: User, browser: Client
) -> None:
    told(here, ana, "An alarm", kind="portal.alarm")
    told(here, ana, "A backup", kind="backup.done")
    page = main(browser, f"{INBOX}?kind=portal.alarm")
    assert "An alarm" in page
    assert "A backup" not in page
    assert "remove this filter" in page
    assert "A backup succeeded" in main(browser, INBOX), "the kind in words"
    assert ">portal.alarm<" not in page
    assert f'href="{INBOX}?kind=backup.done"' in main(browser, INBOX)


def test_pages__older_and_back_to_the_newest(here: Workspace, ana: User, browser: Client) -> None:
    for number in range(52):
        told(here, ana, f"News {number}.")
    first = main(browser, INBOX)
    assert "News 51." in first
    assert "News 1." not in first
    older = first.split('rel="next"', 1)[0].rsplit('href="', 1)[1].split('"', 1)[0]
    second = main(browser, older.replace("&amp;", "&"))
    assert "News 1." in second
    assert 'rel="prev">Newest' in second


@pytest.mark.parametrize("link", ["javascript:alert(1)", "//evil.example/", "data:text/html,x"])
def test_hostile_news__its_page_runs_nothing(
    here: Workspace, ana: User, browser: Client, link: str
) -> None:
    item = told(here, ana, inhabited.HOSTILE, body=inhabited.HOSTILE, link=link)
    page = main(browser, f"{INBOX}{item.uid}/")
    assert "<img src=x" not in page
    assert 'href="javascript:' not in page
    assert 'href="data:' not in page

"""What is said about a request: where it stands, who hears of it, who may not."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.access.models import Workspace
from controlplane.approvals import services, talk
from controlplane.approvals.models import Request, RequestComment
from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import Invalid, NotAllowed
from controlplane.notify import outbox
from controlplane.notify.models import InboxItem
from controlplane.work.models import Comment
from controlplane.work.services.following import say_later
from tests import make
from tests.kit import settled, work
from tests.kit.api import Api, refused
from tests.kit.approvals import Person, ask, person, sign

pytestmark = pytest.mark.django_db


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def asker(here: Workspace) -> Person:
    return person(here, "product_manager", name="Asa Asking")


@settled.once
def manager(here: Workspace) -> Person:
    return person(here, "release_manager", name="Rita Lund")


def said(request: Request, by: Person) -> list[tuple[str, str]]:
    return [(one.author, one.text) for one in talk.about(request, by.actor)]


def told(by: Person) -> list[str]:
    rows = InboxItem.objects.filter(user=by.user, notification__kind="approval.commented")
    return [row.notification.subject for row in rows]


def test_comment__is_kept_told_and_written_down(
    here: Workspace, asker: Person, manager: Person
) -> None:
    request, bystander = ask(here, actor=asker.actor), person(here, "ux")
    services.comment(request, "  Why ten percent?  ", actor=manager.actor)
    services.comment(request, "As last time.", actor=asker.actor)
    assert said(request, asker) == [
        ("Asa Asking", "As last time."), ("Rita Lund", "Why ten percent?"),
    ]  # fmt: skip
    assert told(asker) == ["Rita Lund commented on APR-1: Ten percent in Europe"]
    assert told(manager) == ["Asa Asking commented on APR-1: Ten percent in Europe"]
    assert told(bystander) == []
    events = AuditEvent.objects.filter(action="approval.comment").order_by("id")
    assert [event.actor_ref for event in events] == [manager.actor.ref, asker.actor.ref]


def test_comment__after_the_end__and_over_revisions(
    here: Workspace, asker: Person, manager: Person
) -> None:
    request = ask(here, actor=asker.actor)
    services.comment(request, "Of the first.", actor=manager.actor)
    revised = services.revise(request, {"percent": 20}, actor=asker.actor)
    signed = sign(revised, manager)
    services.comment(signed, "Of the second.", actor=asker.actor)
    for one in (request, revised):
        found = talk.about(one, asker.actor)
        assert [(each.on, each.text) for each in found] == [
            ("APR-2", "Of the second."), ("APR-1", "Of the first."),
        ]  # fmt: skip
    assert len(told(manager)) == 1  # who signed is concerned, though nothing waits for them


def test_comment__on_one_with_an_item__is_the_items(
    here: Workspace, asker: Person, manager: Person
) -> None:
    item = work.item(here)
    request = ask(here, actor=asker.actor, item=item)
    services.comment(request, "Said of the item.", actor=manager.actor)
    assert not RequestComment.objects.exists()
    assert Comment.objects.get(item=item).text == "Said of the item."
    assert [text for _, text in said(request, asker)] == ["Said of the item."]


@pytest.mark.parametrize("text", ["", "   ", "a\0b", "\ud800", "x" * 5_001])
def test_comment__that_says_nothing_or_can_not_be_kept__is_refused(
    here: Workspace, asker: Person, text: str
) -> None:
    with pytest.raises(Invalid) as found:
        services.comment(ask(here, actor=asker.actor), text, actor=asker.actor)
    assert "text" in found.value.details
    assert not RequestComment.objects.exists()


def test_strangers__neither_comment_nor_read(here: Workspace, asker: Person) -> None:
    request = ask(here, actor=asker.actor)
    services.comment(request, "Ours.", actor=asker.actor)
    elsewhere = person(make.workspace(), "release_manager")
    for stranger in (elsewhere, person(here, "viewer")):
        with pytest.raises(NotAllowed):
            services.comment(request, "Mine.", actor=stranger.actor)
    assert said(request, elsewhere) == []
    api = Api(browser=make.client(elsewhere.user))
    where = f"/api/v1/approvals/{request.uid}/comments"
    refused(api.get(where), "NOT_FOUND")
    refused(api.post(where, {"text": "Mine."}), "NOT_FOUND")
    viewer = Api(browser=make.client(make.person(here, "viewer")))
    assert viewer.get(where).status_code == 200
    refused(viewer.post(where, {"text": "Mine."}), "FORBIDDEN")
    assert RequestComment.objects.count() == 1


def test_api__lists_and_adds__agents_too(here: Workspace, asker: Person) -> None:
    request = ask(here, actor=asker.actor)
    agent = Api(make.key(make.agent(here, role="planner", name="planner-1"))[1])
    where = f"/api/v1/approvals/{request.uid}/comments"
    made = agent.post(where, {"text": "The tests are green."})
    assert made.status_code == 201, made.content
    [row] = made.json()["comments"]
    assert row["author"] == {"uid": None, "name": "planner-1"}
    assert (row["on"], row["text"]) == ("APR-1", "The tests are green.")
    mine = Api(browser=make.client(asker.user))
    mine.post(where, {"text": "Good."})
    found = mine.get(where).json()
    assert [one["text"] for one in found["comments"]] == ["Good.", "The tests are green."]
    assert found["comments"][0]["author"] == {"uid": str(asker.user.uid), "name": "Asa Asking"}
    assert found["more"] is False
    for body in ({}, {"text": ""}, {"text": 7}, {"text": "a", "as": "b"}):
        refused(mine.post(where, body), "INVALID_ARGUMENT")


# --- In the console -----------------------------------------------------------------------------


def page_of(browser: Client, request: Request) -> str:
    url = reverse("admin:approvals_request_change", args=(request.uid,))
    return str(browser.get(url).content.decode())


def send(browser: Client, request: Request, text: str) -> Any:
    return browser.post(reverse("approvals:comment", args=(request.uid,)), {"body": text})


def test_page__has_the_box_and_shows_what_was_said_once(here: Workspace, manager: Person) -> None:
    request, browser = ask(here), make.client(manager.user)
    url = reverse("approvals:comment", args=(request.uid,))
    assert f'action="{url}"' in page_of(browser, request)
    assert send(browser, request, "Why <b>ten</b>?").status_code == 302
    page = page_of(browser, request)
    assert page.count("Why &lt;b&gt;ten&lt;/b&gt;?") == 1
    assert send(browser, request, "  ").status_code == 302
    assert "Say why" in page_of(browser, request) or RequestComment.objects.count() == 1
    assert send(browser, request, "x" * 5_001).status_code == 302
    assert RequestComment.objects.count() == 1


def test_page__of_who_may_not__has_the_sentence(here: Workspace) -> None:
    request = ask(here)
    viewer = make.client(make.person(here, "viewer"))
    assert "Commenting:" in page_of(viewer, request)
    assert send(viewer, request, "Mine.").status_code == 403
    elsewhere = make.client(make.person(make.workspace(), "release_manager"))
    assert send(elsewhere, request, "Mine.").status_code == 404
    assert not RequestComment.objects.exists()


def test_exports__hold_what_was_said(here: Workspace, manager: Person) -> None:
    request = ask(here)
    services.comment(request, "Why ten percent?", actor=manager.actor)
    browser = make.client(manager.user)
    page = browser.get(reverse("approvals:export", args=(request.uid, "html"))).content.decode()
    assert "<h2>Comments</h2>" in page
    assert "Why ten percent?" in page
    paper = browser.get(reverse("approvals:export", args=(request.uid, "pdf")))
    assert paper.content.startswith(b"%PDF")


def test_note_of_the_portal_for_somebody__stands_by_their_name(
    here: Workspace, asker: Person, manager: Person
) -> None:
    request = ask(here, actor=asker.actor, item=work.item(here))
    say_later(request, "Planned.", actor=manager.actor, portal=make.JOB)
    say_later(request, "Announced.", actor=make.JOB, portal=make.JOB)
    outbox.send_due()
    assert set(said(request, asker)) == {("Rita Lund", "Planned."), (make.JOB.label, "Announced.")}

"""What support says again and again: articles with versions, canned replies, the public page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from controlplane.lib.errors import Conflict, Invalid, InvalidTransition, NotAllowed
from incidents.models import Article, CannedReply, SupportDoor
from incidents.support import around_console, articles, canned, doors
from tests import make
from tests.kit import settled
from tests.kit.incidents import Caller
from tests.kit.support import Desk

pytestmark = pytest.mark.django_db


@settled.once
def desk() -> Desk:
    desk = Desk(make.workspace())
    desk.everybody()
    assert desk.docs.pk
    return desk


@settled.once
def browser(desk: Desk) -> Client:
    return make.client(desk.docs)


def written(desk: Desk, title: str = "Rotate a key", **given: Any) -> Article:
    values = {"text": "Open the key, and rotate it.", **given}
    return articles.create_article(desk.workspace, actor=desk.by(desk.docs), title=title, **values)


def test_article__versions_states_and_slugs(desk: Desk) -> None:
    by = desk.by(desk.docs)
    row = written(desk, runbooks=["beads_db"])
    assert (row.slug, written(desk).slug) == ("rotate-a-key", "rotate-a-key-2")
    row = articles.change_article(row, actor=by, text="Ask for a new key.", reason="It changed.")
    articles.change_article(row, actor=by, audience="public")  # says the same
    assert list(row.versions.values_list("number", "text", "reason")) == [
        (2, "Ask for a new key.", "It changed."), (1, "Open the key, and rotate it.", ""),
    ]  # fmt: skip
    with pytest.raises(Conflict):
        articles.change_article(row, actor=by, version=1, title="Old")
    for given in ({"title": " "}, {"audience": "all"}, {"runbooks": ["nowhere"]}, {"slug": "x"}):
        with pytest.raises(Invalid):
            articles.change_article(row, actor=by, **given)
    articles.publish_article(row, actor=by)
    with pytest.raises(InvalidTransition):
        articles.publish_article(row, actor=by)
    articles.archive_article(row, actor=by, reason="Gone.")
    assert articles.redraft_article(row, actor=by).status == "draft"


def test_ticket__is_shown_what_reads_alike(desk: Desk) -> None:
    near = articles.publish_article(written(desk), actor=desk.by(desk.docs))
    articles.publish_article(written(desk, "Read a bill", text="Money."), actor=desk.by(desk.docs))
    written(desk, "Rotating, a draft")
    row = desk.ticket("How do I rotate my key?")
    assert articles.for_ticket(row) == [near]
    assert articles.suggest(desk.workspace.pk, "rotate key", public=True) == []
    [shown] = around_console.beside_a_ticket(desk.by(desk.primary), row) or []
    assert shown.title == "Rotate a key"
    assert (
        around_console.beside_a_ticket(desk.by(make.person(make.workspace(), "viewer")), row)
        is None
    )
    assert articles.suggest(make.workspace().pk, "rotate key", public=False) == []


def test_reply__places_are_checked_and_filled(desk: Desk) -> None:
    by = desk.by(desk.docs)
    given = {"title": "Seen", "shortcut": "seen", "category": "question"}
    for body in ("Dear {nobody}", "Dear {name", "Dear }", "", "{0}", "{name.password}", "{}"):
        with pytest.raises(Invalid):
            canned.create_reply(desk.workspace, actor=by, body=body, **given)
    row = canned.create_reply(
        desk.workspace, actor=by, body="{name}: {ref} “{subject}” by {me}, {next_update}", **given
    )
    with pytest.raises(Conflict):
        canned.create_reply(desk.workspace, actor=by, body="Twice.", **given)
    ticket = desk.triaged(subject="What is {me}?")
    text = canned.use(row, ticket, actor=desk.by(desk.primary))
    assert text.startswith(f"Somebody: {ticket.ref} “What is {{me}}?” by ")
    assert " UTC" in text
    row.refresh_from_db()
    assert row.used == 1
    assert canned.for_ticket(ticket) == [row]
    ticket.category = "database"
    assert canned.for_ticket(ticket) == []
    canned.switch_reply(row, actor=by, on=False)
    with pytest.raises(Invalid):
        canned.use(CannedReply.objects.get(), ticket, actor=desk.by(desk.primary))


def test_page_of_support__has_one_name(desk: Desk) -> None:
    door = doors.create_door(desk.workspace, actor=desk.by(desk.sre), slug="help")
    assert door.is_open is False
    for slug in ("t", "Help", "a b", "-x"):
        with pytest.raises(Invalid):
            doors.change_door(door, actor=desk.by(desk.sre), slug=slug)
    with pytest.raises(Conflict):
        doors.create_door(desk.workspace, actor=desk.by(desk.sre))
    with pytest.raises(Conflict):
        doors.create_door(make.workspace(), actor=make.JOB, slug="help")


def test_console__writes_and_publishes(desk: Desk, browser: Client) -> None:
    add = "/admin/incidents/article/add/"
    given = {"title": "Rotate a key", "text": "**Ask**.", "audience": "internal",
             "category": "access", "runbooks": "beads_db"}  # fmt: skip
    assert browser.post(add, given).status_code == 302
    row = Article.objects.get()
    page = f"/admin/incidents/article/{row.uid}/change/"
    assert "<strong>Ask</strong>" in browser.get(page).content.decode()
    reply = {"title": "Seen", "shortcut": "seen", "body": "Dear {nobody}", "audience": "requester",
             "category": ""}  # fmt: skip
    add = "/admin/incidents/cannedreply/add/"
    assert "Nothing fills" in browser.post(add, reply).content.decode()
    assert browser.post(add, {**reply, "body": "Dear {name}"}).status_code == 302


def test_api__articles_replies_and_page(desk: Desk) -> None:
    api = Caller(desk.docs)
    made = api.post("/api/v1/articles", {"title": "Rotate a key", "text": "Ask.",
                                         "audience": "public"})  # fmt: skip
    one = f"/api/v1/articles/{made['uid']}"
    assert api.post(f"{one}/move", {"to": "published"})["status"] == "published"
    assert api.refused("POST", f"{one}/move", {"to": "published"}).status_code == 409
    assert api.refused("PATCH", one, {"text": "Ask us."}).json()["text"] == "Ask us."
    assert len(api.get("/api/v1/articles", q="rotate", status="published")["items"]) == 1
    reply = api.post(
        "/api/v1/canned-replies", {"title": "Seen", "body": "{ref}!", "shortcut": "seen"}
    )
    one = f"/api/v1/canned-replies/{reply['uid']}"
    ticket = desk.ticket()
    assert api.post(f"{one}/use", {"ticket": ticket.ref})["text"] == f"{ticket.ref}!"
    assert api.refused("POST", f"{one}/use", {"ticket": "TKT-999"}).status_code == 404
    assert api.refused("DELETE", one).status_code == 204
    admin = Caller(desk.admin)
    door = admin.post("/api/v1/support-pages", {"slug": "help"})
    path = f"/api/v1/support-pages/{door['uid']}"
    assert admin.refused("PATCH", path, {"is_open": True}).json()["is_open"] is True


def test_stranger__writes_nothing_and_reads_nothing_of_others(desk: Desk) -> None:
    viewer = desk.by(desk.viewer)
    row = written(desk)
    for attempt in (
        lambda: articles.create_article(desk.workspace, actor=viewer, title="x", text="x"),
        lambda: articles.change_article(row, actor=viewer, title="x"),
        lambda: articles.publish_article(row, actor=viewer),
        lambda: canned.create_reply(desk.workspace, actor=viewer, title="x", body="x"),
        lambda: doors.create_door(desk.workspace, actor=viewer),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    away = Caller(make.person(make.workspace(), "docs_lead"))
    assert away.get("/api/v1/articles")["items"] == []
    assert away.refused("GET", f"/api/v1/articles/{row.uid}").status_code == 404
    assert not SupportDoor.objects.exists()

"""The doors of support that anybody may stand at: the form, answers, the page behind a link."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from controlplane.work import services as work
from incidents.models import Article, SupportDoor, Ticket, TicketRating
from incidents.support import answering, articles, doors, links, moving
from incidents.support import said as saying
from tests import make
from tests.kit import settled
from tests.kit.support import Desk

pytestmark = pytest.mark.django_db
ASK = "/support/acme-help/"
FORM = {"subject": "Sign in fails", "body": "It says no since noon.", "category": "access",
        "name": "Ann", "email": "ann@example.com", "website": ""}  # fmt: skip


@settled.once
def desk() -> Desk:
    desk = Desk(make.workspace())
    desk.everybody()
    return desk


@settled.once
def door(desk: Desk) -> SupportDoor:
    return doors.create_door(
        desk.workspace, actor=make.JOB, slug="acme-help", title="Acme helps", is_open=True
    )


@settled.once
def article(desk: Desk) -> Article:
    row = articles.create_article(
        desk.workspace, actor=make.JOB, title="When signing in fails", audience="public",
        text="Ask for a **new** password. <script>x</script>", category="access",
    )  # fmt: skip
    return articles.publish_article(row, actor=make.JOB)


def path_of(row: Ticket) -> str:
    return f"/support/t/{links.token_of(row)}"


def test_form__becomes_a_ticket_and_leads_to_its_page(door: SupportDoor) -> None:
    client = Client()
    page = client.get(ASK)
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    assert page["Referrer-Policy"] == "same-origin"  # else browsers send a form without its origin
    file = SimpleUploadedFile("seen.txt", b"no", content_type="text/plain")
    sent = client.post(ASK, {**FORM, "attached": [file]})
    row = Ticket.objects.get()
    assert sent.status_code == 302
    assert sent["Location"] == f"{path_of(row)}?new=1"
    assert (row.source, row.requester_email, row.category) == ("form", "ann@example.com", "access")
    shown = client.get(sent["Location"])
    text = shown.content.decode()
    assert "It has arrived" in text
    assert "It says no since noon." in text
    assert shown["Referrer-Policy"] == "no-referrer"
    [kept] = row.messages.get().files
    got = client.get(f"{path_of(row)}/files/{kept['uid']}")
    assert got.status_code == 200
    assert "attachment" in got["Content-Disposition"]
    assert got.getvalue() == b"no"


def test_form__what_is_wrong_is_said_and_stays_written(door: SupportDoor) -> None:
    answer = Client().post(ASK, {**FORM, "email": "nobody", "subject": ""})
    assert answer.status_code == 400
    assert "It says no since noon." in answer.content.decode()
    assert not Ticket.objects.exists()


def test_program__fills_the_trap_and_is_thanked(door: SupportDoor) -> None:
    answer = Client().post(ASK, {**FORM, "website": "http://spam.example"})
    assert answer.status_code == 200
    assert not Ticket.objects.exists()


def test_crowd_of_one__is_asked_to_wait(door: SupportDoor) -> None:
    client = Client()
    seen = [client.post(ASK, FORM).status_code for _ in range(doors.ASKS_PER_READER.value + 1)]
    assert seen == [302] * doors.ASKS_PER_READER.value + [429]
    assert Ticket.objects.count() == doors.ASKS_PER_READER.value


def test_forged__a_form_of_another_site_is_refused(door: SupportDoor) -> None:
    assert Client(enforce_csrf_checks=True).post(ASK, FORM).status_code == 403
    assert not Ticket.objects.exists()


def test_member__asks_as_who_they_are(desk: Desk, door: SupportDoor) -> None:
    client = make.client(desk.viewer)
    assert 'name="email"' not in client.get(ASK).content.decode()
    asked = {name: FORM[name] for name in ("subject", "body", "category")}
    assert client.post(ASK, asked).status_code == 302
    assert Ticket.objects.get().requester == desk.viewer
    away = make.client(make.person(make.workspace(), "viewer"))
    assert 'name="email"' in away.get(ASK).content.decode()


def test_look__answers_are_shown_before_anything_is_sent(
    door: SupportDoor, article: Article
) -> None:
    answer = Client().post(ASK, {**FORM, "look": "1"})
    text = answer.content.decode()
    assert "When signing in fails" in text
    assert "It says no since noon." in text
    assert not Ticket.objects.exists()


def test_form__offers_answers_while_one_writes_only_where_there_are_some(
    door: SupportDoor, article: Article
) -> None:
    page = Client().get(ASK)
    text = page.content.decode()
    assert "data-suggest" in text
    assert re.search(r'<script src="[^"]*support-public[^"]*" defer></script>', text)
    assert "unsafe-inline" not in page["Content-Security-Policy"]
    # What the script sends: the words and nothing else.
    found = Client().post(ASK, {"look": "1", "subject": "signing in", "body": ""})
    assert "When signing in fails" in found.content.decode()
    articles.archive_article(article, actor=make.JOB)
    assert "support-public.js" not in Client().get(ASK).content.decode()


def test_article__leads_nobody_into_the_console(desk: Desk, door: SupportDoor) -> None:
    text = (
        "See INC-12 and [the list](/admin/incidents/ticket/), or [our site](https://acme.example/)."
    )
    row = articles.create_article(
        desk.workspace, actor=make.JOB, title="Where it stands", audience="public", text=text,
        category="access",
    )  # fmt: skip
    articles.publish_article(row, actor=make.JOB)
    shown = Client().get(f"{ASK}answers/{row.slug}/").content.decode()
    assert "See INC-12 and the list, or <a" in shown
    assert "/admin/" not in shown
    assert "https://acme.example/" in shown


def test_link__shows_what_was_said_and_nothing_of_the_desk(desk: Desk) -> None:
    row = desk.by_mail()
    answering.add_note(row, actor=desk.by(desk.primary), text="She is new here.")
    said = desk.answer(desk.triaged(row=row), "Try agian.")
    saying.correct(said, "Try again.", actor=desk.by(desk.primary))
    text = Client().get(path_of(row)).content.decode()
    assert "Try again." in text
    assert "agian" not in text
    assert "new here" not in text
    assert "Next update" in text
    inside = work.attach(row.item, actor=make.JOB, filename="secret.txt", content=b"x")  # type: ignore[arg-type]
    assert Client().get(f"{path_of(row)}/files/{inside.uid}").status_code == 404


def test_link__answers_closes_opens_again_and_judges(desk: Desk) -> None:
    row = desk.by_mail()
    client = Client()
    assert client.post(path_of(row), {"do": "say", "text": "Still."}).status_code == 302
    assert row.messages.filter(kind="request").count() == 2
    assert client.post(path_of(row), {"do": "say", "text": " "}).status_code == 400
    assert client.post(path_of(row), {"do": "rate", "stars": "5"}).status_code == 409
    assert client.post(path_of(row), {"do": "solved"}).status_code == 409
    desk.triaged(row=row)
    moving.resolve(row, actor=desk.by(desk.primary), resolution="A new password.")
    assert "Is it solved?" in client.get(path_of(row)).content.decode()
    client.post(path_of(row), {"do": "say", "text": "It is not."})
    row.refresh_from_db()
    assert row.status == "reopened"
    moving.resolve(row, actor=desk.by(desk.primary), resolution="Another one.")
    assert client.post(path_of(row), {"do": "solved"}).status_code == 302
    row.refresh_from_db()
    assert row.status == "closed"
    for stars in ("2", "5"):
        client.post(path_of(row), {"do": "rate", "stars": stars, "remark": "Quick."})
    assert client.post(path_of(row), {"do": "rate", "stars": "9"}).status_code == 400
    assert TicketRating.objects.get().stars == 5
    assert "Quick." in client.get(path_of(row)).content.decode()


def test_answers__are_read_by_anybody_and_kept_by_proxies(
    desk: Desk, door: SupportDoor, article: Article
) -> None:
    articles.create_article(desk.workspace, actor=make.JOB, title="A draft about signing", text="x",
                            audience="public")  # fmt: skip
    inner = articles.create_article(
        desk.workspace, actor=make.JOB, title="How we sign in ourselves", text="x"
    )
    articles.publish_article(inner, actor=make.JOB)
    client = Client()
    listed = client.get(f"{ASK}answers/?q=signing").content.decode()
    assert "When signing in fails" in listed
    assert "draft" not in listed
    assert "ourselves" not in client.get(f"{ASK}answers/").content.decode()
    one = f"{ASK}answers/{article.slug}/"
    page = client.get(one)
    assert "<strong>new</strong>" in page.content.decode()
    assert "<script>" not in page.content.decode()
    assert "public" in page["Cache-Control"]
    assert not page.cookies
    assert client.get(one, headers={"if-none-match": page["ETag"]}).status_code == 304
    client.post(f"{one}judge", {"helped": "yes"})
    assert client.post(f"{one}judge", {"helped": "no"})["Location"] == ASK
    article.refresh_from_db()
    assert (article.helped, article.helped_not) == (1, 1)
    assert client.get(f"{ASK}answers/{inner.slug}/").status_code == 404


def test_stranger__sees_nothing(desk: Desk, door: SupportDoor) -> None:
    row, client = desk.by_mail(), Client()
    token = links.token_of(row)
    moving.revoke_links(row, actor=desk.by(desk.primary), reason="Passed on.")
    for path in (f"/support/t/{token}", "/support/t/made-up", f"/support/t/{token[:-2]}xx"):
        assert client.get(path).status_code == 404
        assert client.post(path, {"do": "say", "text": "Let me in."}).status_code == 404
    doors.change_door(door, actor=make.JOB, is_open=False)
    for path in (ASK, f"{ASK}answers/", "/support/nowhere/"):
        assert client.get(path).status_code == 404
    assert client.post(ASK, FORM).status_code == 404
    assert Ticket.objects.count() == 1


def test_link__what_is_refused_takes_its_place_too(desk: Desk) -> None:
    row, client = desk.by_mail(), Client()
    most = doors.SAID_PER_TICKET.value
    for number in range(most):
        sent = {"do": "rate", "stars": "9"} if number % 2 else {"do": "solved"}
        assert client.post(path_of(row), sent).status_code == 409
    for sent in ({"do": "rate", "stars": "5"}, {"do": "solved"}):
        assert client.post(path_of(row), sent).status_code == 429

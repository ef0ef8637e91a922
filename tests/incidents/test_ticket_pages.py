"""The desk in the console: its queue, the page of a ticket, its forms, answers from there; figures;
who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.base.registries import home_rows, kpis
from controlplane.lib import clock
from incidents import links
from incidents.models import Ticket, TicketMail
from incidents.support import canned, escalating, moving, ticket_figures
from incidents.support import links as signed
from tests import make
from tests.kit import settled
from tests.kit.support import Desk

pytestmark = pytest.mark.django_db
LIST = "/admin/incidents/ticket/"


@settled.once
def desk() -> Desk:
    desk = Desk(make.workspace())
    for person in (desk.viewer, desk.docs, desk.sre, *desk.everybody()):
        assert person.pk
    return desk


@settled.once
def browser(desk: Desk) -> Client:
    return make.client(desk.primary)


def refs(answer: Any) -> list[str]:
    return [row.ref for row in answer.context["cl"].result_list]


def text(answer: Any) -> str:
    assert answer.status_code == 200, answer.status_code
    return str(answer.content.decode())


def url(row: Ticket, name: str, *more: Any) -> str:
    return reverse(f"tickets:{name}", args=(row.uid, *more))


def test_queue__has_what_runs_out_first_on_top_and_its_questions(
    desk: Desk, browser: Client
) -> None:
    calm = desk.by_mail()
    late = desk.by_mail("Late", requester_email="b@example.com")
    Ticket.objects.filter(pk=late.pk).update(acknowledge_due_at=clock.now() - timedelta(hours=1))
    mine = moving.acknowledge(desk.by_mail("Mine"), actor=desk.by(desk.primary))
    desk.answer(mine, "Which?", ask=True)
    over = desk.resolved()
    assert refs(browser.get(LIST, follow=True)) == [late.ref, calm.ref, mine.ref]
    for question, found in (
        ("standing=mine", [mine]), ("standing=new", [late, calm]), ("standing=breaching", [late]),
        ("standing=waiting", [mine]), ("standing=over", [over]), ("view=all&q=late", [late]),
        ("view=all&q=b%40example.com", [late]),
    ):  # fmt: skip
        assert refs(browser.get(f"{LIST}?{question}")) == [each.ref for each in found], question
    with CaptureQueriesContext(connection) as asked:
        browser.get(f"{LIST}?standing=open")
    assert len(asked) <= 10
    home = {row.slug: row for row in home_rows}["incidents.tickets"]
    first = home.rows(desk.by(desk.primary), desk.workspace.pk)[0]
    assert (first.title, first.tone) == (f"{late.ref} Late", "bad")


def test_page__tells_what_comes_next_and_lets_one_answer(desk: Desk, browser: Client) -> None:
    row = desk.by_mail(category="deployment")
    other = desk.by_mail("Another of hers")
    page = text(browser.get(links.page_of(row), follow=True))
    for words in ("Nobody has said yet", "It says no.", other.ref, "ann@example.com",
                  signed.token_of(row), "for questions of deployment"):  # fmt: skip
        assert words in page, words
    sent = {"text": "Try again.", "kind": "ask", "files": SimpleUploadedFile("a.txt", b"A log.")}
    assert browser.post(url(row, "say"), sent).status_code == 302
    row.refresh_from_db()
    assert row.status == "waiting"
    said = row.messages.latest("pk")
    assert (said.text, said.files[0]["title"]) == ("Try again.", "a.txt")
    browser.post(url(row, "say"), {"text": "She is new.", "kind": "note"})
    browser.post(url(row, "better", said.uid), {"text": "Please try again."})
    page = text(browser.get(links.page_of(row), follow=True))
    assert "Please try again." in page
    assert "As it was said first" in page
    refused = browser.post(url(row, "say"), {"text": "", "kind": "answer"})
    assert refused.status_code == 400
    assert "Say something" in refused.content.decode()


def test_canned__is_filled_counted_and_looked_over_before_it_goes(
    desk: Desk, browser: Client
) -> None:
    reply = canned.create_reply(
        desk.workspace, actor=desk.by(desk.admin), title="Hello", shortcut="hello",
        body="Dear {name}, of {ref}. {me}",
    )  # fmt: skip
    row = desk.by_mail()
    assert "Reply that is given often" in text(browser.get(links.page_of(row), follow=True))
    form = text(browser.post(url(row, "canned"), {"reply": str(reply.uid)}))
    assert f"Dear Ann, of {row.ref}. {desk.primary.name}</textarea>" in form
    assert row.messages.count() == 1
    assert browser.post(url(row, "canned"), {"reply": "moon"}).status_code == 404
    refused = make.client(desk.viewer).post(url(row, "canned"), {"reply": str(reply.uid)})
    assert refused.status_code == 403


def test_canned__for_the_desk_alone_is_sent_to_nobody(desk: Desk, browser: Client) -> None:
    reply = canned.create_reply(
        desk.workspace, actor=desk.by(desk.admin), title="Look", shortcut="look",
        body="Look at {ref} in the log first.", audience="desk",
    )  # fmt: skip
    row = desk.by_mail()
    form = text(browser.post(url(row, "canned"), {"reply": str(reply.uid)}))
    assert 'value="note"' in form
    assert 'value="answer"' not in form
    assert 'value="ask"' not in form
    refused = browser.post(url(row, "say"), {"text": "", "kind": "note", "desk_only": "1"})
    assert (refused.status_code, 'value="answer"' in refused.content.decode()) == (400, False)
    browser.post(url(row, "say"), {"text": "Look first.", "kind": "answer", "desk_only": "1"})
    assert row.messages.latest("pk").kind == "note"


def test_moves__ask_do_and_keep_what_was_typed(desk: Desk, browser: Client) -> None:
    row = desk.by_mail()
    assert browser.post(url(row, "move", "acknowledge")).status_code == 302
    form = text(browser.get(url(row, "move", "triage")))
    assert "Somebody can&#x27;t go on" in form
    given = {"priority": "p1", "category": "database", "version": "1"}
    late = browser.post(url(row, "move", "triage"), given)
    assert late.status_code == 409
    row.refresh_from_db()
    given["version"] = str(row.version)
    assert browser.post(url(row, "move", "triage"), given).status_code == 302
    row.refresh_from_db()
    assert (row.priority, row.status) == ("p1", "triaged")
    browser.post(url(row, "move", "assign"), {"assignee": str(desk.docs.pk)})
    empty = browser.post(url(row, "move", "resolve"), {"resolution": ""})
    assert (empty.status_code, Ticket.objects.get(pk=row.pk).status) == (400, "triaged")
    done = {"resolution": "A new password.", "snapshot": "on"}
    assert browser.post(url(row, "move", "resolve"), done).status_code == 302
    row.refresh_from_db()
    assert (row.status, row.assignee, row.snapshot is not None) == ("resolved", desk.docs, True)
    assert "There is nothing to do here" in text(browser.get(url(row, "move", "triage")))
    assert browser.get(url(row, "move", "moon")).status_code == 404


def test_escalate__in_one_step_and_both_pages_lead_to_each_other(
    desk: Desk, browser: Client
) -> None:
    row, other = desk.by_mail(), desk.by_mail("The same trouble")
    browser.post(url(row, "move", "escalate"), {"severity": "sev2", "reason": "All of us."})
    row.refresh_from_db()
    incident = row.incident
    assert incident is not None
    browser.post(url(other, "move", "attach"), {"incident": str(incident.pk)})
    assert incident.ref in text(browser.get(links.page_of(row), follow=True))
    page = text(browser.get(links.page_of(incident), follow=True))
    assert row.ref in page
    assert other.ref in page
    browser.post(url(other, "move", "merge"), {"into": str(row.pk)})


def test_new__by_hand_for_whoever_called(desk: Desk, browser: Client) -> None:
    given = {"subject": "By telephone", "body": "It says no.", "category": "question",
             "priority": "p2", "channel": "support", "requester_name": "Ann"}  # fmt: skip
    assert browser.post(reverse("tickets:new"), given).status_code == 302
    row = Ticket.objects.get(subject="By telephone")
    assert (row.source, row.requester_name, row.requester) == ("console", "Ann", None)
    wrong = browser.post(reverse("tickets:new"), {**given, "requester_email": "no"})
    assert (wrong.status_code, "Not an e-mail address" in wrong.content.decode()) == (400, True)


def test_forget__takes_who_asked_and_their_words_and_nothing_else(desk: Desk) -> None:
    row = desk.triaged(actor=make.JOB, source="email", requester_email="ann@example.com",
                       requester_name="Ann", body="My number is 5.")  # fmt: skip
    desk.answer(row, "Thank you.")
    admin = make.client(desk.admin)
    assert "can't be undone" in text(admin.get(url(row, "forget")))
    assert admin.post(url(row, "forget"), {"reason": "She asked for it."}).status_code == 302
    row.refresh_from_db()
    assert (row.requester_email, row.requester_name, row.subject) == (
        "", "Somebody", "***redacted***",
    )  # fmt: skip
    said = list(row.messages.order_by("pk").values_list("text", flat=True))
    assert said == ["***redacted***", "Thank you."]
    assert make.client(desk.primary).post(url(row, "forget"), {"reason": "x"}).status_code == 403


def test_figures__tell_how_promises_were_kept(desk: Desk, browser: Client) -> None:
    kept = desk.by_mail()
    desk.answer(kept)
    late = desk.by_mail("b", requester_email="b@example.com")
    past = clock.now() - timedelta(hours=1)
    Ticket.objects.filter(pk=late.pk).update(acknowledge_due_at=past, triage_due_at=past)
    moving.mark_spam(desk.by_mail("Spam", requester_email="c@x.org"), actor=desk.by(desk.primary))
    since, until = clock.now() - timedelta(days=1), clock.now() + timedelta(minutes=1)
    [line] = ticket_figures.lines([desk.workspace.pk], "priority", since, until)
    assert (line.opened, line.waiting) == (2, 2)
    assert (line.acknowledge.percent, line.triage.percent, line.respond.percent) == (50, 0, 100)
    parts = ticket_figures.share("acknowledge", desk.workspace.pk, since, until)
    assert (parts.value, parts.numerator, parts.denominator) == (50.0, 1, 2)
    assert (
        ticket_figures.share("respond", desk.workspace.pk, since, until, priority="p1").value
        is None
    )
    assert {"support.acknowledged", "support.responded_p1"} <= {each.slug for each in kpis}
    page = text(browser.get(reverse("tickets:figures")))
    assert "50 %" in page
    assert "2 open" in page


def test_mails__are_listed_with_what_became_of_them(desk: Desk, browser: Client) -> None:
    TicketMail.objects.create(
        workspace=desk.workspace, outcome="refused", why="It says nothing.", size=1, digest="x"
    )
    page = text(browser.get("/admin/incidents/ticketmail/?view=all"))
    assert "Refused" in page


def test_stranger__sees_none_and_a_viewer_changes_none(desk: Desk) -> None:
    row = desk.by_mail()
    far = make.client(make.person(make.workspace(), "primary_operator"))
    assert far.get(links.page_of(row)).status_code == 404
    assert far.get(url(row, "move", "triage")).status_code == 404
    assert far.post(url(row, "say"), {"text": "x"}).status_code == 404
    assert refs(far.get(f"{LIST}?view=all")) == []
    viewer = make.client(desk.viewer)
    page = text(viewer.get(links.page_of(row), follow=True))
    assert signed.token_of(row) not in page
    for path, data in ((url(row, "say"), {"text": "x"}), (url(row, "move", "acknowledge"), {})):
        assert viewer.post(path, data).status_code == 403
    escalating.escalate(row, actor=desk.by(desk.primary), reason="So.", severity="sev4")
    assert viewer.get(reverse("tickets:new")).status_code == 200

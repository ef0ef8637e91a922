"""People are called for a P1 ticket: by its policy, step by step, until somebody acknowledges it.
And whoever asked is reminded while a ticket waits for them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db.models.functions import Now
from django.test import Client

from controlplane.audit.models import AuditEvent
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.errors import NotAllowed
from controlplane.notify import answers
from controlplane.notify.models import AnswerLink, ContactMethod, Delivery, Notification
from incidents.models import EscalationRun, Incident, Page, Ticket
from incidents.paging import auditing, figures, stepping
from incidents.support import calling, escalating, moving, waiting
from tests import make
from tests.kit import settled
from tests.kit.incidents import Caller
from tests.kit.support import NOON, Desk

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = 60, 3_600, 86_400


@settled.once
def desk() -> Desk:
    desk = Desk(make.workspace())
    people = [desk.viewer, desk.docs, *desk.everybody(), desk.person("release_manager")]
    assert all(person.pk for person in people)
    return desk


def called() -> list[str]:
    """By name, in their order."""
    rows = Page.objects.filter(ticket__isnull=False, notification__isnull=False).order_by("pk")
    return [page.whom for page in rows]


def goes_by(desk: Desk, seconds: float) -> None:
    desk.later(seconds)
    desk.promises()


def tap(person: Any) -> Any:
    link = AnswerLink.objects.filter(person=person).latest("pk")
    url = answers.url_of(link, calling.ACKNOWLEDGE)
    return Client().post("/" + url.partition("://")[2].partition("/")[2])


def ended_wrongly(row: Ticket) -> None:
    row.escalations.update(
        status="ended", next_at=None, ended_at=Now() - timedelta(minutes=2), ended_why="By a bug."
    )


# --- Calls ----------------------------------------------------------------------------------------


def test_p1__calls_its_policy_step_by_step_and_opens_no_incident(desk: Desk) -> None:
    row = desk.ticket("Nobody can pay", priority="p1")
    desk.tick()
    assert called() == ["Primary operator"]
    goes_by(desk, 14 * MINUTE)
    assert called() == ["Primary operator"]
    goes_by(desk, 2 * MINUTE)
    goes_by(desk, 16 * MINUTE)
    assert called() == ["Primary operator", "Secondary operator", "Release manager"]
    assert not Incident.objects.exists()
    news = Notification.objects.filter(kind=calling.KIND).first()
    assert news is not None
    assert (news.urgency, news.subject) == ("critical", f"{row.ref} P1: Nobody can pay")
    assert "It says no." in news.body
    desk.send()
    assert [sent.to for sent in mail.outbox].count([desk.primary.email]) >= 1


def test_p1__that_nobody_answers_begins_again_and_ends_with_the_admins(desk: Desk) -> None:
    row = desk.ticket(priority="p1")
    for _ in range(12):
        goes_by(desk, HOUR)
    # Three steps and whoever keeps the workspace, twice.
    assert called().count("Primary operator") == 2
    assert called().count("Workspace admin") == 2
    assert desk.told(stepping.UNANSWERED) == [f"{row.ref}: nobody answered: I can't sign in"]
    goes_by(desk, DAY)
    assert len(called()) == 8


def test_acknowledged_by_one_tap__nobody_else_is_called(desk: Desk) -> None:
    row = desk.ticket(priority="p1")
    desk.tick()
    done = tap(desk.primary)
    assert done.status_code == 200
    row.refresh_from_db()
    assert (row.status, row.acknowledged_by) == ("acknowledged", desk.primary)
    assert "already" in tap(desk.primary).content.decode()
    assert not Delivery.objects.filter(notification__kind=calling.KIND, state="waiting").exists()
    goes_by(desk, DAY)
    assert called() == ["Primary operator"]
    assert AuditEvent.objects.filter(action__startswith="paging.").count() == 2
    page = Page.objects.get()
    assert (page.status, page.answered_by_way, page.run.status) == ("answered", "link", "answered")


def test_telephone__is_called_a_while_after_the_mail(desk: Desk) -> None:
    way = ContactMethod.objects.create(
        user=desk.primary, kind="sms", target="+491701234567", verified_at="2026-01-01T00:00:00Z"
    )
    desk.ticket(priority="p1")
    desk.tick()
    by = Delivery.objects.filter(notification__kind=calling.KIND)
    assert set(by.values_list("method", flat=True)) == {"inbox", "email"}
    goes_by(desk, 5 * MINUTE)
    assert by.filter(contact_method=way).count() == 1
    goes_by(desk, MINUTE)
    assert by.count() == 3, "each way once"


def test_other_priorities__call_nobody_until_they_become_p1(desk: Desk) -> None:
    desk.ticket(priority="p2")
    seen = desk.triaged("p2")
    desk.tick()
    assert called() == []
    moving.change_priority(seen, "p1", actor=desk.by(desk.primary), reason="More are touched.")
    desk.tick()
    assert called() == [], "somebody has it"
    raised = desk.ticket()
    moving.change_priority(raised, "p1", actor=desk.by(desk.primary), reason="More are touched.")
    desk.tick()
    assert called() == ["Primary operator"]
    moving.change_priority(raised, "p2", actor=desk.by(desk.primary), reason="Fewer are.")
    goes_by(desk, DAY)
    assert called() == ["Primary operator"]


def test_step_that_nobody_stands_behind__is_passed_over() -> None:
    desk = Desk(make.workspace())
    assert desk.secondary.pk
    desk.ticket(priority="p1", actor=make.JOB, source="email", requester_email="a@example.com")
    desk.tick()
    assert called() == ["Secondary operator"]


def test_calls__stand_in_the_list_of_calls_and_on_the_page_of_the_ticket(desk: Desk) -> None:
    row = desk.ticket("Nobody can pay", priority="p1")
    desk.tick()
    page = Page.objects.get(ticket=row)
    seen, browser = Caller(desk.primary), make.client(desk.primary)
    (told,) = seen.get("/api/v1/pages", ticket=row.ref)["items"]
    assert (told["ticket"], told["incident"], told["name"]) == (row.ref, None, "Primary operator")
    (run,) = seen.get("/api/v1/escalations", ticket=row.ref)["items"]
    assert (run["ticket"], run["status"], run["policy"]) == (row.ref, "running", "p1")
    for path in (
        "page/?view=all",
        f"page/{page.uid}/change/",
        f"escalationrun/{page.run.uid}/change/",
    ):
        shown = browser.get(f"/admin/incidents/{path}").content.decode()
        assert f"{row.ref} Nobody can pay" in shown, path
    assert (
        "Who was called"
        in browser.get(f"/admin/incidents/ticket/{row.uid}/change/").content.decode()
    )
    other = make.client(Desk(make.workspace()).primary)
    assert other.get(f"/admin/incidents/page/{page.uid}/change/").status_code in {302, 404}
    assert row.ref not in other.get("/admin/incidents/page/?view=all").content.decode()


def test_missed_page__counts_until_somebody_acknowledges(desk: Desk) -> None:
    row = desk.by_mail(priority="p1")  # covered at every hour
    desk.tick()

    def told(after: float) -> figures.Figures:
        return figures.figures(make.JOB, desk.workspace.pk, clock.now() + timedelta(seconds=after))

    assert (told(MINUTE).missed, told(HOUR).missed) == (0, 1)
    (line,) = told(HOUR).by_severity
    assert (line.label, line.incidents, line.late, line.goal_s) == ("P1 tickets", 1, 1, 15 * MINUTE)
    (missed,) = Caller(desk.primary).get("/api/v1/paging/figures")["latest_missed"] or [None]
    assert missed is None
    moving.acknowledge(row, actor=desk.by(desk.primary))
    (line,) = told(HOUR).by_severity
    assert (told(HOUR).missed, line.in_time, line.late) == (0, 1, 0)
    moving.mark_spam(desk.by_mail(priority="p1"), actor=desk.by(desk.primary))
    assert told(HOUR).by_severity[0].incidents == 1


def test_nobody_reached__the_next_is_called_at_once(desk: Desk) -> None:
    desk.ticket(priority="p1")
    desk.tick()
    Delivery.objects.filter(notification__kind=calling.KIND).exclude(method="inbox").update(
        state="dead"
    )
    desk.tick()
    desk.tick()
    assert Page.objects.filter(status="unreached").exists()
    assert called() == ["Primary operator", "Secondary operator"]


def test_spam_and_incidents__call_nobody_any_further(desk: Desk) -> None:
    spam, grave = desk.ticket(priority="p1"), desk.ticket(priority="p1")
    desk.tick()
    moving.mark_spam(spam, actor=desk.by(desk.primary))
    escalating.attach(grave, desk.quiet(), actor=make.JOB, reason="It is the same.")
    assert not EscalationRun.objects.filter(ticket__isnull=False, status="running").exists()
    assert not Delivery.objects.filter(notification__kind=calling.KIND, state="waiting").exists()
    moving.unmark_spam(spam, actor=desk.by(desk.primary))
    assert EscalationRun.objects.get(status="running").ticket == spam


def test_on_call__has_one_button_for_a_ticket(desk: Desk) -> None:
    row = desk.ticket("Nobody can pay", priority="p1")
    desk.tick()
    browser = make.client(desk.primary)
    shown = browser.get("/admin/on-call/").content.decode()
    assert f"P1 {row.ref}" in shown
    button = f"/admin/on-call/{row.uid}/"
    assert button in shown
    strange = make.client(Desk(make.workspace()).primary).post(button)
    assert strange.status_code == 404
    browser.post(button)
    row.refresh_from_db()
    assert row.acknowledged_by == desk.primary
    assert Page.objects.get().answered_by_way == "phone"


def test_text_message__tells_a_ticket_from_an_incident_of_its_number(desk: Desk) -> None:
    row, incident = desk.ticket(priority="p1"), desk.incident("sev2")
    desk.tick()
    codes = set(AnswerLink.objects.filter(person=desk.primary).values_list("subject", "code"))
    assert len(codes) == len({code for _, code in codes}) == 2, (row.ref, incident.ref)


def test_stranger__acknowledges_nothing(desk: Desk) -> None:
    row = desk.ticket(priority="p1")
    desk.tick()
    with pytest.raises(NotAllowed):
        moving.acknowledge(row, actor=make.actor(Desk(make.workspace()).primary))
    other = make.actor(desk.viewer)
    with pytest.raises(NotAllowed):
        moving.acknowledge(row, actor=other)


# --- Whoever asked is reminded --------------------------------------------------------------------


def asked(desk: Desk) -> Ticket:
    row = desk.by_mail()
    desk.answer(row, "Which browser is it?", ask=True)
    row.refresh_from_db()
    return row


def test_waiting__whoever_asked_is_reminded_twice_then_the_desk_is_told(desk: Desk) -> None:
    row = asked(desk)
    for _ in range(2):
        goes_by(desk, 20 * DAY)
    desk.send()
    mails = [sent for sent in mail.outbox if sent.to == ["ann@example.com"]]
    reminders = [sent for sent in mails if "We still wait for your answer" in str(sent.body)]
    assert len(reminders) == 2
    assert "> Which browser is it?" in str(reminders[0].body)
    row.refresh_from_db()
    assert row.silent_at is None
    goes_by(desk, 20 * DAY)
    row.refresh_from_db()
    assert (row.status, row.silent_at is not None) == ("waiting", True)
    assert desk.told("ticket.moved") == [
        f"{row.ref} waits for somebody who does not answer: I can't sign in"
    ]
    goes_by(desk, 90 * DAY)
    assert row.messages.filter(text__startswith="We still wait").count() == 2
    found = Caller(desk.primary).get("/api/v1/tickets", silent="true")["items"]
    assert [each["ref"] for each in found] == [row.ref]
    browser = make.client(desk.primary)
    page = browser.get(f"/admin/incidents/ticket/{row.uid}/change/").content.decode()
    assert "was reminded and said nothing" in page
    assert row.ref in browser.get("/admin/incidents/ticket/?standing=silent").content.decode()


def test_asked_again__the_reminders_begin_anew(desk: Desk) -> None:
    row = asked(desk)
    for _ in range(3):
        goes_by(desk, 20 * DAY)
    desk.answer(row, "Can we call you?", ask=True)
    row.refresh_from_db()
    assert row.silent_at is None
    goes_by(desk, 20 * DAY)
    assert row.messages.filter(text__startswith="We still wait").count() == 3


def test_what_waits_no_more__reminds_nobody(desk: Desk) -> None:
    row = asked(desk)
    moving.begin(row, actor=desk.by(desk.primary))
    goes_by(desk, 20 * DAY)
    assert not row.messages.filter(text__startswith="We still wait").exists()


@time_machine.travel(NOON, tick=False)
def test_reminder__is_promised_in_hours_that_are_covered(desk: Desk) -> None:
    row = desk.ticket(channel="support", source="console")
    desk.answer(row, "Which browser is it?", ask=True)
    due = Timer.objects.get(kind=waiting.REMIND).due_at
    assert (due - datetime.fromisoformat(NOON)).total_seconds() > waiting.AFTER.value


# --- What the minute's audit finds ----------------------------------------------------------------


def test_audit__a_call_that_ended_wrongly__begins_anew_and_is_told_once(desk: Desk) -> None:
    row = desk.ticket(priority="p1")
    desk.later(1)
    ended_wrongly(row)
    assert auditing.audit()["forgotten"] == 1
    assert row.escalations.filter(status="running").count() == 1
    assert Notification.objects.filter(kind="paging.repaired").count() == 1
    assert AuditEvent.objects.filter(
        action="paging.repaired", subject_ref=f"incidents.ticket:{row.pk}"
    ).exists()
    assert auditing.audit()["forgotten"] == 0


def test_audit__what_nobody_need_be_called_for__is_left_alone(desk: Desk) -> None:
    seen, graver, over, calm = (desk.ticket(priority="p1") for _ in range(4))
    moving.acknowledge(seen, actor=desk.by(desk.primary))
    for row in (seen, graver, over, calm):
        ended_wrongly(row)
    escalating.attach(graver, desk.quiet(), actor=make.JOB, reason="It is the same.")
    moving.mark_spam(over, actor=desk.by(desk.primary))
    Ticket.objects.filter(pk=calm.pk).update(priority="p2")
    assert auditing.audit()["forgotten"] == 0


def test_watch__a_ticket_nobody_answered_for__is_said_until_somebody_has_it(desk: Desk) -> None:
    row = desk.ticket(priority="p1")
    row.escalations.update(status="unanswered", next_at=None, ended_at=Now(), ended_why="Nobody.")
    [silent] = auditing.paging()
    assert (silent.subject, silent.critical) == ("unanswered", False)
    moving.acknowledge(row, actor=desk.by(desk.primary))
    assert list(auditing.paging()) == []

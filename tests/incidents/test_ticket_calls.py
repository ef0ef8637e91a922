"""People are called for a P1 ticket: by its policy, step by step, until somebody acknowledges it.
And whoever asked is reminded while a ticket waits for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client

from controlplane.audit.models import AuditEvent
from controlplane.jobs.models import Timer
from controlplane.lib.errors import NotAllowed
from controlplane.notify import answers
from controlplane.notify.models import AnswerLink, ContactMethod, Delivery, Notification
from incidents.models import Incident, Ticket
from incidents.support import calling, moving, waiting
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
    rows = Notification.objects.filter(kind=calling.KIND).order_by("pk")
    return [row.answer_links.get().person.name for row in rows]


def goes_by(desk: Desk, seconds: float) -> None:
    """Timers come one at a time: each sets the next one from now."""
    desk.later(seconds, tick=False)
    desk.promises()


def tap(person: Any) -> Any:
    link = AnswerLink.objects.filter(person=person).latest("pk")
    url = answers.url_of(link, calling.ACKNOWLEDGE)
    return Client().post("/" + url.partition("://")[2].partition("/")[2])


# --- Calls ----------------------------------------------------------------------------------------


def test_p1__calls_its_policy_step_by_step_and_opens_no_incident(desk: Desk) -> None:
    row = desk.ticket("Nobody can pay", priority="p1")
    desk.promises()
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
    assert desk.told(calling.UNANSWERED) == [f"{row.ref}: nobody answered: I can't sign in"]
    goes_by(desk, DAY)
    assert len(called()) == 8


def test_acknowledged_by_one_tap__nobody_else_is_called(desk: Desk) -> None:
    row = desk.ticket(priority="p1")
    desk.promises()
    done = tap(desk.primary)
    assert done.status_code == 200
    row.refresh_from_db()
    assert (row.status, row.acknowledged_by) == ("acknowledged", desk.primary)
    assert "already" in tap(desk.primary).content.decode()
    assert not Delivery.objects.filter(notification__kind=calling.KIND, state="waiting").exists()
    goes_by(desk, DAY)
    assert called() == ["Primary operator"]
    assert AuditEvent.objects.filter(action="ticket.call").count() == 1


def test_telephone__is_called_a_while_after_the_mail(desk: Desk) -> None:
    way = ContactMethod.objects.create(
        user=desk.primary, kind="sms", target="+491701234567", verified_at="2026-01-01T00:00:00Z"
    )
    desk.ticket(priority="p1")
    desk.promises()
    by = Delivery.objects.filter(notification__kind=calling.KIND)
    assert set(by.values_list("method", flat=True)) == {"inbox", "email"}
    goes_by(desk, 5 * MINUTE)
    assert by.filter(contact_method=way).count() == 1
    goes_by(desk, MINUTE)
    assert by.count() == 3, "each way once"


def test_other_priorities__call_nobody_until_they_become_p1(desk: Desk) -> None:
    desk.ticket(priority="p2")
    seen = desk.triaged("p2")
    desk.promises()
    assert called() == []
    moving.change_priority(seen, "p1", actor=desk.by(desk.primary), reason="More are touched.")
    desk.promises()
    assert called() == [], "somebody has it"
    raised = desk.ticket()
    moving.change_priority(raised, "p1", actor=desk.by(desk.primary), reason="More are touched.")
    desk.promises()
    assert called() == ["Primary operator"]
    moving.change_priority(raised, "p2", actor=desk.by(desk.primary), reason="Fewer are.")
    goes_by(desk, DAY)
    assert called() == ["Primary operator"]


def test_step_that_nobody_stands_behind__is_passed_over() -> None:
    desk = Desk(make.workspace())
    assert desk.secondary.pk
    desk.ticket(priority="p1", actor=make.JOB, source="email", requester_email="a@example.com")
    desk.promises()
    assert called() == ["Secondary operator"]


def test_stranger__acknowledges_nothing(desk: Desk) -> None:
    row = desk.ticket(priority="p1")
    desk.promises()
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

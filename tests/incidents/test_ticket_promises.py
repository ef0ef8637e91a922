"""Promises of a ticket as people step in: what was late already is on record, reminders come while
somebody is there, and what is grave is escalated whoever finds it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from controlplane.audit.models import AuditEvent
from controlplane.jobs.models import Timer
from controlplane.lib.errors import InvalidTransition, NotAllowed
from controlplane.notify.models import Notification
from incidents.models import Ticket, TicketMiss
from incidents.support import clocks, describing, escalating, lateness, moving
from tests import make
from tests.kit import settled
from tests.kit.support import NOON, Desk, incident_of, minutes, noon

pytestmark = pytest.mark.django_db


@settled.once
def desk() -> Desk:
    desk = Desk(make.workspace())
    for person in (desk.viewer, desk.docs, desk.sre, *desk.everybody()):
        assert person.pk
    return desk


def misses(row: Ticket) -> set[str]:
    return set(TicketMiss.objects.filter(ticket=row).values_list("clock", flat=True))


# --- Kept too late --------------------------------------------------------------------------------

_STEPS: dict[str, Any] = {
    "acknowledge": lambda desk, row, who: moving.acknowledge(row, actor=who),
    "triage": lambda desk, row, who: moving.triage(
        row, actor=who, priority="p2", category="question"
    ),
    "merge": lambda desk, row, who: moving.merge(row, desk.by_mail("b"), actor=who),
    "escalate": lambda desk, row, who: escalating.escalate(row, actor=who, reason="All of us."),
}  # fmt: skip


@pytest.mark.parametrize("step", sorted(_STEPS))
def test_late__is_on_record_whatever_keeps_it(desk: Desk, step: str) -> None:
    row = desk.by_mail()
    past = row.opened_at - timedelta(hours=1)
    Ticket.objects.filter(pk=row.pk).update(acknowledge_due_at=past, triage_due_at=past)
    _STEPS[step](desk, row, desk.by(desk.primary))
    assert misses(row) == {"acknowledge", "triage"}


def test_late__is_on_record_when_it_is_resolved(desk: Desk) -> None:
    row = desk.triaged(row=desk.by_mail())
    Ticket.objects.filter(pk=row.pk).update(respond_due_at=row.opened_at - timedelta(hours=1))
    moving.resolve(row, actor=desk.by(desk.primary), resolution="A new password.")
    assert misses(row) == {"respond"}


def test_stranger__marks_nothing(desk: Desk) -> None:
    row = desk.by_mail()
    past = row.opened_at - timedelta(hours=1)
    Ticket.objects.filter(pk=row.pk).update(acknowledge_due_at=past)
    far = Desk(make.workspace())
    for who in (far.by(far.primary), desk.by(desk.viewer)):
        for step in ("acknowledge", "triage", "merge", "escalate"):
            with pytest.raises(NotAllowed):
                _STEPS[step](desk, row, who)
    assert misses(row) == set()


# --- Reminded -------------------------------------------------------------------------------------


def reminded_at(row: Ticket, which: str) -> datetime:
    timer = Timer.objects.get(key=clocks.key_of(row, which), state="waiting")
    assert timer.kind == clocks.NEAR
    return timer.due_at


def test_reminder__comes_while_somebody_is_there(desk: Desk) -> None:
    with time_machine.travel(datetime(2026, 3, 6, 21, 50, tzinfo=UTC), tick=False):  # a Friday
        row = desk.ticket()
        # Due at 06:05 on Monday, of a desk that opens at six: 30 % of a quarter of an hour before.
        assert reminded_at(row, "acknowledge") == datetime(2026, 3, 9, 6, 0, 30, tzinfo=UTC)
        assert reminded_at(row, "respond") == datetime(2026, 3, 9, 9, 20, tzinfo=UTC)


def test_reminder__of_an_update_counts_from_when_it_was_promised(desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        row = desk.triaged("p1")
    with time_machine.travel(noon() + timedelta(hours=3), tick=False):
        row = moving.begin(row, actor=desk.by(desk.primary))
    # Within half an hour, nine minutes before.
    assert reminded_at(row, "update") == noon() + timedelta(hours=3, minutes=21)


def test_update__missed_counts_from_then_in_another_priority(desk: Desk) -> None:
    with time_machine.travel(NOON, tick=False):
        row = desk.triaged("p1")
    with time_machine.travel(noon() + timedelta(hours=5), tick=False):
        lateness.mark_late(row)
        row = moving.change_priority(row, "p2", actor=desk.by(desk.primary), reason="Only one.")
    assert row.next_update_due_at is not None
    assert row.next_update_due_at > noon() + timedelta(hours=5)


# --- Grave ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("found", ["triage", "priority"])
def test_p0__is_escalated_also_by_whoever_may_open_no_incident(desk: Desk, found: str) -> None:
    row, docs = desk.by_mail(), desk.by(desk.docs)
    with pytest.raises(NotAllowed):
        escalating.escalate(row, actor=docs, reason="All is out.")
    if found == "triage":
        row = moving.triage(row, actor=docs, priority="p0", category="other")
    else:
        row = moving.change_priority(row, "p0", actor=docs, reason="All is out.")
    assert (row.status, row.acknowledged_by, row.assignee) == ("escalated", desk.docs, desk.docs)
    assert incident_of(row).severity == "sev1"
    log = AuditEvent.objects.about(row)
    assert log.filter(action="ticket.triage", actor_ref=docs.ref).exists()
    assert desk.docs.name in log.filter(action="ticket.escalate").get().reason


@pytest.mark.parametrize("found", ["triage", "describe"])
def test_blocking__found_later_makes_it_p1_and_wakes_the_desk(desk: Desk, found: str) -> None:
    row, who = desk.by_mail(), desk.by(desk.primary)
    before = Notification.objects.filter(kind="ticket.opened", urgency="critical").count()
    if found == "triage":
        row = moving.triage(row, actor=who, priority="p2", category="question", blocking=True)
    else:
        row = describing.describe(row, actor=who, blocking=True)
    assert (row.priority, row.blocking, minutes(row, row.respond_due_at)) == ("p1", True, 15)
    woken = Notification.objects.filter(kind="ticket.opened", urgency="critical")
    assert woken.count() == before + 1


def test_blocking__known_before_is_no_news(desk: Desk) -> None:
    row, who = desk.by_mail(blocking=True), desk.by(desk.primary)
    row = moving.triage(row, actor=who, priority="p2", category="question", blocking=True)
    row = describing.describe(row, actor=who, blocking=True, subject="Only one of them")
    assert row.priority == "p2"


# --- Asked ----------------------------------------------------------------------------------------


def test_ask__again_while_it_waits_and_never_of_what_an_incident_stands_for(desk: Desk) -> None:
    row = desk.by_mail()
    for words in ("Which browser?", "And since when?"):
        desk.answer(row, words, ask=True)
    row.refresh_from_db()
    assert (row.status, row.messages.filter(kind="answer").count()) == ("waiting", 2)
    row = escalating.escalate(row, actor=desk.by(desk.primary), reason="All of us.")
    with pytest.raises(InvalidTransition, match="answer without waiting"):
        desk.answer(row, "Still?", ask=True)
    desk.answer(row, "We know.")

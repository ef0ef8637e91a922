"""Promises of tickets: counted, reminded of, missed; what becomes of the incident a ticket stands
for; and whatever is tried in whatever order."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.audit.models import AuditEvent
from controlplane.base import states
from controlplane.jobs.models import Timer
from controlplane.lib.errors import (
    Conflict,
    ControlPlaneError,
    GateNotMet,
    Invalid,
    InvalidTransition,
)
from controlplane.notify.models import Notification
from controlplane.work.models import Dependency
from incidents.models import Incident, Ticket, TicketMiss
from incidents.records import moving as incidents_moving
from incidents.response import updates
from incidents.support import answering, clocks, escalating, moving
from tests import make
from tests.kit import settled
from tests.kit.incidents import looked
from tests.kit.support import Desk, incident_of, minutes

pytestmark = pytest.mark.django_db


@settled.once
def desk() -> Desk:
    desk = Desk(make.workspace())
    for person in (desk.viewer, desk.docs, desk.sre, *desk.everybody()):
        assert person.pk
    return desk


def refusals(tried: Any) -> type[ControlPlaneError] | None:
    try:
        with transaction.atomic():
            tried()
    except ControlPlaneError as error:
        return type(error)
    return None


# --- Clocks ---------------------------------------------------------------------------------------


def test_priority__counts_the_clocks_anew_with_a_reason(desk: Desk) -> None:
    row = desk.triaged(actor=make.JOB, source="email", requester_email="a@example.com")
    row = moving.change_priority(row, "p1", actor=desk.by(desk.primary), reason="Many of them.")
    assert minutes(row, row.respond_due_at) == 15
    row = moving.change_priority(row, "p2", actor=desk.by(desk.primary), reason="Only one.")
    assert minutes(row, row.respond_due_at) == 240
    with pytest.raises(Invalid, match="reason"):
        moving.change_priority(row, "p1", actor=desk.by(desk.primary), reason="")
    with pytest.raises(Conflict):
        moving.change_priority(row, "p2", actor=desk.by(desk.primary), reason="Again.")
    row = moving.change_priority(row, "p0", actor=desk.by(desk.primary), reason="All is out.")
    assert row.status == "escalated"
    assert incident_of(row).severity == "sev1"


def test_promise__is_reminded_missed_once_and_told_along_the_ladder(desk: Desk) -> None:
    row = desk.by_mail()
    desk.later(11 * 60, tick=False)
    desk.promises()
    assert desk.told("ticket.near")[0].startswith("TKT-1: to be acknowledged by")
    desk.later(16 * 60, tick=False)
    desk.promises()
    desk.promises()
    [miss] = TicketMiss.objects.all()
    assert (miss.clock, miss.due_at, miss.times) == ("acknowledge", row.acknowledge_due_at, 1)
    [news] = Notification.objects.filter(kind="ticket.missed")
    assert set(news.deliveries.values_list("user", flat=True)) == {desk.primary.pk}
    desk.later(31 * 60, tick=False)
    desk.promises()
    second = Notification.objects.filter(kind="ticket.missed").latest("pk")
    assert desk.docs.pk in second.deliveries.values_list("user", flat=True)
    assert AuditEvent.objects.filter(action="ticket.missed").count() == 2


def test_promise__kept_too_late_is_a_miss_nobody_had_noticed(desk: Desk) -> None:
    row = desk.by_mail()
    past = row.opened_at - timedelta(hours=1)
    Ticket.objects.filter(pk=row.pk).update(acknowledge_due_at=past, respond_due_at=past)
    desk.answer(row)
    assert set(TicketMiss.objects.values_list("clock", flat=True)) == {"acknowledge", "respond"}


def test_update__missed_is_promised_anew_from_now(desk: Desk) -> None:
    row = desk.triaged(actor=make.JOB, source="email", requester_email="a@example.com")
    first = row.next_update_due_at
    for _ in range(2):  # reminded, then missed
        desk.later(61 * 60, tick=False)
        desk.promises()
    assert TicketMiss.objects.filter(clock="update").get().due_at == first
    row.refresh_from_db()
    assert row.next_update_due_at is not None
    assert first is not None
    assert Timer.objects.get(key=clocks.key_of(row, "update")).state == "waiting"


# --- Incidents ------------------------------------------------------------------------------------


def test_escalate__links_both_ways_and_follows_the_incident(desk: Desk) -> None:
    row = desk.by_mail()
    row = escalating.escalate(
        row, actor=desk.by(desk.primary), reason="All of us.", severity="sev2"
    )
    incident = incident_of(row)
    assert (row.status, row.next_update_due_at, row.triaged_at is not None) == (
        "escalated", None, True,
    )  # fmt: skip
    assert (incident.severity, incident.symptoms) == ("sev2", "It says no.")
    assert Dependency.objects.filter(item=incident.item, target=row.item).exists()
    about = AuditEvent.objects.about(incident).filter(action="ticket.escalate")
    after = about.get().after or {}
    assert after["ticket"] == row.ref
    again = escalating.escalate(row, actor=desk.by(desk.primary), reason="Again.")
    assert (again.incident, Incident.objects.count()) == (incident, 1)
    with pytest.raises(GateNotMet, match="not resolved yet"):
        moving.resolve(row, actor=desk.by(desk.primary), resolution="It works.")
    clocked = Ticket.objects.filter(pk=row.pk).clocked().get()
    incident.refresh_from_db()
    assert clocked.runs_out == min(incident.next_update_at, row.respond_due_at)  # type: ignore[type-var]


def test_incident__acknowledged_told_and_resolved_does_so_for_its_tickets(desk: Desk) -> None:
    row = desk.by_mail()
    other = desk.by_mail("The same", requester_email="b@example.com")
    incident = desk.quiet("sev2")
    for each in (row, other):
        escalating.attach(each, incident, actor=make.JOB)
        escalating.attach(each, incident, actor=make.JOB)
    row.refresh_from_db()
    assert row.acknowledged_at is None
    incidents_moving.acknowledge(incident, actor=desk.by(desk.primary))
    row.refresh_from_db()
    assert row.acknowledged_by == desk.primary
    updates.post_update(incident, actor=desk.by(desk.lead), text="We know.", audience="customers")
    assert row.messages.latest("pk").text == "We know."
    row.refresh_from_db()
    assert row.responded_at is not None
    incident = looked(incident)
    incidents_moving.resolve(incident, actor=make.JOB, reason="Restarted.")
    row.refresh_from_db()
    assert (row.status, row.next_update_due_at is not None) == ("working", True)
    assert len(desk.told("ticket.moved")) == 2


def test_incident__merged_takes_its_tickets_along(desk: Desk) -> None:
    row, first, second = desk.by_mail(), desk.quiet("sev2"), desk.quiet("sev2")
    escalating.attach(row, first, actor=make.JOB)
    incidents_moving.merge(first, second, actor=desk.by(desk.primary), reason="The same.")
    row.refresh_from_db()
    assert (row.status, row.incident) == ("escalated", second)


def test_attach__to_what_is_over_or_elsewhere_is_refused(desk: Desk) -> None:
    row = desk.by_mail()
    over = incidents_moving.resolve(desk.quiet("sev4"), actor=make.JOB, reason="Over.")
    with pytest.raises(InvalidTransition):
        escalating.attach(row, over, actor=desk.by(desk.primary))
    far = Desk(make.workspace()).quiet("sev4")
    with pytest.raises(Invalid):
        escalating.attach(row, far, actor=make.JOB)
    row = escalating.attach(row, desk.quiet("sev3"), actor=make.JOB)
    with pytest.raises(Conflict):
        escalating.attach(row, desk.quiet("sev3"), actor=make.JOB)


# --- Any way through ------------------------------------------------------------------------------

_STEPS: dict[str, Any] = {
    "acknowledge": lambda desk, row, who: moving.acknowledge(row, actor=who),
    "triage": lambda desk, row, who: moving.triage(
        row, actor=who, priority="p1", category="question"
    ),
    "priority": lambda desk, row, who: moving.change_priority(
        row, "p2" if row.priority == "p1" else "p1", actor=who, reason="So."
    ),
    "begin": lambda desk, row, who: moving.begin(row, actor=who),
    "answer": lambda desk, row, who: answering.answer(row, actor=who, text="So."),
    "ask": lambda desk, row, who: answering.answer(row, actor=who, text="So?", ask=True),
    "hear": lambda desk, row, who: answering.hear(row, actor=make.JOB, text="So!", source="email"),
    "escalate": lambda desk, row, who: escalating.escalate(row, actor=who, reason="So."),
    "over": lambda desk, row, who: row.incident and incidents_moving.cancel(
        row.incident, actor=who, reason="Nothing."
    ),
    "resolve": lambda desk, row, who: moving.resolve(row, actor=who, resolution="So."),
    "close": lambda desk, row, who: moving.close(row, actor=who),
    "reopen": lambda desk, row, who: moving.reopen(row, actor=who, reason="So."),
    "spam": lambda desk, row, who: moving.mark_spam(row, actor=who),
    "no spam": lambda desk, row, who: moving.unmark_spam(row, actor=who),
    "merge": lambda desk, row, who: moving.merge(row, desk.other, actor=who),
}  # fmt: skip


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from(sorted(_STEPS)), min_size=3, max_size=9))
def test_any_way__is_legal_or_refused_and_keeps_what_a_ticket_is(
    desk: Desk, steps: list[str]
) -> None:
    """Whatever is tried in whatever order: what is refused changes nothing, what ended has its
    note, what is over promises nothing, what is open is due some time."""
    table = states.table_of(Ticket)
    with transaction.atomic():
        row, desk.other = desk.by_mail(), desk.by_mail("b")  # type: ignore[attr-defined]
        for step in steps:
            before = row.status
            refused = refusals(partial(_STEPS[step], desk, row, desk.by(desk.primary)))
            row = Ticket.objects.get(pk=row.pk)
            if refused is not None:
                assert row.status == before
            elif row.status != before and step not in {"answer", "triage", "priority", "ask"}:
                assert row.status in table.steps[before]
            if row.status in {"resolved", "closed"}:
                assert row.resolution
                assert row.resolved_at
            if row.is_open:
                waits = row.status in {"waiting", "escalated"} or row.priority == "p0"
                assert row.due_at is not None or waits or row.status == "acknowledged"
            else:
                assert row.due_at is None
                assert row.next_update_due_at is None
                timers = Timer.objects.filter(key__endswith=str(row.uid), state="waiting")
                assert not timers.filter(kind__startswith="ticket.clock").exists()
        transaction.set_rollback(True)

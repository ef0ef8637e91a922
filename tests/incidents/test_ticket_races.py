"""Several at one ticket at the same moment, on connections of their own: one of them does it, the
others hear of it, and nothing is done twice. And promises over nights, holidays and changes of the
clock."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta

import pytest
import time_machine

from controlplane.lib.errors import Conflict, ControlPlaneError, InvalidTransition
from incidents.models import Incident, Ticket, TicketMail
from incidents.records import moving as incidents_moving
from incidents.support import answering, escalating, hours, moving, receiving
from tests import make
from tests.kit.racing import race
from tests.kit.support import Desk

committed = pytest.mark.django_db(transaction=True)


def raised(results: list[object]) -> Counter[type]:
    return Counter(type(each) for each in results if isinstance(each, Exception))


@committed
@pytest.mark.servers
def test_two_resolve_at_once__one_does_and_one_hears_of_it() -> None:
    desk = Desk()
    row, first, second = desk.triaged(), desk.primary, desk.admin
    actors = [desk.by(first), desk.by(second)]
    found = race(
        2,
        lambda n: moving.resolve(row, actor=actors[n], resolution=f"By {n}.", version=row.version),
    )
    assert set(raised(found)) <= {Conflict, InvalidTransition}
    assert sum(raised(found).values()) == 1
    row.refresh_from_db()
    assert row.status == "resolved"
    assert row.messages.filter(kind="answer").count() == 1


@committed
@pytest.mark.servers
def test_many_escalate_at_once__one_incident_and_all_get_it() -> None:
    desk = Desk()
    row, actor = desk.by_mail(actor=make.JOB), desk.by(desk.primary)
    found = race(4, lambda n: escalating.escalate(row, actor=actor, reason=f"{n}").incident_id)
    assert raised(found) == Counter()
    assert len(set(found)) == 1
    assert Incident.objects.count() == 1


@committed
@pytest.mark.servers
def test_incident_resolved_while_its_ticket_is_answered__nobody_waits_in_a_circle() -> None:
    desk = Desk()
    incident, actor = desk.quiet("sev4"), desk.by(desk.primary)
    rows = [desk.by_mail(f"{n}", actor=make.JOB, requester_email=f"{n}@x.org") for n in range(3)]
    for row in rows:
        escalating.attach(row, incident, actor=make.JOB)

    def run(number: int) -> object:
        if number == 3:
            return incidents_moving.resolve(incident, actor=make.JOB, reason="Over.")
        return answering.answer(rows[number], actor=actor, text="Soon.")

    assert raised(race(4, run)) == Counter()
    assert set(Ticket.objects.values_list("status", flat=True)) == {"working"}


@committed
@pytest.mark.servers
def test_one_mail_delivered_by_two__is_one_ticket() -> None:
    workspace = make.workspace()
    mail = b"From: a@example.com\r\nSubject: Hm\r\nMessage-ID: <1@x>\r\n\r\nIt says no.\r\n"
    found = race(3, lambda n: receiving.receive(workspace, mail).outcome)
    assert Counter(found) == Counter({"again": 2, "opened": 1})
    assert (Ticket.objects.count(), TicketMail.objects.count()) == (1, 3)


# --- Promises over nights ---------------------------------------------------------------------


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def local_hours(desk: Desk) -> None:
    hours.save_channel(
        desk.workspace, "support", actor=desk.by(desk.admin), time_zone="Europe/Berlin",
        hours=["mon-fri 09:00-17:00"],
    )  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("opened", "priority", "acknowledge", "respond"),
    [
        # Summer: 9 to 17 by the wall is 7 to 15 UTC.
        ("2026-07-01T10:00", "p2", "2026-07-01T10:15", "2026-07-01T14:00"),
        ("2026-07-01T14:50", "p2", "2026-07-02T07:05", "2026-07-02T10:50"),  # over the night
        ("2026-07-03T14:50", "p2", "2026-07-06T07:05", "2026-07-06T10:50"),  # over the weekend
        ("2026-07-04T12:00", "p1", "2026-07-06T07:15", "2026-07-06T07:15"),
        ("2026-07-08T14:00", "p2", "2026-07-08T14:15", "2026-07-10T10:00"),  # the 9th is off
        # The clock goes back on the 25th of October: from then on it is 8 to 16 UTC.
        ("2026-10-23T14:50", "p2", "2026-10-26T08:05", "2026-10-26T11:50"),
        ("2026-03-27T15:50", "p2", "2026-03-30T07:05", "2026-03-30T10:50"),  # and forward
    ],
)  # fmt: skip
def test_promise__counts_while_somebody_is_there(
    opened: str, priority: str, acknowledge: str, respond: str
) -> None:
    desk = Desk()
    local_hours(desk)
    hours.add_holiday(desk.workspace, date(2026, 7, 9), actor=desk.by(desk.admin), title="Off")
    with time_machine.travel(at(opened), tick=False):
        row = desk.ticket(priority=priority, channel="support")
    assert (row.acknowledge_due_at, row.respond_due_at) == (at(acknowledge), at(respond))


@pytest.mark.django_db
def test_promise__of_p0_and_of_what_is_always_open_never_rests() -> None:
    desk = Desk()
    local_hours(desk)
    with time_machine.travel(at("2026-07-04T12:00"), tick=False):
        grave = desk.ticket(priority="p0", channel="support")
        mail = desk.ticket("By mail", channel="mailbox")
        calm = desk.triaged(row=desk.ticket("On Saturday", channel="support"))
    assert grave.acknowledge_due_at == grave.opened_at + timedelta(minutes=15)
    assert mail.respond_due_at == mail.opened_at + timedelta(hours=4)
    assert calm.next_update_due_at == at("2026-07-06T08:00")


@pytest.mark.django_db
def test_promise__of_a_channel_that_is_gone_is_rather_too_early() -> None:
    desk = Desk()
    hours.save_channel(
        desk.workspace, "stand", actor=desk.by(desk.admin), title="Stand", hours=["mon 09:00-10:00"]
    )
    row = desk.ticket(channel="stand")
    hours.drop_channel(desk.workspace, "stand", actor=desk.by(desk.admin), reason="Closed.")
    row = moving.change_priority(row, "p1", actor=desk.by(desk.primary), reason="So.")
    assert row.respond_due_at == row.opened_at + timedelta(minutes=15)


@pytest.mark.django_db
def test_stranger__counts_nothing_of_others() -> None:
    desk, far = Desk(), Desk()
    row = desk.ticket()
    with pytest.raises(ControlPlaneError):
        moving.change_priority(row, "p1", actor=far.by(far.primary), reason="So.")

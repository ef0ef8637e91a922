"""Tickets: opened, walked to their end and back, said of, by whom; what the database holds to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import InternalError

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.base import states
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.errors import (
    Conflict,
    ControlPlaneError,
    GateNotMet,
    Invalid,
    InvalidTransition,
    NotAllowed,
    NotFound,
)
from controlplane.notify.models import Notification, OutboxMessage
from incidents.models import Ticket, TicketMessage
from incidents.support import answering, describing, escalating, links, moving, said
from incidents.support.gates import noted
from tests import make
from tests.kit import settled
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


# --- Opened -------------------------------------------------------------------------------------


def test_opened__has_its_ref_item_clocks_words_and_is_told(desk: Desk) -> None:
    row = desk.by_mail(category="database")
    assert (row.ref, row.status, row.priority, row.channel) == ("TKT-1", "new", "p2", "mailbox")
    assert (minutes(row, row.acknowledge_due_at), minutes(row, row.triage_due_at)) == (15, 30)
    assert (minutes(row, row.respond_due_at), row.next_update_due_at) == (240, None)
    row.refresh_from_db()
    assert row.due_at == row.acknowledge_due_at
    assert row.item is not None
    assert row.item.title == "TKT-1: I can't sign in"
    assert row.item.priority == 2
    [first] = row.messages.all()
    assert (first.kind, first.text, first.author_name) == ("request", "It says no.", "Ann")
    assert desk.told("ticket.opened") == ["TKT-1 P2: I can't sign in"]
    assert OutboxMessage.objects.filter(topic="ticket.mail").count() == 1
    assert AuditEvent.objects.filter(action="ticket.open").count() == 1


def test_opened__by_somebody_of_the_house_is_theirs(desk: Desk) -> None:
    row = desk.ticket()
    assert (row.requester, row.source, row.channel) == (desk.viewer, "console", "support")


def test_opened__p1_and_what_blocks_wake_the_desk(desk: Desk) -> None:
    row = desk.ticket(blocking=True)
    assert row.priority == "p1"
    urgencies = Notification.objects.filter(kind="ticket.opened").values_list("urgency", flat=True)
    assert "critical" in urgencies


def test_opened__p0_opens_an_incident_at_once_and_from_outside_is_looked_at_first(
    desk: Desk,
) -> None:
    row = desk.ticket(priority="p0")
    incident = incident_of(row)
    assert (row.status, incident.severity, incident.origin) == ("escalated", "sev1", "ticket")
    assert incident.escalations.get().policy.policy.slug == "p0"
    outside = desk.by_mail(priority="p0")
    assert (outside.status, outside.priority, outside.incident) == ("new", "p1", None)


@pytest.mark.parametrize(
    ("given_", "field"),
    [
        ({"subject": ""}, "subject"), ({"body": " "}, "body"), ({"body": "a\0b"}, "body"),
        ({"category": "moon"}, "category"), ({"priority": "p9"}, "priority"),
        ({"channel": "moon"}, "channel"), ({"source": "moon"}, "source"),
        ({"requester_email": "no"}, "requester_email"), ({"blocking": "yes"}, "blocking"),
        ({"subject": "x" * 300}, "subject"), ({"body": "x" * 30_000}, "body"),
    ],
)  # fmt: skip
def test_opened__what_is_wrong_is_refused_by_name(
    desk: Desk, given_: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        desk.ticket(**{"subject": "Help", **given_})
    assert field in caught.value.details
    assert not Ticket.objects.exists()


def test_opened__nobody_asks_without_a_name(desk: Desk) -> None:
    with pytest.raises(Invalid, match="who asks"):
        desk.ticket(actor=make.JOB)


# --- On its way -----------------------------------------------------------------------------------


def test_way__from_the_first_look_to_the_end(desk: Desk) -> None:
    row = desk.by_mail()
    row = moving.acknowledge(row, actor=desk.by(desk.primary))
    assert (row.status, row.assignee, row.acknowledged_by) == (
        "acknowledged", desk.primary, desk.primary,
    )  # fmt: skip
    row = moving.triage(row, actor=desk.by(desk.primary), priority="p1", category="infrastructure")
    assert (row.status, row.priority, row.assignee) == ("triaged", "p1", desk.sre)
    assert minutes(row, row.respond_due_at) == 15
    assert minutes(row, row.next_update_due_at) == pytest.approx(30, abs=0.2)
    row = moving.begin(row, actor=desk.by(desk.sre))
    desk.answer(row, "Which browser?", ask=True)
    row.refresh_from_db()
    assert (row.status, row.next_update_due_at) == ("waiting", None)
    assert row.responded_at is not None
    answering.hear(row, actor=make.JOB, text="This one.", source="email")
    row.refresh_from_db()
    assert row.status == "working"
    assert row.next_update_due_at is not None
    row = moving.resolve(
        row, actor=desk.by(desk.sre), resolution="The cache was full.", snapshot=True
    )
    assert (row.status, row.due_at, row.snapshot is not None) == ("resolved", None, True)
    assert not Timer.objects.filter(kind__startswith="ticket.clock", state="waiting").exists()
    desk.later(3 * 86_400 + 60, tick=False)
    desk.promises()
    row.refresh_from_db()
    assert row.status == "closed"


def test_way__work_item_follows(desk: Desk) -> None:
    row = desk.resolved()
    desk.send()
    assert row.item is not None
    row.item.refresh_from_db()
    assert row.item.category == "done"
    moving.reopen(row, actor=desk.by(desk.primary), reason="It came back.")
    desk.send()
    row.item.refresh_from_db()
    assert row.item.priority == 2


def test_resolve__wants_a_note_from_everybody_and_from_the_database(desk: Desk) -> None:
    row = desk.triaged()
    with pytest.raises(Invalid, match="resolution"):
        moving.resolve(row, actor=desk.by(desk.primary), resolution="  ")
    with pytest.raises(GateNotMet, match="how it was resolved"):
        states.advance(row, "resolved", actor=desk.by(desk.primary))
    for status in ("resolved", "closed"):
        with pytest.raises(IntegrityError, match="ticket_ends_with_a_note"), transaction.atomic():
            Ticket.objects.filter(pk=row.pk).update(status=status)
    assert noted(row)


def test_reopened__by_an_answer_soon_after_and_not_a_month_later(desk: Desk) -> None:
    row = desk.resolved(actor=make.JOB, source="email", requester_email="ann@example.com")
    answering.hear(row, actor=make.JOB, text="Still broken.", source="email")
    row.refresh_from_db()
    assert (row.status, row.reopened, row.next_update_due_at is not None) == ("reopened", 1, True)
    row = moving.resolve(row, actor=desk.by(desk.primary), resolution="Now really.")
    Ticket.objects.filter(pk=row.pk).update(resolved_at=clock.now() - timedelta(days=20))
    with pytest.raises(InvalidTransition, match="ask anew"):
        answering.hear(row, actor=make.JOB, text="Hm.", source="email")


def test_merge__tells_whoever_asked_and_hands_their_words_on(desk: Desk) -> None:
    first, second = desk.by_mail(), desk.by_mail("Sign in fails", requester_email="b@example.com")
    done = moving.merge(second, first, actor=desk.by(desk.primary), reason="The same.")
    assert (done.status, done.duplicate_of, done.due_at) == ("duplicate", first, None)
    answering.hear(done, actor=make.JOB, text="Any news?", source="email")
    kinds = list(first.messages.order_by("pk").values_list("kind", "text"))
    assert kinds[-1] == ("note", f"Of {second.ref}: Any news?")
    with pytest.raises(InvalidTransition):
        moving.merge(first, done, actor=desk.by(desk.primary))
    with pytest.raises(Invalid):
        moving.merge(first, first, actor=desk.by(desk.primary))


def test_spam__is_answered_by_nobody_and_can_be_taken_back(desk: Desk) -> None:
    row = moving.mark_spam(desk.by_mail(), actor=desk.by(desk.primary))
    desk.send()
    assert OutboxMessage.objects.get(topic="ticket.mail").state == "done"
    with pytest.raises(InvalidTransition):
        answering.hear(row, actor=make.JOB, text="Buy!", source="email")
    with pytest.raises(NotFound):
        links.ticket_of(links.token_of(row))
    row = moving.unmark_spam(row, actor=desk.by(desk.primary))
    assert (row.status, row.due_at is not None) == ("new", True)


# --- Words ----------------------------------------------------------------------------------------


def test_answer__to_a_new_one_acknowledges_it(desk: Desk) -> None:
    row = desk.by_mail()
    said_ = desk.answer(row)
    assert said_.author_name == desk.primary.name  # never the address one signs in with
    row.refresh_from_db()
    assert (row.status, row.acknowledged_by, row.responded_at is not None) == (
        "acknowledged", desk.primary, True,
    )  # fmt: skip


def test_note__is_for_the_desk_alone_and_keeps_no_promise(desk: Desk) -> None:
    row = desk.by_mail()
    answering.add_note(row, actor=desk.by(desk.primary), text="She is new.")
    row.refresh_from_db()
    assert (row.status, row.responded_at) == ("new", None)
    assert [each.kind for each in row.messages.public()] == ["request"]
    assert OutboxMessage.objects.filter(topic="ticket.mail").count() == 1  # the receipt


def test_words__stay_and_are_said_better_only_by_whoever_said_them(desk: Desk) -> None:
    row = desk.by_mail()
    made = desk.answer(row, "Try agian.")
    better = said.correct(made, "Try again.", actor=desk.by(desk.primary))
    assert (better.number, made.text) == (1, "Try agian.")
    with pytest.raises(NotAllowed):
        said.correct(made, "No.", actor=desk.by(desk.lead))
    with pytest.raises(Conflict):
        said.correct(made, "Try again.", actor=desk.by(desk.primary))
    for change in ({"text": "Other words."}, {"kind": "note"}, {"at": clock.now()}):
        with pytest.raises(IntegrityError, match="stays"), transaction.atomic():
            TicketMessage.objects.filter(pk=made.pk).update(**change)
    with pytest.raises((IntegrityError, InternalError)), transaction.atomic():
        TicketMessage.objects.filter(pk=made.pk).delete()


def test_words__hold_no_secrets(desk: Desk) -> None:
    row = desk.by_mail(body="My token is ghp_" + "a" * 36)
    assert "ghp_aaaa" not in row.messages.get().text


def test_files__are_kept_with_the_item_and_told_where_they_are_not(desk: Desk) -> None:
    files = [said.Sent(f"{n}.txt", b"A log.", 6) for n in range(11)]
    row = desk.by_mail(files=[*files[:1], said.Sent("b.png", b"no picture", 10), *files[1:10]])
    first = row.messages.get()
    assert [each["title"] for each in first.files][:2] == ["0.txt", "1.txt"]
    assert [each["title"] for each in first.refused] == ["b.png", "9.txt"]
    assert row.item is not None
    assert row.item.links.count() == 9


# --- Strangers ------------------------------------------------------------------------------------


def _elsewhere(desk: Desk) -> Workspace:
    return make.workspace()


def test_stranger__sees_nothing_and_may_nothing(desk: Desk) -> None:
    row = desk.by_mail()
    far = Desk(_elsewhere(desk))
    assert not Ticket.objects.visible_to(far.by(far.primary)).exists()
    verbs: list[Any] = [
        lambda who: moving.acknowledge(row, actor=who),
        lambda who: moving.triage(row, actor=who, priority="p1", category="other"),
        lambda who: moving.change_priority(row, "p1", actor=who, reason="x"),
        lambda who: moving.assign(row, actor=who, assignee=desk.lead),
        lambda who: moving.resolve(row, actor=who, resolution="x"),
        lambda who: moving.mark_spam(row, actor=who),
        lambda who: moving.merge(row, desk.by_mail("b"), actor=who),
        lambda who: describing.describe(row, actor=who, subject="x"),
        lambda who: moving.revoke_links(row, actor=who, reason="x"),
        lambda who: answering.answer(row, actor=who, text="x"),
        lambda who: answering.add_note(row, actor=who, text="x"),
        lambda who: escalating.escalate(row, actor=who, reason="x"),
    ]
    for who in (far.by(far.primary), desk.by(desk.viewer)):
        for verb in verbs:
            assert refusals(lambda verb=verb, who=who: verb(who)) is NotAllowed
    assert refusals(
        lambda: desk.ticket(actor=far.by(far.primary))
    ) is NotAllowed  # fmt: skip
    docs = desk.by(desk.docs)
    assert refusals(lambda: escalating.escalate(row, actor=docs, reason="x")) is NotAllowed
    assert refusals(lambda: moving.acknowledge(row, actor=docs)) is None


def test_links__name_one_ticket_until_they_are_revoked(desk: Desk) -> None:
    row, other = desk.by_mail(), desk.by_mail("b")
    token, mark = links.token_of(row), links.mark(row)
    assert links.ticket_of(token) == row
    assert links.marked(row.workspace_id, f"Re: {mark.upper()}") == row
    assert links.marked(row.workspace_id, f"{other.ref}.{mark.split('.')[1]}") is None
    assert links.marked(make.workspace().pk, mark) is None
    moving.revoke_links(row, actor=desk.by(desk.primary), reason="It was forwarded.")
    for dead in (token, token[:-2], "x", ""):
        with pytest.raises(NotFound):
            links.ticket_of(dead)
    assert links.marked(row.workspace_id, mark) is None

"""Somebody is called for a P1 ticket: by the policy of its priority, step by step and round by
round, until somebody acknowledges it. No incident is opened for it: what is P0 is one. So no run
of the pager's engine, which belongs to an incident, goes on here; its policies, its finder of
people and everybody's own ways are the same, and a timer takes each step.

Each call is a piece of critical news with its deliveries, written before anything is sent, and is
acknowledged by one tap, a text message or a key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from controlplane.audit.refs import subject_ref
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from controlplane.notify import answers, wording
from controlplane.notify.models import AnswerLink, Delivery, Method, Notification, Urgency
from controlplane.notify.services import To
from controlplane.notify.services.news import notify, write
from incidents import links
from incidents.models import Ticket
from incidents.paging import policies
from incidents.paging.calls import Sending, send, split
from incidents.paging.stepping import Ladder
from incidents.paging.ways import Way, ways_of_all, whom
from incidents.paging.who import Called, Finder
from incidents.support import telling
from incidents.support.holding import hold, level_of
from incidents.support.noting import PORTAL, note

STEP, FURTHER = "ticket.call", "ticket.call_further"
KIND, UNANSWERED = "page.ticket", "ticket.unanswered"
ACKNOWLEDGE = "ticket.acknowledge"
CALLED = frozenset({Ticket.Priority.P1})
wording.register(
    KIND, "Somebody is called to a ticket", subject="{ref} {priority}: {title}",
    body="You are called: {why}.\n\n{text}\n\nFrom {who}. {category}.\n\n"
    "Acknowledge it, and nobody else is called.",
)  # fmt: skip
wording.register(
    UNANSWERED, "Nobody answered a call to a ticket", subject="{ref}: nobody answered: {title}",
    body="{text}",
)  # fmt: skip


def begin(row: Ticket) -> None:
    """Call from now on, where nobody has seen it and its priority calls."""
    if not _calls(row):
        return
    _at(STEP, row, clock.now(), step=0, round=0)


def stop(row: Ticket, why: str) -> None:
    """Somebody has seen it, or it is over: nobody is called any further."""
    for kind in (STEP, FURTHER):
        timers.cancel_timer(f"{kind}:{row.uid}")
    waiting = Delivery.objects.filter(
        notification__about=subject_ref(row), notification__kind=KIND,
        notification__workspace=row.workspace_id, state=Delivery.State.WAITING,
    )  # fmt: skip
    waiting.update(state=Delivery.State.SUPPRESSED, why=why[:200], settled_at=clock.now())


def _calls(row: Ticket) -> bool:
    return row.is_open and row.priority in CALLED and row.acknowledged_at is None


def _at(kind: str, row: Ticket, when: datetime, **payload: Any) -> None:
    timers.set_timer(
        kind,
        key=f"{kind}:{row.uid}",
        due_at=when,
        subject=subject_ref(row),
        workspace_id=row.workspace_id,
        payload={"ticket": row.pk, **payload},
    )


def _held(timer: Timer) -> Ticket | None:
    found = Ticket.objects.filter(pk=timer.payload["ticket"]).first()
    row = hold(found) if found is not None else None
    return row if row is not None and _calls(row) else None


@timers.on(STEP)
@transaction.atomic
def take_step(timer: Timer) -> None:
    """One step: those it names, or where nobody stands behind it the next."""
    row = _held(timer)
    if row is None:
        return
    version, _ = policies.find(row.workspace_id, level_of(row).policy)
    ladder = Ladder.of(version)
    step, round_ = int(timer.payload["step"]), int(timer.payload["round"])
    if round_ > ladder.repeats:
        _say_unanswered(row, round_)
        return
    finder = Finder.of((row.workspace_id, each) for one in ladder.steps for each in one.targets)
    found: dict[str, Called] = {}
    while not found and step < len(ladder.steps):
        for target in ladder.steps[step].targets:
            found |= {each.key: each for each in finder.find(row.workspace_id, target)}
        step += 1
    _call(row, list(found.values()), f"{round_}.{step - 1}")
    wait = timedelta(seconds=ladder.steps[step - 1].wait_s)
    again = step >= len(ladder.steps)
    _at(STEP, row, clock.now() + wait, step=0 if again else step, round=round_ + again)


def _call(row: Ticket, called: Sequence[Called], place: str) -> None:
    now = clock.now()
    pages: list[tuple[int, Called]] = []
    for one in called:
        news, _ = _news(row, one, place)
        pages.append((news.pk, one))
        _leave_to_answer(row, news, one)
    later = _send(row, pages, now, now)
    if later is not None:
        told = [[pk, one.user_id, one.contact_id] for pk, one in pages if not one.channel_id]
        _at(FURTHER, row, later, passed=(later - now).total_seconds(), told=told)
    names = ", ".join(one.name for one in called) or "nobody, for nobody is there"
    note(row, "ticket.call", actor=PORTAL, said=f"{row.ref}: {names} called.",
         after={"called": [one.name for one in called], "step": place})  # fmt: skip


def _news(row: Ticket, one: Called, place: str) -> tuple[Notification, bool]:
    first = row.messages.filter(kind="request").order_by("pk").values_list("text", flat=True)
    return write(
        workspace_id=row.workspace_id,
        kind=KIND,
        key=f"{KIND}:{row.uid}:{row.version}:{place}:{one.key}"[:200],
        values={**telling.values_of(row), "why": one.why,
                "text": (first.first() or "")[: telling.MOST_TEXT]},
        subject="", body="",
        urgency=Urgency.CRITICAL,
        link=links.page_of(row),
        about=subject_ref(row),
        thread=f"ticket:{row.uid}",
        step="news",
        note="",
    )  # fmt: skip


def _leave_to_answer(row: Ticket, news: Notification, one: Called) -> None:
    """Whoever has an account; the desk's tickets are no matter of others."""
    if one.user_id is None:
        return
    digits = "".join(each for each in row.ref if each.isdecimal()) or str(row.pk)
    AnswerLink.objects.get_or_create(
        notification=news,
        person_id=one.user_id,
        defaults={
            "workspace_id": row.workspace_id, "subject": subject_ref(row), "verbs": [ACKNOWLEDGE],
            "code": str(int(digits) % 9_000 + 1_000),
            "expires_at": clock.now() + timedelta(hours=answers.LASTS.value),
        },
    )  # fmt: skip


def _send(
    row: Ticket, pages: Sequence[tuple[int, Called]], begun: datetime, now: datetime
) -> datetime | None:
    """By the ways whose time has come and that were not taken yet; when the next one's comes."""
    asked = {key for _, one in pages if (key := whom(one.user_id, one.contact_id)) is not None}
    ways = ways_of_all(asked, Urgency.CRITICAL)
    taken = _taken([pk for pk, _ in pages])
    sends: list[Sending] = []
    moments: list[datetime] = []
    for pk, one in pages:
        who = whom(one.user_id, one.contact_id)
        due, later = split(ways[who], begun, now) if who else ([Way(Method.CHANNEL.value)], None)
        if later is not None:
            moments.append(later)
        target = (one.user_id, one.channel_id, one.contact_id)
        sends += [
            Sending(pk, row.workspace_id, way, *target)
            for way in due if (pk, *way.mark) not in taken
        ]  # fmt: skip
    send(sends, now)
    return min(moments, default=None)


def _taken(news: Sequence[int]) -> set[tuple[int, str, int | None]]:
    rows = Delivery.objects.filter(notification__in=news)
    return set(rows.values_list("notification_id", "method", "contact_method_id"))


@timers.on(FURTHER)
@transaction.atomic
def by_further_ways(timer: Timer) -> None:
    """Nobody has answered by the first ways: those of a telephone, as each wants it."""
    row = _held(timer)
    if row is None:
        return
    # By what it was set for, and not by a clock: timers come a moment early or long after.
    now = clock.now()
    begun = now - timedelta(seconds=timer.payload["passed"])
    pages = [
        (pk, Called("", "", "", user_id=user, contact_id=contact))
        for pk, user, contact in timer.payload["told"]
    ]
    later = _send(row, pages, begun, now)
    if later is not None:
        passed = (later - begun).total_seconds()
        _at(FURTHER, row, later, passed=passed, told=timer.payload["told"])


def _say_unanswered(row: Ticket, rounds: int) -> None:
    text = f"Nobody answered in {rounds} {'round' if rounds == 1 else 'rounds'} of calls."
    note(row, "ticket.call", actor=PORTAL, said=f"{row.ref}: {text}", reason=text,
         details={"transition": "unanswered"})  # fmt: skip
    notify(
        workspace_id=row.workspace_id,
        kind=UNANSWERED,
        to=To(roles=["workspace_admin"], channels=None),
        key=f"{UNANSWERED}:{row.uid}:{row.version}",
        values={**telling.values_of(row), "text": text},
        urgency=Urgency.CRITICAL,
        link=links.page_of(row),
        about=subject_ref(row),
    )


# --- Answered from the message --------------------------------------------------------------------


def _ticket_of(link: AnswerLink) -> Ticket:
    label, _, pk = link.subject.partition(":")
    rows = Ticket.objects.filter(workspace_id=link.workspace_id)
    if label != Ticket._meta.label_lower or not pk.isdecimal():
        raise NotFound("There is nothing here.")
    found: Ticket | None = rows.select_related("acknowledged_by").filter(pk=pk).first()
    if found is None:
        raise NotFound("There is nothing here.")
    return found


def _acknowledge(link: AnswerLink, actor: Actor) -> str:
    from incidents.support.moving import acknowledge

    row = acknowledge(_ticket_of(link), actor=actor)
    return f"You have it: {row.ref} {row.subject}. Nobody else is called."


def _acknowledged(link: AnswerLink) -> str:
    row = _ticket_of(link)
    if row.status == Ticket.Status.NEW:
        return ""
    who = row.acknowledged_by.name if row.acknowledged_by is not None else "Somebody"
    if row.acknowledged_at is None or not row.is_open:
        return f"{row.ref} is {row.get_status_display().lower()}."
    return f"{who} has it already: {row.ref}."


def register() -> None:
    answers.register(
        ACKNOWLEDGE, label="I have it", act=_acknowledge, over=_acknowledged,
        words=("ack", "a", "yes"), digit="4",
    )  # fmt: skip

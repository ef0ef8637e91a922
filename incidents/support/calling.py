"""Somebody is called for a P1 ticket: by the policy of its priority and by the engine that calls
for incidents, step by step and round by round, until somebody acknowledges it. No incident is
opened for it: what is P0 is one."""

from __future__ import annotations

from collections.abc import Mapping

from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from controlplane.notify import answers, wording
from controlplane.notify.models import AnswerLink, Urgency
from incidents.models import EscalationRun, Ticket
from incidents.paging import answering, matters, runs
from incidents.paging.matters import CALLED
from incidents.support import telling
from incidents.support.holding import level_of
from incidents.support.noting import PORTAL

KIND = "page.ticket"
ACKNOWLEDGE = "ticket.acknowledge"
wording.register(
    KIND, "Somebody is called to a ticket", subject="{ref} {priority}: {title}",
    body="You are called: {why}.\n\n{text}\n\nFrom {who}. {category}.\n\nAlso called: {others}.\n"
    "Acknowledge it, and nobody else is called.",
)  # fmt: skip


def calls(row: Ticket) -> bool:
    """Of what became an incident the incident calls."""
    if row.status == Ticket.Status.ESCALATED or not row.is_open:
        return False
    return row.priority in CALLED and row.acknowledged_at is None


def follow(row: Ticket, *, actor: Actor, way: str = "console") -> None:
    """Somebody is called while its priority calls and nobody has seen it, and nobody after that."""
    if calls(row):
        _begin(row)
    elif row.acknowledged_at is not None:
        answering.answered(row, actor=actor, way=way)
    else:
        answering.call_off(row, actor=actor, reason=f"{row.ref} calls nobody any more.")


def _begin(row: Ticket) -> None:
    """Once, while somebody is being called: the same policy would hurry on to its next step."""
    if not row.escalations.filter(status=EscalationRun.Status.RUNNING).exists():
        why = EscalationRun.Why.OPENED
        runs.begin(row, policy=level_of(row).policy, why=why, actor=PORTAL)


def _values(run: EscalationRun) -> Mapping[str, object]:
    row = run.matter
    first = row.messages.filter(kind="request").order_by("pk").values_list("text", flat=True)
    return {**telling.values_of(row), "text": (first.first() or "")[: telling.MOST_TEXT]}


matters.register(
    Ticket._meta.label_lower,
    matters.Kind(
        news=KIND,
        verbs=(ACKNOWLEDGE,),
        thread="ticket",
        is_over=lambda row: not calls(row),
        urgency=lambda row: Urgency.CRITICAL.value,
        burning=lambda: Ticket.objects.calling(CALLED),
        policy=lambda row: level_of(row).policy,
        values=_values,
    ),
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

    row = acknowledge(_ticket_of(link), actor=actor, way="link")
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

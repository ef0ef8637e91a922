"""Answers, questions, internal notes; and what whoever asked writes back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.base.states import advance
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import InvalidTransition, NotFound
from controlplane.lib.redaction import redact_text
from incidents.models import Ticket, TicketMessage
from incidents.support import clocks, lateness, mailing, said, telling, waiting
from incidents.support.holding import hold, hold_with_work, put, require_open
from incidents.support.moving import RESPOND, open_again
from incidents.support.noting import PORTAL, note
from incidents.support.said import Sent
from incidents.support.seeing import after_seen, seen

REOPENS = defaults.define(
    "support.reopens_within_days",
    14,
    unit="days",
    why="An answer so long after the end opens the ticket again; later it is a new one.",
)


@transaction.atomic
def answer(
    ticket: Ticket,
    *,
    actor: Actor,
    text: str,
    files: Sequence[Sent] = (),
    ask: bool = False,
    source: str = "console",
    version: int | None = None,
) -> TicketMessage:
    """To whoever asked. The first one keeps the promise of a response, each one that of an update.
    With `ask` the ticket waits for what they say to it."""
    row = hold(ticket, version=version)
    policy.require(actor, RESPOND, row)
    require_open(row)
    if ask and row.status == Ticket.Status.ESCALATED:
        raise InvalidTransition(
            f"{row.ref} stands for an incident, which waits for nobody: answer without waiting.",
            details={"status": row.status},
        )
    words = said.need(text, files)
    now = clock.now()
    # A promise that ran out before this came is a miss, whether anybody has noticed yet or not.
    lateness.mark_late(row)
    if row.status == Ticket.Status.NEW:
        advance(row, "acknowledged", actor=actor, changes=seen(row, actor))
    changes: dict[str, Any] = {"last_update_at": now}
    if row.responded_at is None:
        changes["responded_at"] = now
    put(row, changes)
    made = said.keep(row, "answer", words, actor=actor, files=files, source=source)
    if ask:
        if row.status != Ticket.Status.WAITING:
            advance(row, "waiting", actor=actor)
        put(row, {"silent_at": None})
        waiting.expect(row)
    after_seen(row, actor)
    clocks.promise_update(row)
    mailing.send(row, made)
    note(row, RESPOND, actor=actor, details={"transition": "asked" if ask else "answered"},
         after={"message": str(made.uid)})  # fmt: skip
    return made


@transaction.atomic
def add_note(
    ticket: Ticket, *, actor: Actor, text: str, files: Sequence[Sent] = (), source: str = "console"
) -> TicketMessage:
    """For the desk alone: it keeps no promise, and whoever asked never reads it."""
    row = hold(ticket)
    policy.require(actor, RESPOND, row)
    words = said.need(text, files)
    made = said.keep(row, "note", words, actor=actor, files=files, source=source)
    note(row, RESPOND, actor=actor, details={"transition": "noted"},
         after={"message": str(made.uid)})  # fmt: skip
    if row.assignee_id is not None and row.assignee_id != actor.user_id:
        telling.told(row, "ticket.said", key=str(made.uid), users=[row.assignee_id],
                     who=actor.label, text=made.text[: telling.MOST_TEXT])  # fmt: skip
    return made


@transaction.atomic
def hear(
    ticket: Ticket,
    *,
    actor: Actor,
    text: str,
    source: str,
    files: Sequence[Sent] = (),
    author_name: str = "",
    message_id: str = "",
    automatic: bool = False,
) -> TicketMessage:
    """Whoever asked says more: by mail, on the page of their link, over the API. What waited for
    them goes on; what was over is open again, while that is not long ago. What nobody wrote
    (`automatic`) is kept as a note and moves nothing."""
    # A duplicate's words go on with another ticket, which is held as well: the graph comes first.
    merged = ticket.status == Ticket.Status.DUPLICATE
    row = hold_with_work(ticket) if merged else hold(ticket)
    policy.require(actor, "ticket.open", row)
    if not speaks(row, actor):
        raise NotFound("There is no such ticket of yours.")
    if row.status == Ticket.Status.SPAM or not may_go_on(row):
        raise InvalidTransition(f"{row.ref} is {row.get_status_display().lower()}: ask anew.",
                                details={"status": row.status})  # fmt: skip
    words = said.need(text, files)
    made = said.keep(
        row, "note" if automatic else "request", words, actor=actor, files=files, source=source,
        author_name=author_name or telling.name_of(row), message_id=message_id,
    )  # fmt: skip
    note(row, "ticket.open", actor=actor, details={"transition": "said"},
         after={"message": str(made.uid)})  # fmt: skip
    if automatic:
        return made
    if row.status == Ticket.Status.DUPLICATE:
        _hand_on(row, made, actor)
        return made
    # Whoever asked is no member of the desk: what follows from their word the portal does.
    if row.status == Ticket.Status.WAITING:
        advance(row, "working", actor=PORTAL)
        clocks.promise_update(row)
    elif row.status in {Ticket.Status.RESOLVED, Ticket.Status.CLOSED}:
        open_again(row, actor=PORTAL, reason="Whoever asked has written again.")
    telling.told(row, "ticket.said", key=str(made.uid), users=[row.assignee_id],
                 urgent=row.priority == Ticket.Priority.P0,
                 text=made.text[: telling.MOST_TEXT])  # fmt: skip
    return made


def speaks(row: Ticket, actor: Actor) -> bool:
    """Whoever asked, whoever opened it for them, and the desk. The portal's own doors have looked
    at the mark or the link before."""
    if actor.user_id is not None and row.requester_id == actor.user_id:
        return True
    return row.created_by == actor.ref[:80] or bool(policy.can(actor, RESPOND, row))


def _hand_on(row: Ticket, made: TicketMessage, actor: Actor) -> None:
    """What is said of a duplicate is read where it goes on; that is open again if it was over."""
    target = _end_of(row)
    if not may_go_on(target):
        raise InvalidTransition(f"{target.ref} is {target.get_status_display().lower()}: ask anew.",
                                details={"status": target.status})  # fmt: skip
    said.keep(target, "note", f"Of {row.ref}: {made.text}", actor=actor, source=made.source,
              author_name=made.author_name)  # fmt: skip
    if target.status in {Ticket.Status.RESOLVED, Ticket.Status.CLOSED}:
        open_again(target, actor=PORTAL, reason=f"Whoever asked in {row.ref} has written again.")
    telling.told(target, "ticket.said", key=str(made.uid), users=[target.assignee_id],
                 text=made.text[: telling.MOST_TEXT])  # fmt: skip


def _end_of(row: Ticket) -> Ticket:
    """Where it goes on at last, held."""
    passed, each = {row.pk}, row
    while each.duplicate_of is not None and each.duplicate_of.pk not in passed:
        passed.add(each.duplicate_of.pk)
        each = hold(each.duplicate_of)
    if each.status in {Ticket.Status.DUPLICATE, Ticket.Status.SPAM}:
        raise InvalidTransition(f"{row.ref} goes on nowhere.", details={"status": each.status})
    return each


def may_go_on(row: Ticket) -> bool:
    """Whether what its requester says still belongs to it."""
    if row.status not in {Ticket.Status.RESOLVED, Ticket.Status.CLOSED}:
        return True
    over = row.closed_at or row.resolved_at
    return over is None or clock.now() - over <= timedelta(days=REOPENS.value)


def told_by_incident(row: Ticket, words: str) -> TicketMessage:
    """What customers are told of the incident it stands for, they are told, too."""
    made = said.keep(row, "answer", redact_text(words), actor=PORTAL, author_name="Support")
    changes: dict[str, Any] = {"last_update_at": clock.now()}
    if row.responded_at is None:
        changes["responded_at"] = clock.now()
    put(row, changes)
    mailing.send(row, made)
    return made

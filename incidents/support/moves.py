"""What can be done with a ticket from its page: as data, for buttons, forms, routes and palette."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from controlplane.access import policy
from controlplane.lib.actors import Actor
from incidents.models import Ticket
from incidents.querysets import OVER as INCIDENT_OVER
from incidents.support import escalating, moving
from incidents.support.gates import incident_is_over
from incidents.support.querysets import OPEN

_LOOKED_AT = ("acknowledged", "triaged", "working", "waiting", "reopened")
_WORKED = ("triaged", "working", "waiting", "reopened")


@dataclass(frozen=True, slots=True)
class Move:
    """`fields` are asked for on a page first; without any the button does it. `to` is the state
    whose gate is told beforehand."""

    slug: str
    label: str
    action: str
    statuses: tuple[str, ...]
    run: Callable[..., Any]
    question: str
    done: str
    fields: tuple[str, ...] = ()
    grave: bool = False
    icon: str = "arrow-right"
    key: str = ""  # pressed on the ticket's page


MOVES: Mapping[str, Move] = {
    move.slug: move
    for move in (
        Move("acknowledge", "Acknowledge", "ticket.respond", ("new",), moving.acknowledge,
             "Say that you have seen it.", "{ref} is acknowledged, and yours.", icon="bell",
             key="e"),
        Move("triage", "Triage", "ticket.triage", ("new", "acknowledged"), moving.triage,
             "What it is about, how grave it is, and whether somebody can't go on without it.",
             "{ref} is triaged.", ("priority", "category", "blocking", "assignee"), icon="search"),
        Move("begin", "Begin", "ticket.respond", ("triaged", "reopened", "waiting"), moving.begin,
             "Work on it begins.", "{ref} is worked on.", icon="play"),
        Move("resolve", "Resolve", "ticket.resolve", (*_WORKED, "escalated"), moving.resolve,
             "It is answered for good. The note is kept, and mailed to whoever asked.",
             "{ref} is resolved.", ("resolution", "snapshot"), icon="check"),
        Move("close", "Close", "ticket.resolve", ("resolved",), moving.close,
             "Nobody waits for anything any more.", "{ref} is closed.", icon="check"),
        Move("escalate", "Escalate to an incident", "ticket.escalate", (*_LOOKED_AT, "new"),
             escalating.escalate,
             "An incident opens with the words of the ticket, and its people are called.",
             "{ref} is escalated.", ("severity", "reason"), icon="siren"),
        Move("attach", "It is about an open incident", "ticket.escalate", (*_LOOKED_AT, "new"),
             escalating.attach, "From then on it hears what the incident's customers are told.",
             "{ref} stands for that incident.", ("incident", "reason"), icon="link"),
        Move("priority", "Change priority", "ticket.triage", OPEN, moving.change_priority,
             "The clocks are counted anew from when it came in.", "{ref} has another priority.",
             ("priority", "reason"), icon="alert"),
        Move("assign", "Hand over", "ticket.respond", OPEN, moving.assign,
             "Somebody else has it from now on.", "{ref} is handed over.",
             ("assignee", "role", "reason"), icon="user"),
        Move("reopen", "Open again", "ticket.respond", ("resolved", "closed"), moving.reopen,
             "It was not resolved after all.", "{ref} is open again.", ("reason",),
             icon="refresh"),
        Move("merge", "Merge", "ticket.resolve", (*_LOOKED_AT, "new"), moving.merge,
             "It is the same as another one, which goes on. Whoever asked is told.",
             "{ref} is merged.", ("into", "reason"), icon="branch"),
        Move("spam", "Spam", "ticket.respond", ("new", "acknowledged", "triaged"),
             moving.mark_spam, "Nobody is answered.", "{ref} is set aside as spam.", icon="close"),
        Move("not-spam", "It is no spam", "ticket.respond", ("spam",), moving.unmark_spam,
             "It is a ticket like any other.", "{ref} is new again.", icon="refresh"),
    )
}  # fmt: skip
_NEXT = {
    "new": "acknowledge", "acknowledged": "triage", "triaged": "begin", "reopened": "begin",
    "working": "resolve", "escalated": "resolve", "resolved": "close", "spam": "not-spam",
}  # fmt: skip
_WHY = {
    "new": "Nobody has said yet that they have seen it.",
    "acknowledged": "Say what it is about and how grave it is.",
    "triaged": "It is known what it is: somebody works on it.",
    "reopened": "It came back: somebody works on it again.",
    "working": "Answer below; when it is answered for good, write down what it was.",
    "waiting": "Whoever asked has the word, and is reminded. Their answer brings it back.",
    "escalated": "The incident comes first; when that is over, say how it was resolved.",
    "resolved": "It is closed by itself when nobody says that it does not work.",
    "spam": "It was set aside.",
}

_SILENT = (
    "Whoever asked was reminded and said nothing. Ask in another way below, or write down what is"
    " known."
)


@dataclass(frozen=True, slots=True)
class Following:
    """The one next step, who may not take it and why."""

    move: Move | None
    why: str
    refusal: str = ""


def following(row: Ticket, actor: Actor) -> Following:
    move = MOVES.get(_NEXT.get(row.status, ""))
    if row.status == Ticket.Status.DUPLICATE and row.duplicate_of is not None:
        return Following(None, f"It goes on as {row.duplicate_of.ref}.")
    if row.status == Ticket.Status.WAITING and row.silent_at is not None:
        ends = MOVES["resolve"]
        return Following(ends, _SILENT, refusal(ends, row, actor))
    if move is None:
        return Following(None, _WHY.get(row.status, "It is over, and kept."))
    return Following(move, _WHY[row.status], refusal(move, row, actor))


def idle(move: Move, row: Ticket) -> str:
    """Why a ticket as it stands has no use for it."""
    return "" if row.status in move.statuses else f"It is {row.get_status_display().lower()}."


def refusal(move: Move, row: Ticket, actor: Actor) -> str:
    """Why not, or the empty text."""
    decision = policy.can(actor, move.action, row)
    if not decision:
        return decision.reason
    return idle(move, row) or _gate(move, row)


def _gate(move: Move, row: Ticket) -> str:
    return " ".join(incident_is_over(row)) if move.slug == "resolve" else ""


def offered(row: Ticket, actor: Actor, first: str) -> list[tuple[Move, str]]:
    """Those of this stage beside the next step, with the sentence that refuses each."""
    found = []
    for move in MOVES.values():
        if move.slug == first or idle(move, row):
            continue
        if move.slug in {"escalate", "attach"} and _burns(row):
            continue
        found.append((move, refusal(move, row, actor)))
    return found


def _burns(row: Ticket) -> bool:
    return row.incident is not None and row.incident.status not in INCIDENT_OVER


def may_answer(row: Ticket, actor: Actor) -> str:
    """Why nobody is answered from here, or the empty text."""
    decision = policy.can(actor, moving.RESPOND, row)
    if not decision:
        return decision.reason
    return "" if row.is_open else f"It is {row.get_status_display().lower()}: open it again first."


# --- Clocks as a page shows them ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    label: str
    since: datetime
    due: datetime
    done: datetime | None = None


def clocks_of(row: Ticket) -> list[Shown]:
    """In the order in which they run out; what a ticket that is over never did is left out."""
    found = []
    for label, due, done in (
        ("Acknowledge", row.acknowledge_due_at, row.acknowledged_at),
        ("Triage", row.triage_due_at, row.triaged_at),
        ("Respond", row.respond_due_at, row.responded_at),
    ):
        if due is not None and (done is not None or row.is_open):
            found.append(Shown(label, row.opened_at, due, done))
    if row.is_open and row.next_update_due_at is not None:
        since = row.last_update_at or row.triaged_at or row.opened_at
        found.append(Shown("Next update", since, row.next_update_due_at))
    incident = row.incident
    if row.is_open and incident is not None and incident.next_update_at is not None and _burns(row):
        since = incident.last_update_at or incident.opened_at
        found.append(Shown(f"Update of {incident.ref}", since, incident.next_update_at))
    return sorted(found, key=lambda each: (each.done is not None, each.due))


def next_due(row: Ticket) -> datetime | None:
    return next((each.due for each in clocks_of(row) if each.done is None), None)

"""What can be done with an incident from its page: as data, for buttons, forms and the palette."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.urls import reverse

from controlplane.access import policy
from controlplane.base import states
from controlplane.lib.actors import Actor
from incidents.gates import GRAVE, unreviewed
from incidents.models import Incident
from incidents.records import calling, moving
from incidents.reviews import writing

BURNING = ("detected", "triaged", "mitigating", "mitigated", "monitoring")


@dataclass(frozen=True, slots=True)
class Move:
    """`fields` are asked for on a page first; without any the button does it. `to` is the state
    whose gate is told beforehand."""

    slug: str
    label: str
    action: str
    statuses: tuple[str, ...]
    run: Callable[..., Incident]
    question: str
    done: str
    fields: tuple[str, ...] = ()
    to: str = ""
    grave: bool = False
    versioned: bool = True
    icon: str = "arrow-right"

    @property
    def asks(self) -> bool:
        return bool(self.fields)


MOVES: Mapping[str, Move] = {
    move.slug: move
    for move in (
        Move("acknowledge", "Acknowledge", "incident.acknowledge", BURNING, moving.acknowledge,
             "Say that you are on it: nobody else is called.", "You are on {ref}.",
             versioned=False, icon="bell"),
        Move("triage", "Triage", "incident.triage", ("detected",), moving.triage,
             "What is seen, since when, and whom it touches.", "{ref} is triaged.",
             ("symptoms", "started_at", "impact_percent", "severity", "category", "tenants",
              "customer_facing"), icon="search"),
        Move("mitigate", "Begin to mitigate", "incident.mitigate",
             ("triaged", "mitigated", "monitoring"), moving.mitigate,
             "Work on it begins.", "{ref} is worked on.", icon="play"),
        Move("mitigated", "Mitigated", "incident.mitigate", ("triaged", "mitigating"),
             moving.mitigated, "It hurts nobody any more. Say what was done.",
             "{ref} is mitigated.", ("how",), icon="shield"),
        Move("watch", "Watch it", "incident.resolve", ("mitigated",), moving.watch,
             "It works again, and is watched.", "{ref} is watched.", to="monitoring", icon="eye"),
        Move("resolve", "Resolve", "incident.resolve", ("detected", "triaged", "monitoring"),
             moving.resolve, "It is over, and nobody is called any more.", "{ref} is resolved.",
             ("reason", "root_cause"), to="resolved", icon="check"),
        Move("review", "Plan the review", "incident.close", ("resolved",), writing.plan_review,
             "It is looked back on before it is closed.", "{ref} waits for its review.",
             icon="book"),
        Move("close", "Close", "incident.close", ("resolved", "review_pending"), moving.close,
             "The last of it is done: it goes into the archive, and its work item is closed.",
             "{ref} is closed.", ("reason", "root_cause"), icon="check"),
        Move("severity", "Change severity", "incident.triage", BURNING, moving.change_severity,
             "The clocks follow. Of a graver one others are called, too.",
             "{ref} is {level} now.", ("severity", "reason"), icon="alert"),
        Move("escalate", "Call others", "incident.escalate", BURNING, calling.escalate,
             "The next level is called, or whom it needs; who is called already stays so.",
             "Others are called to {ref}.", ("because", "role", "reason"), icon="bell"),
        Move("call", "Call one contact", "incident.escalate", BURNING, calling.call_contact,
             "One of the contact book is called by name, and no one else. They answer by one tap.",
             "They are called to {ref}.", ("contact", "message"), icon="user"),
        Move("reopen", "Open again", "incident.resolve", ("resolved", "review_pending"),
             moving.reopen, "It was not over. Its people are called.", "{ref} is open again.",
             ("reason",), icon="refresh"),
        Move("merge", "Merge", "incident.merge", BURNING, moving.merge,
             "It is the same as another one: its alerts go there, and nobody is called for it.",
             "{ref} is merged.", ("into", "reason"), icon="branch"),
        Move("cancel", "False alarm", "incident.cancel", ("detected", "triaged", "mitigating"),
             moving.cancel, "There was nothing. Nobody is called for it any more.",
             "{ref} was a false alarm.", ("reason",), grave=True, icon="close"),
    )
}  # fmt: skip
# The way an incident goes.
_NEXT = {
    "detected": "triage", "triaged": "mitigate", "mitigating": "mitigated", "mitigated": "watch",
    "monitoring": "resolve", "resolved": "close", "review_pending": "close",
}  # fmt: skip
_WHY = {
    "acknowledge": "Nobody has said yet that they are on it.",
    "triage": "Say what is seen, since when, and whom it touches.",
    "mitigate": "Begin with what stops it hurting: roll back, switch off, scale.",
    "mitigated": "Say what was done as soon as it hurts nobody any more.",
    "watch": "It works again: watch that it stays so.",
    "resolve": "When it has stayed quiet, say that it is over.",
    "review": "What is this grave is looked back on before it is closed.",
    "close": "Say what caused it, and what is left.",
}


@dataclass(frozen=True, slots=True)
class Following:
    """The one next step, who may not take it and why."""

    move: Move | None
    why: str
    refusal: str = ""


def url(row: Incident, slug: str) -> str:
    return reverse("burning:move", args=(row.uid, slug))


def label(row: Incident, move: Move) -> str:
    if move.slug == "mitigate" and row.mitigated_at is not None:
        return "It came back"
    if move.slug == "acknowledge" and row.acknowledged_at is not None:
        return "I am on it, too"
    return move.label


def following(row: Incident, actor: Actor) -> Following:
    if row.status in BURNING and row.acknowledged_at is None:
        slug = "acknowledge"
    else:
        slug = _NEXT.get(row.status, "")
    if slug == "close" and row.status == "resolved" and row.severity in GRAVE:
        slug = "review"
    move = MOVES.get(slug)
    if move is None:
        return Following(None, _ended(row))
    return Following(move, _WHY[slug], refusal(move, row, actor))


def _ended(row: Incident) -> str:
    if row.merged_into is not None:
        return f"It goes on as {row.merged_into.ref}."
    return "It is over, and kept."


def idle(move: Move, row: Incident) -> str:
    """Why an incident as it stands has no use for it."""
    return "" if row.status in move.statuses else f"It is {row.get_status_display().lower()}."


def refusal(move: Move, row: Incident, actor: Actor) -> str:
    """Why not, or the empty text."""
    decision = policy.can(actor, move.action, row)
    if not decision:
        return decision.reason
    return idle(move, row) or _gate(move, row)


def _gate(move: Move, row: Incident) -> str:
    if move.slug == "close" and row.status == "resolved" and row.severity in GRAVE:
        return "What is this grave is reviewed before it is closed."
    if move.slug == "close" and row.status == "review_pending":
        return " ".join(unreviewed(row))
    step = states.table_of(row).steps.get(row.status, {}).get(move.to) if move.to else None
    return " ".join(step.gate(row)) if step is not None and step.gate is not None else ""


def hush_url(row: Incident, actor: Actor) -> str:
    """Where whoever is on it already says so again: a graver level calls anew. Everybody else has
    the button for it in the head."""
    if row.status not in BURNING or not row.acknowledged_by_id == actor.user_id is not None:
        return ""
    return url(row, "acknowledge") if policy.can(actor, "incident.acknowledge", row) else ""


def offered(row: Incident, actor: Actor, first: str) -> list[tuple[Move, str]]:
    """Those of this stage beside the next step, with the sentence that refuses each."""
    found = []
    for move in MOVES.values():
        if move.slug == first or idle(move, row):
            continue
        if move.slug == "acknowledge" and row.acknowledged_by_id == actor.user_id is not None:
            continue
        if move.slug == "resolve" and row.status != "monitoring" and row.firing_count:
            continue
        found.append((move, refusal(move, row, actor)))
    return found

"""What can be done with a deployment from its page, beside ticking and steps: as data, for the
buttons, the pages that ask, and the palette."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from controlplane.access import policy
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from deployments import services
from deployments.models import Deployment
from deployments.services.going import watch_minutes
from deployments.services.next_action import stays, undoing

BEFORE = ("preparing", "ready", "approved")
OUT = ("deploying", "verifying", "monitoring")
Words = Callable[[Deployment], str]


@dataclass(frozen=True, slots=True)
class Move:
    """`reason`: "" is not asked, "may" or "must" be given. `asks` leads to a page with the
    question first; without, the button does it."""

    slug: str
    label: str
    action: str
    statuses: tuple[str, ...]
    run: Callable[..., Any]
    question: Words
    done: Words
    reason: str = ""
    grave: bool = False
    asks: bool = True
    versioned: bool = True
    hint: str = ""  # under the reason: who reads it
    icon: str = "arrow-right"


def _said(text: str) -> Words:
    return lambda row: text.format(row=row, ref=row.ref, place=row.environment)


def _look(row: Deployment, *, actor: Actor, **_: Any) -> Deployment:
    policy.require(actor, "deployment.tick", row)
    services.look_at_gates(row)
    return row


def _keep(row: Deployment, *, actor: Actor, reason: str = "") -> Deployment:
    services.take_snapshot(row, actor=actor, note=reason)
    return row


def _begin(row: Deployment, *, actor: Actor, reason: str = "", **given: Any) -> Deployment:
    """With a reason it is meant: in spite of a freeze."""
    return services.start(row, actor=actor, reason=reason, override=bool(reason), **given)


def _watched(row: Deployment) -> str:
    minutes = watch_minutes(row)
    return f"Is it healthy? It is watched for {minutes} minutes from when it was deployed."


def _closing(row: Deployment) -> str:
    until = row.monitor_until
    if until is not None and clock.now() < until:
        return f"It is watched until {until:%Y-%m-%d %H:%M} UTC. Closing it before takes a reason."
    return "It is live and stays. Say how it went."


def _undone(row: Deployment) -> str:
    before = row.previous.running_release if row.previous is not None else "what was there before"
    return (
        f"A deployment of the kind rollback is made and started at once, with the steps that bring "
        f"{before} back to {row.environment}. No freeze, check or consent holds it up."
    )


def _backed(row: Deployment) -> str:
    lost = " Consent that was given or asked for falls." if row.approval is not None else ""
    return f"Think again, before it starts.{lost}"


MOVES: Mapping[str, Move] = {
    move.slug: move
    for move in (
        Move("prepare", "Prepare", "deployment.change", ("draft", "failed"), services.prepare,
             _said("Checks and steps are laid out, and on-call is told."),
             _said("{ref} is being prepared."), asks=False),
        Move("look", "Look again", "deployment.tick", (*BEFORE, *OUT), _look,
             _said("What the portal can see by itself is looked at again."),
             _said("Looked at again."), asks=False, versioned=False),
        Move("ready", "Declare ready", "deployment.change", ("preparing",),
             services.declare_ready,
             _said("Every check is looked at once more; whoever must consent is asked."),
             _said("{ref} is ready."), asks=False),
        Move("start", "Start", "deployment.start", ("approved",), _begin,
             _said("Start {ref} in {place}? Every check is looked at once more. A reason is for "
                   "going in spite of a freeze, and takes the right to."),
             _said("{ref} has started."), reason="may", icon="play"),
        Move("deployed", "All steps are done", "deployment.start", ("deploying",),
             services.steps_done, _said("It is verified next."), _said("{ref} is deployed."),
             asks=False),
        Move("watch", "Begin the watch", "deployment.start", ("verifying",), services.begin_watch,
             _watched, _said("{ref} is watched."), asks=False),
        Move("close", "Close", "deployment.close", ("monitoring",), services.close, _closing,
             _said("{ref} is completed."), reason="must", hint="It closes the work item too.",
             icon="check"),
        Move("documented", "Documentation is complete", "deployment.close", (*OUT, "completed"),
             services.settle, _said("Say where evidence, review and timeline are."),
             _said("The documentation of {ref} is complete."), reason="must", icon="book"),
        Move("snapshot", "Keep the figures of now", "deployment.tick", (*OUT, "completed"), _keep,
             _said("The figures of the last half hour are kept, as at a review."),
             _said("The figures are kept."), reason="may", versioned=False),
        Move("unblock", "Go on", "deployment.change", ("blocked",), services.unblock,
             _said("Back to where it was. Say what became of what was in the way."),
             _said("{ref} goes on."), reason="may", icon="play"),
        Move("rollback", "Roll back", "deployment.rollback",
             (*OUT, "completed", "failed", "blocked"), services.roll_back, _undone,
             _said("{ref} brings back what was there before."), reason="must", grave=True,
             versioned=False, hint="Everybody who follows releases reads it.", icon="history"),
        Move("back", "Back to preparing", "deployment.change", ("ready", "approved"),
             services.back_to_preparing, _backed, _said("{ref} is being prepared again."),
             reason="must", icon="arrow-left"),
        Move("block", "Block", "deployment.change", (*BEFORE, *OUT), services.block,
             _said("Nothing goes on until it is let go on. A command that runs, runs on."),
             _said("{ref} is blocked."), reason="must", icon="stop"),
        Move("fail", "Give it up", "deployment.start", (*OUT, "blocked"), services.give_up,
             _said("It failed. What is out there stays until it is rolled back or tried again."),
             _said("{ref} is given up."), reason="must", grave=True, icon="cross"),
        Move("cancel", "Cancel", "deployment.change", ("draft", *BEFORE, "blocked"),
             services.cancel, _said("It will not be. Its release may be planned anew."),
             _said("{ref} is cancelled."), reason="must", grave=True, icon="close"),
    )
}  # fmt: skip


def url(row: Deployment, slug: str) -> str:
    return reverse("deck:move", args=(row.uid, slug))


def refusal(move: Move, row: Deployment, actor: Actor) -> str:
    """Why not, or the empty text."""
    decision = policy.can(actor, move.action, row)
    return decision.reason if not decision else idle(move, row)


def idle(move: Move, row: Deployment) -> str:
    """Why a deployment as it stands has no use for it."""
    if row.status not in move.statuses:
        return f"It is {row.get_status_display().lower()}."
    began = row.started_at is not None
    if move.slug == "cancel" and began:
        return "It has begun: give it up, or roll it back."
    if move.slug in {"fail", "rollback"} and not began:
        return "It brought nothing out yet: cancel it."
    if move.slug == "rollback":
        return _undoable(row)
    if move.slug == "documented" and (row.docs_due_at is None or row.documented_at is not None):
        return "It owes no documentation."
    return ""


def _undoable(row: Deployment) -> str:
    undo = undoing(row)
    return f"{undo.ref} rolls it back." if undo is not None else stays(row)


def offered(row: Deployment, actor: Actor) -> list[tuple[Move, str]]:
    """Those of this stage, with the sentence that refuses each. What the stage has no use for is
    left out."""
    return [(move, refusal(move, row, actor)) for move in MOVES.values() if not idle(move, row)]

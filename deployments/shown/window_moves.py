"""Moves of a window as buttons: what is asked first, which service does it, when it is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.access import policy
from controlplane.lib.actors import Actor
from deployments.maintenance import links, packet, services
from deployments.models import MaintenanceWindow

_AHEAD = ("scheduled", "announced", "approved")


@dataclass(frozen=True, slots=True)
class Move:
    """`asks`: the argument that a text is asked for; `must`: it may not be empty."""

    slug: str
    label: str
    action: str
    service: Callable[..., Any]
    states: tuple[str, ...]
    question: str
    done: str
    asks: str = ""
    ask_label: str = "Why"
    must: bool = True
    hint: str = ""
    icon: str = "arrow-right"
    grave: bool = False
    ours: bool = False  # not of a partner's window
    most: int = 500


_MOVES = (
    Move(
        "schedule", "Schedule", "maintenance.plan", services.schedule, ("draft",),
        "It takes this time: every notice is laid out, and nothing else is planned there then.",
        "It is scheduled. Its notices leave by themselves.",
        asks="override", ask_label="Why without the two weeks or the quiet hours", must=False,
        hint="Only where a rule is broken; the release manager or the engineering lead may.",
        icon="calendar",
    ),
    Move(
        "announce", "Announce now", "maintenance.announce", services.announce, _AHEAD,
        "What is due is said now, by e-mail, chat, banner and inbox.",
        "Everybody is told.", icon="bell",
    ),
    Move(
        "tested", "Record the test", "maintenance.change", services.record_test,
        ("draft", *_AHEAD),
        "The way back was walked in staging. Say where that can be seen.",
        "The test is on the record.",
        asks="evidence", ask_label="What shows it", ours=True, icon="check", most=4_000,
        hint="A run, a log, who watched. Consent that was asked for before falls.",
    ),
    Move(
        "ask", "Ask for consent", "maintenance.plan", services.ask_consent, _AHEAD,
        "Whoever must sign is asked, with the window as it stands.",
        "Consent is asked for.", ours=True, icon="check",
    ),
    Move(
        "start", "Start", "maintenance.run", services.start, ("approved", "announced"),
        "It begins now, everybody is told, and alerts of its services are silent.",
        "It is under way.", icon="play",
    ),
    Move(
        "finish", "The work is done", "maintenance.run", services.finish, ("in_progress",),
        "Alerts sound again, and the watch of four hours begins.",
        "The work is done; now it is watched.",
        asks="outcome", ask_label="What came of it, if there is something to say", must=False,
        icon="check",
    ),
    Move(
        "close", "Close", "maintenance.run", services.close, ("monitoring",),
        "Everybody is told that it is over, and its work item is closed with its times.",
        "It is completed.",
        asks="reason", ask_label="How it went", ours=True, icon="check",
        hint="Everybody who was told of it reads this.",
    ),
    Move(
        "rollback", "Roll back", "maintenance.rollback", services.roll_back,
        ("in_progress", "monitoring"),
        "What was done is taken back, by the plan that was tested. The window ends with that.",
        "It is rolled back.",
        asks="reason", grave=True, ours=True, icon="history",
    ),
    Move(
        "cancel", "Cancel it", "maintenance.change", services.cancel,
        ("draft", *_AHEAD, "missed"),
        "It will not be. Whoever was told of it is told so; its subtasks are closed.",
        "It is cancelled.",
        asks="reason", grave=True, icon="close",
    ),
)  # fmt: skip
MOVES: dict[str, Move] = {move.slug: move for move in _MOVES}


def url(row: MaintenanceWindow, slug: str) -> str:
    return links.door(row, f"move/{slug}")


def idle(move: Move, row: MaintenanceWindow) -> str:
    """Why there is nothing to do here, or the empty text."""
    if row.status not in move.states:
        return f"{row.ref} is {row.get_status_display().lower()}."
    if move.slug == "start" and (row.status == "announced") is row.is_ours:
        return f"{row.ref} is {row.get_status_display().lower()}."
    if move.ours and not row.is_ours:
        return f"It is {row.partner}'s."
    if move.slug == "ask" and row.status == "approved" and packet.stands(row):
        return "Consent is given."
    return ""


def offered(row: MaintenanceWindow, actor: Actor) -> Sequence[tuple[Move, str]]:
    """Those of this stage, each with why this person may not."""
    found = []
    for move in MOVES.values():
        if idle(move, row):
            continue
        decision = policy.can(actor, move.action, row)
        found.append((move, "" if decision else decision.reason))
    return found

"""What can be done with a mission from its page, beside ticking and linking: as data, for the
buttons, the pages that ask, the bar over a list and the palette."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.urls import reverse

from controlplane.access import policy
from controlplane.lib.actors import Actor
from missions import services, stages
from missions.models import Mission
from missions.querysets import ENDED
from missions.services import undecided
from missions.services.holding import brief_of, open_visit

UNDER_WAY = ("active", "paused")
Words = Callable[[Mission], str]


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
    hint: str = ""  # under the reason: who reads it
    icon: str = "arrow-right"


def _said(text: str) -> Words:
    return lambda row: text.format(row=row, ref=row.ref, stage=stages.get(row.stage).label)


def _lock(row: Mission, *, actor: Actor, version: int | None = None) -> Mission:
    services.lock_brief(row, actor=actor, version=version)
    return row


def _unlock(row: Mission, **given: Any) -> Mission:
    services.unlock_brief(row, **given)
    return row


def _ask(row: Mission, **given: Any) -> Mission:
    services.ask_checkpoint(row, **given)
    return row


def _withdraw(row: Mission, **given: Any) -> Mission:
    services.withdraw_checkpoint(row, **given)
    return row


def _restore(row: Mission, *, actor: Actor, version: int | None = None) -> Mission:
    return services.archive_mission(row, actor=actor, on=False, version=version)


def _asking(row: Mission) -> str:
    point = stages.get(row.stage).checkpoint
    people = ", ".join(slot.title for slot in point.slots)
    return f"{point.label}: {people} are asked to sign what stands now."


def _opening(row: Mission) -> str:
    if row.stage == stages.FIRST:
        return "It can be written in again. What was signed of Define counts for nothing then."
    return (
        f"{row.ref} goes back to Define, and what was signed since counts for nothing. Signatures "
        "stay to be read."
    )


def _resuming(row: Mission) -> str:
    if row.held_too:
        more = len(row.held_too)
        return f"Lifts this alone: {row.pause_reason} It stays paused: {more} more hold it."
    stage = stages.get(row.stage).label
    return f"{row.ref} goes on in {stage}. What was signed meanwhile takes effect."


def _resumed(row: Mission) -> str:
    if row.status == Mission.Status.PAUSED:
        return f"{row.ref} is still held: {row.pause_reason}"
    return f"{row.ref} goes on."


def _cancelling(row: Mission) -> str:
    if row.status == Mission.Status.DRAFT:
        return "It will not be. Its work item is closed."
    return "It is not wanted any more. What is being asked of people falls; the record stays."


MOVES: Mapping[str, Move] = {
    move.slug: move
    for move in (
        Move("start", "Start", "mission.start", ("draft",), services.start_mission,
             _said("{ref} enters Define."), _said("{ref} is in Define."), asks=False, icon="play"),
        Move("lock", "Lock the brief", "mission.lock", ("active",), _lock,
             _said("Nothing in it changes from here on, unless it goes back to Define."),
             _said("The brief of {ref} is locked."), icon="lock"),
        Move("ask", "Ask for the checkpoint", "mission.ask", ("active",), _ask, _asking,
             _said("The people of the checkpoint are asked."), icon="send"),
        Move("advance", "Go on", "mission.move", ("active",), services.advance_stage,
             _said("Everything holds."), _said("{ref} goes on."), asks=False),
        Move("resume", "Resume", "mission.resume", ("paused",), services.resume_mission,
             _resuming, _resumed, reason="must", icon="play",
             hint="Say what became of what stopped it."),
        Move("pause", "Pause", "mission.pause", ("active",), services.pause_mission,
             _said("Nothing goes on until somebody resumes it. {ref} stays in {stage}; who is "
                   "asked to sign may still sign."),
             _said("{ref} is paused."), reason="must", icon="pause",
             hint="The mission owner and Operations Command read it."),
        Move("hold", "Hold it too", "mission.pause", ("paused",), services.pause_mission,
             _said("Something else holds {ref}. It goes on when each cause was lifted, this one "
                   "too."),
             _said("{ref} is held by this too."), reason="must", icon="pause",
             hint="Whoever wants to resume it reads it."),
        Move("back", "Send back", "mission.send_back", UNDER_WAY, services.send_back,
             _said("The stage begins again. What was signed of it and of the later ones counts for "
                   "nothing, and stays to be read."),
             _said("{ref} is back in {stage}."), reason="must", icon="arrow-left",
             hint="The mission owner reads it, and it stands beside every signature that falls."),
        Move("withdraw", "Take the question back", "mission.ask", UNDER_WAY, _withdraw,
             _said("To change what it is about. Who has signed already signs again."),
             _said("The question is withdrawn."), reason="may", icon="history"),
        Move("unlock", "Open the brief again", "mission.lock", UNDER_WAY, _unlock, _opening,
             _said("The brief is open."), reason="must", icon="unlock"),
        Move("archive", "Archive", "mission.archive", ENDED, services.archive_mission,
             _said("It leaves the lists that people work from."), _said("{ref} is archived."),
             asks=False, icon="database"),
        Move("restore", "Back from the archive", "mission.archive", ENDED, _restore,
             _said("It is listed again."), _said("{ref} is listed again."), asks=False,
             icon="database"),
        Move("fail", "Give it up", "mission.fail", UNDER_WAY, services.fail_mission,
             _said("It did not work out. What is being asked of people falls; the record stays."),
             _said("{ref} is given up."), reason="must", grave=True, icon="cross",
             hint="The mission owner and Operations Command read it."),
        Move("cancel", "Cancel", "mission.cancel", ("draft", *UNDER_WAY),
             services.cancel_mission, _cancelling, _said("{ref} is cancelled."), reason="must",
             grave=True, icon="close"),
    )
}  # fmt: skip


def url(row: Mission, slug: str) -> str:
    return reverse("missions:move", args=(row.uid, slug))


def refusal(move: Move, row: Mission, actor: Actor) -> str:
    """Why not, or the empty text."""
    return _forbidden(move, row, actor) or idle(move, row)


class Now:
    """What moves ask of a mission beside its own columns, read once."""

    def __init__(self, row: Mission, locked: bool, asked: str) -> None:
        self.row, self.locked, self.asked = row, locked, asked

    @cached_property
    def held(self) -> bool:
        """Whether safeguards found something that somebody must decide first."""
        return bool(undecided.unhandled(self.row))


def now_of(row: Mission) -> Now:
    visit = open_visit(row)
    request = visit.approval if visit is not None else None
    return Now(row, brief_of(row).is_locked, request.status if request is not None else "")


def idle(move: Move, row: Mission, now: Now | None = None) -> str:
    """Why a mission as it stands has no use for it."""
    if row.status not in move.statuses:
        return f"It is {row.get_status_display().lower()}."
    match move.slug:
        case "back" if row.stage == stages.FIRST:
            return "It is in the first stage."
        case "archive" if row.archived_at is not None:
            return "It is archived already."
        case "resume" if undecided.unhandled(row) if now is None else now.held:
            return "Safeguards hold it: decide what they found first."
        case "restore" if row.archived_at is None:
            return "It is not archived."
        case "lock" | "unlock" | "ask" | "withdraw" | "advance":
            return _of_question(move.slug, now or now_of(row))
    return ""


def _of_question(slug: str, now: Now) -> str:
    found = {
        "lock": (now.locked, "The brief is locked already."),
        "unlock": (not now.locked, "The brief is open."),
        "ask": (now.asked in {"open", "approved"}, "It is asked already."),
        "withdraw": (now.asked != "open", "Nothing is asked."),
        "advance": (now.asked != "approved", "Its checkpoint is not signed."),
    }
    refused, words = found[slug]
    return words if refused else ""


def offered(row: Mission, actor: Actor, now: Now) -> list[tuple[Move, str]]:
    """Those of this state, with the sentence that refuses each. What the state has no use for is
    left out."""
    known = [move for move in MOVES.values() if not idle(move, row, now)]
    return [(move, _forbidden(move, row, actor)) for move in known]


def _forbidden(move: Move, row: Mission, actor: Actor) -> str:
    decision = policy.can(actor, move.action, row)
    return "" if decision else decision.reason

"""How a mission stands, computed: blocked, ready, overdue, and what comes next. None of it is
stored, so none of it can be out of date."""

from __future__ import annotations

from dataclasses import dataclass

from missions import packets, stages
from missions.gates.kinds import Check
from missions.gates.looking import Look, all_checks
from missions.models import Mission


@dataclass(frozen=True, slots=True)
class Standing:
    """`blocked`: something but signatures keeps it where it is. `ready`: nothing but signatures
    does, or nothing at all. A draft and what has ended are neither."""

    blocked: bool
    ready: bool
    overdue: bool
    words: str  # the next step, in a sentence
    checks: list[Check]

    @property
    def unmet(self) -> list[Check]:
        return [each for each in self.checks if not each.is_settled]


def standing(mission: Mission, look: Look | None = None) -> Standing:
    look = look or Look(mission)
    checks = all_checks(look)
    unmet = [each for each in checks if not each.is_settled]
    # Of those, what is there to do before people can sign.
    hindering = [each for each in unmet if not signs(each)]
    here = [each for each in hindering if each.phase == "exit"]
    under_way = mission.is_under_way
    held = mission.status == Mission.Status.PAUSED
    return Standing(
        blocked=under_way and (held or bool(here)),
        ready=mission.status == Mission.Status.ACTIVE and not here,
        overdue=mission.is_overdue(look.now.date()),
        words=_words(mission, look, here, unmet),
        checks=checks,
    )


def signs(check: Check) -> bool:
    """Also of the next stage's door: that this one is signed."""
    return check.slug in {stages.SIGNED, "stage_before", "packet_unchanged"}


def _held_too(mission: Mission) -> str:
    said = " ".join(f"And: {each['reason']}" for each in mission.held_too)
    return f" {said}" if said else ""


def _words(mission: Mission, look: Look, here: list[Check], unmet: list[Check]) -> str:
    if mission.status == Mission.Status.DRAFT:
        return unmet[0].sentence if unmet else "It can be started."
    if mission.status == Mission.Status.PAUSED:
        return f"Paused: {mission.pause_reason}{_held_too(mission)}"
    if not mission.is_under_way:
        return str(mission.get_status_display())
    if here:
        more = f" And {len(here) - 1} more." if len(here) > 1 else ""
        return here[0].sentence + more
    label, request = look.stage.checkpoint.label, look.approval
    if request is not None and request.status == "open":
        return f"{label} waits for {packets.missing_slots(request)}."
    if request is None or request.status != "approved":
        return f"{label} can be asked for."
    return unmet[0].sentence if unmet else "It can go on."

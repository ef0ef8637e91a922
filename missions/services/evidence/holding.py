"""Legal holds: while one stands, nothing of the mission's evidence goes."""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy
from controlplane.base import holds
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from missions.models import EvidenceHold, Mission
from missions.services import reading
from missions.services.holding import hold
from missions.services.noting import note

FILES = "missions.evidence_files"


def standing(mission: Mission) -> EvidenceHold | None:
    found: EvidenceHold | None = EvidenceHold.objects.standing().filter(mission=mission).first()
    return found


def is_held(mission: Mission) -> bool:
    """By a hold of its own, or with its whole workspace."""
    return standing(mission) is not None or holds.over_workspace(mission.workspace_id, FILES)


def standing_holds() -> list[holds.Standing]:
    """For the clean-up: what else names the mission stays, too."""
    found = EvidenceHold.objects.standing().values_list("mission__workspace_id", "mission__ref")
    return [holds.Standing(workspace_id, ref=ref) for workspace_id, ref in found]


def require_free(mission: Mission) -> None:
    held = standing(mission)
    if held is not None:
        raise Conflict(
            f"A legal hold stands on {mission.ref}: nothing of its evidence goes. {held.reason}",
            details={"held_since": held.placed_at.isoformat()},
        )
    if holds.over_workspace(mission.workspace_id, FILES):
        raise Conflict("A legal hold stands on this workspace: nothing of its evidence goes.")


@transaction.atomic
def place_hold(mission: Mission, *, actor: Actor, reason: str) -> EvidenceHold:
    """From now on nothing of it is archived, taken away or forgotten. Held already, it stays as it
    is."""
    policy.require(actor, "mission.hold", mission)
    why = reading.reason(reason)
    holds.take_turn(alone=True)
    row = hold(mission)
    there = standing(row)
    if there is not None:
        return there
    made = EvidenceHold.objects.create(mission=row, reason=why, placed_by=actor.ref[:80])
    note(row, "mission.hold", actor=actor, after={"held": True}, reason=why,
         details={"transition": "-> on"})  # fmt: skip
    return made


@transaction.atomic
def release_hold(mission: Mission, *, actor: Actor, reason: str) -> EvidenceHold:
    """Its time runs again."""
    policy.require(actor, "mission.hold", mission)
    why = reading.reason(reason)
    row = hold(mission)
    there = standing(row)
    if there is None:
        raise InvalidTransition(f"No legal hold stands on {row.ref}.")
    there.released_at, there.released_by = clock.now(), actor.ref[:80]
    there.release_reason = why
    there.save(update_fields=["released_at", "released_by", "release_reason"])
    note(row, "mission.hold", actor=actor, before={"held": True}, after={"held": False}, reason=why,
         details={"transition": "-> off"})  # fmt: skip
    return there

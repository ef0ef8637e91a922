"""A mission on its way: started, sent back, ended."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import InvalidTransition
from missions import stages
from missions.gates.looking import Look, entry_checks
from missions.models import Mission, StageVisit
from missions.querysets import ENDED
from missions.services import reading
from missions.services.checkpoints import close_open, require_gates, supersede_from
from missions.services.holding import hold, require_status, visit_of
from missions.services.moving import move
from missions.services.noting import note
from missions.services.safeguards import suggest_defaults


@transaction.atomic
def start_mission(
    mission: Mission, *, actor: Actor, reason: str = "", version: int | None = None
) -> Mission:
    """Into Define: it has an owner and says what is wanted. Started already, nothing changes."""
    policy.require(actor, "mission.start", mission)
    row = hold(mission, version=version)
    if row.status == Mission.Status.ACTIVE:
        return row
    require_status(row, "draft")
    require_gates(entry_checks(Look(row)))
    why = reading.kept_line("reason", reason, reading.REASON)
    changes = {"started_at": clock.now()}
    move(row, actor=actor, action="mission.start", status="active", reason=why, changes=changes)
    suggest_defaults(row)
    return row


@transaction.atomic
def send_back(
    mission: Mission, *, actor: Actor, to: str, reason: str, version: int | None = None
) -> Mission:
    """To a stage it has been in. What was signed of that one and the later ones counts for
    nothing. Sent there already, nothing changes."""
    policy.require(actor, "mission.send_back", mission)
    why = reading.reason(reason)
    stage = stages.normal(to, "to")
    row = hold(mission, version=version)
    require_status(row, "active", "paused")
    visit = visit_of(row)
    if stage == row.stage and _sent_back_here(row, visit):
        return row
    if not stages.not_later(stage, row.stage) or stage == row.stage:
        back = stages.SLUGS[: stages.SLUGS.index(row.stage)]
        raise InvalidTransition(
            f"{row.ref} is in {stages.get(row.stage).label}: "
            f"{stages.get(stage).label} is no stage before it.",
            details={"from": row.stage, "to": stage, "legal": ", ".join(back) or "nothing"},
        )
    supersede_from(row, stage, actor=actor, reason=f"{row.ref} went back: {why}")
    return move(row, actor=actor, action="mission.send_back", stage=stage, reason=why)


def _sent_back_here(mission: Mission, visit: StageVisit) -> bool:
    rows = StageVisit.objects.filter(mission=mission, pk__lt=visit.pk).order_by("-pk")
    before = rows.first()
    return before is not None and before.outcome == StageVisit.Outcome.SENT_BACK


@transaction.atomic
def cancel_mission(
    mission: Mission, *, actor: Actor, reason: str, version: int | None = None
) -> Mission:
    """It is not wanted any more."""
    return _end(mission, "cancelled", "mission.cancel", actor, reason, version)


@transaction.atomic
def fail_mission(
    mission: Mission, *, actor: Actor, reason: str, version: int | None = None
) -> Mission:
    """It did not work out."""
    return _end(mission, "failed", "mission.fail", actor, reason, version)


def _end(
    mission: Mission, to: str, action: str, actor: Actor, reason: str, version: int | None
) -> Mission:
    policy.require(actor, action, mission)
    why = reading.reason(reason)
    row = hold(mission, version=version)
    if row.status == to:
        return row
    given: dict[str, Any] = {"actor": actor, "reason": why}
    if row.is_open:
        close_open(row, **given)
    return move(row, action=action, status=to, changes={"close_reason": why}, **given)


@transaction.atomic
def archive_mission(
    mission: Mission, *, actor: Actor, on: bool = True, version: int | None = None
) -> Mission:
    """Out of the lists that people work from, or back into them. Nothing else changes."""
    policy.require(actor, "mission.archive", mission)
    row = hold(mission, version=version)
    require_status(row, *ENDED)
    if (row.archived_at is not None) == on:
        return row
    row.archived_at, row.version = (clock.now() if on else None), row.version + 1
    Mission.objects.filter(pk=row.pk).update(archived_at=row.archived_at, version=F("version") + 1)
    note(
        row,
        "mission.archive",
        actor=actor,
        before={"archived": not on},
        after={"archived": on},
        details={"transition": f"-> {'on' if on else 'off'}"},
    )
    return row

"""What holds a mission: each cause for itself. The gravest is told first, and whoever lets a
mission go on lifts that one alone: the others hold it still, until each is gone and lifted."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet
from missions.execution.types import type_allowed
from missions.models import Mission, MissionToolkit
from missions.services import reading
from missions.services.checkpoints import go_on_if_signed
from missions.services.holding import hold, require_status
from missions.services.moving import move
from missions.services.noting import note, say
from missions.services.undecided import require_decided

Cause = Mission.Cause
_GRAVEST = (Cause.SAFEGUARD, Cause.KILL_SWITCH, Cause.AUTHORIZATION, Cause.OPERATOR)
_MOST = 20  # people who hold it, beside the rest
# What tells of a hold, of a mission that somebody holds in hand.
SHOWN = ("status", "version", "paused_at", "paused_by", "paused_cause", "pause_reason", "held_too")


@transaction.atomic
def pause_mission(
    mission: Mission,
    *,
    actor: Actor,
    reason: str,
    cause: str = "operator",
    version: int | None = None,
) -> Mission:
    """Nothing goes on until each cause is lifted. It stays where it is; who is asked to sign may
    still read and sign. Held already for this cause, and by them, it keeps its first reason."""
    policy.require(actor, "mission.pause", mission)
    why = reading.reason(reason)
    wanted = reading.choice("cause", cause, [each for each in Cause.values if each])
    row = hold(mission, version=version)
    if row.status == Mission.Status.PAUSED:
        return _hold_too(row, wanted, why, actor)
    changes: dict[str, Any] = {
        "paused_by": actor.ref[:80], "paused_cause": wanted, "pause_reason": why,
        "paused_at": clock.now(),  # held: what was let go before has an earlier time
    }  # fmt: skip
    return move(
        row, actor=actor, action="mission.pause", status="paused", reason=why, changes=changes
    )


def holds_of(mission: Mission) -> list[dict[str, Any]]:
    """What holds it, the gravest first."""
    if mission.paused_at is None:
        return []
    first = {
        "cause": mission.paused_cause, "by": mission.paused_by, "reason": mission.pause_reason,
        "at": mission.paused_at.isoformat(),
    }  # fmt: skip
    return [first, *mission.held_too]


def _hold_too(row: Mission, cause: str, why: str, actor: Actor) -> Mission:
    holds, by = holds_of(row), actor.ref[:80]
    for each in holds:
        # Of operators each holds it for themselves; the other causes are there or they aren't.
        if each["cause"] == cause and (cause != Cause.OPERATOR or each["by"] == by):
            return row
    if len(holds) >= _MOST:
        raise Conflict(f"{row.ref} is held by {len(holds)} already.")
    made = {"cause": cause, "by": by, "reason": why, "at": clock.now().isoformat()}
    _write(row, sorted([*holds, made], key=lambda each: _GRAVEST.index(each["cause"])))
    note(
        row, "mission.pause", actor=actor, after={"cause": cause, "held_by": len(holds) + 1},
        reason=why, details={"transition": "paused -> held"},
    )  # fmt: skip
    say(row, f"{row.ref} is held by one more: {why}", actor=actor)
    return row


def _write(row: Mission, holds: list[dict[str, Any]]) -> None:
    """`paused_at` stays: since then nothing was let go."""
    first, *others = holds
    changes = {
        "paused_cause": first["cause"], "paused_by": first["by"], "pause_reason": first["reason"],
        "held_too": others, "changed_at": clock.now(),
    }  # fmt: skip
    Mission.objects.filter(pk=row.pk).update(**changes, version=F("version") + 1)
    for name, value in changes.items():
        setattr(row, name, value)
    row.version += 1


@transaction.atomic
def resume_mission(
    mission: Mission, *, actor: Actor, reason: str, version: int | None = None
) -> Mission:
    """Lift what holds it, the gravest if there are several: then it is still paused, by the others.
    With the last one it goes on, and what was signed meanwhile takes effect."""
    policy.require(actor, "mission.resume", mission)
    why = reading.reason(reason)
    row = hold(mission, version=version)
    if row.status == Mission.Status.ACTIVE:
        return row
    require_status(row, "paused")
    policy.require(actor, "mission.resume", row)  # who paused it, and why, as it stands now
    _require_gone(row)
    if row.held_too:
        return _lift(row, actor, why)
    require_decided(row)
    move(row, actor=actor, action="mission.resume", status="active", reason=why)
    go_on_if_signed(row)
    return row


def _lift(row: Mission, actor: Actor, why: str) -> Mission:
    gone, others = row.paused_cause, list(row.held_too)
    _write(row, others)
    note(
        row, "mission.resume", actor=actor, before={"cause": gone},
        after={"cause": row.paused_cause, "held_by": len(others)}, reason=why,
        details={"transition": "held -> paused"},
    )  # fmt: skip
    say(row, f"{row.ref} is still held: {row.pause_reason}", actor=actor)
    return row


def _require_gone(row: Mission) -> None:
    """What holds it is over, as far as the portal can see."""
    if row.paused_cause == Cause.SAFEGUARD:
        require_decided(row)
    elif row.paused_cause == Cause.KILL_SWITCH:
        answer = type_allowed(row)
        _require(answer.allowed, f"{row.ref} is of a kind that is switched off: {answer.words}")
    elif row.paused_cause == Cause.AUTHORIZATION:
        cut = cut_off(row)
        _require(not cut, f"Not connected any more: {', '.join(map(str, cut))}. Connect it again, "
                 "or drop it.")  # fmt: skip


def _require(holds: bool, words: str) -> None:
    if not holds:
        raise GateNotMet(words, details={"conditions": [words]})


def cut_off(mission: Mission) -> list[MissionToolkit]:
    """What it was given and was connected to, and is no longer."""
    rows = mission.toolkits.filter(status="approved", connections__connected_at__isnull=False)
    rows = rows.select_related("integration").distinct().order_by("pk")
    return [
        row for row in rows
        if not any(not each.is_over() for each in row.connections.filter(status="approved"))
    ]  # fmt: skip

"""Asking others to take a shift. Until somebody takes it nothing changes; of two who do at once,
one has it and the other hears so."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.access.services.saving import invalid
from controlplane.audit.services import record
from controlplane.base import cache
from controlplane.base.states import advance
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import actors, clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.oncall import transitions  # noqa: F401 - the table that `advance` reads
from controlplane.oncall.models import Schedule, SwapRequest
from controlplane.oncall.services import overrides, reading, schedules, telling

ACTION = overrides.ACTION
EXPIRES = "oncall.swap_expires"
JOB = actors.job("oncall.swap_expires")


@transaction.atomic
def ask_swap(
    schedule: Schedule,
    *,
    actor: Actor,
    starts: datetime,
    ends: datetime,
    asked: Any = None,
    reason: str = "",
) -> SwapRequest:
    """Ask one person, or without a name whoever is on call here, to take this time of one's own."""
    policy.require(actor, ACTION, schedule)
    schedule = schedules.in_use(schedule)
    begin, end = overrides.times(starts, ends)
    if begin <= clock.now():
        raise invalid("starts", "It has begun. Hand it over instead.")
    whom = reading.person("asked", asked, schedule.workspace_id) if asked else None
    if whom is not None and whom.pk == actor.user_id:
        raise invalid("asked", "Ask somebody else.")
    if whom is not None and not overrides.serves(schedule, whom):
        raise invalid("asked", "They are not on call here.")
    overrides.free(schedule, begin, end)
    if any(shift.person != actor.user_id for shift in overrides.hidden(schedule, begin, end)):
        raise overrides.refused(actor, schedule, "own_shift", "the time is not all yours to swap")
    made = SwapRequest(
        workspace_id=schedule.workspace_id,
        schedule=schedule,
        asker=User.objects.get(pk=actor.user_id),
        asked=whom,
        starts=begin,
        ends=end,
        reason=overrides.said(reason),
    )
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as error:
        raise Conflict("You have asked for some of this time already.") from error
    record(actor, ACTION, made, after=_shown(made), reason=made.reason)
    timers.set_timer(
        EXPIRES,
        key=_key(made),
        due_at=begin,
        subject=f"oncall.swaprequest:{made.pk}",
        workspace_id=made.workspace_id,
        payload={"request": made.pk},
    )
    cache.forget("oncall:")
    telling.asked(made, _whom(made))
    return made


@transaction.atomic
def take_asked(request: SwapRequest, *, actor: Actor, answer: str = "") -> SwapRequest:
    """Take the shift: the swap is made now, with everything that follows from one."""
    row, schedule = _held(request)
    policy.require(actor, ACTION, row)
    taker = _answering(row, schedule, actor)
    before = overrides.hidden(schedule, row.starts, row.ends)
    if any(shift.person != row.asker_id for shift in before):
        raise Conflict("The shift is no longer theirs: somebody has taken it, or the rota changed.")
    made = overrides.place(
        schedule, taker, row.starts, row.ends, actor=actor, before=before, reason=row.reason
    )
    changes = {"taker": taker, "made": made, **_answered(answer)}
    advance(row, "taken", actor=actor, changes=changes)
    timers.cancel_timer(_key(row))
    return row


@transaction.atomic
def decline_asked(request: SwapRequest, *, actor: Actor, answer: str = "") -> SwapRequest:
    """Say no to what one was asked by name. What everybody was asked others may still take."""
    row, schedule = _held(request)
    policy.require(actor, ACTION, row)
    if row.asked_id != actor.user_id:
        raise overrides.refused(actor, schedule, "asked_by_name", "you were not asked by name")
    changes = _answered(answer)
    advance(row, "declined", actor=actor, changes=changes)
    _over(row)
    telling.answered(row, "declined")
    return row


@transaction.atomic
def withdraw_asked(request: SwapRequest, *, actor: Actor, reason: str = "") -> SwapRequest:
    row, schedule = _held(request)
    if row.asker_id != actor.user_id:
        policy.require(actor, "oncall.manage", schedule)
    advance(row, "withdrawn", actor=actor, changes=_answered(""), reason=overrides.said(reason))
    _over(row)
    return row


@timers.on(EXPIRES)
def expire(timer: Timer) -> None:
    """The shift begins: whoever asked has it, and hears so."""
    found = SwapRequest.objects.filter(pk=timer.payload.get("request"), status="open").first()
    if found is None:
        return
    reading.hold(found.schedule)
    row = SwapRequest.objects.select_for_update().get(pk=found.pk)
    if row.status != "open" or row.starts > clock.now():
        return
    advance(row, "expired", actor=JOB, changes={"answered_at": clock.now()})
    cache.forget("oncall:")
    telling.answered(row, "expired")


def _held(request: SwapRequest) -> tuple[SwapRequest, Schedule]:
    """The schedule first, as whatever else changes shifts does: of two takers the second waits
    here and then finds it taken."""
    schedule = schedules.in_use(request.schedule)
    row: SwapRequest = (
        SwapRequest.objects.select_for_update(of=("self",))
        .select_related("asker", "asked")
        .get(pk=request.pk)
    )
    row.schedule = schedule
    if row.status != "open":
        raise Conflict(f"It is {row.get_status_display().lower()} already.")
    return row, schedule


def _answering(row: SwapRequest, schedule: Schedule, actor: Actor) -> User:
    if row.starts <= clock.now():
        raise Conflict("The shift has begun.")
    if actor.user_id == row.asker_id:
        raise Conflict("It is your own shift. Withdraw what you asked instead.")
    if row.asked_id is not None and row.asked_id != actor.user_id:
        raise overrides.refused(actor, schedule, "asked_by_name", "somebody else was asked")
    taker = User.objects.get(pk=actor.user_id)
    if not overrides.serves(schedule, taker):
        raise overrides.refused(actor, schedule, "on_call_here", "you are not on call here")
    return taker


def _whom(made: SwapRequest) -> list[int]:
    if made.asked_id is not None:
        return [made.asked_id]
    return sorted(overrides.serving(made.schedule) - {made.asker_id})


def _answered(answer: str) -> dict[str, Any]:
    return {"answer": overrides.said(answer)[:300], "answered_at": clock.now()}


def _over(row: SwapRequest) -> None:
    timers.cancel_timer(_key(row))
    cache.forget("oncall:")


def _key(row: SwapRequest) -> str:
    return f"{EXPIRES}:{row.uid}"


def _shown(made: SwapRequest) -> dict[str, Any]:
    return {
        "schedule": made.schedule.slug,
        "asked": f"user:{made.asked_id}" if made.asked_id else "anybody",
        "starts": made.starts.isoformat(),
        "ends": made.ends.isoformat(),
    }

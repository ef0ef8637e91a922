"""Changes at a time. A timer applies them; what others changed meanwhile in the same part of the
settings is never run over: then it is given up, with the difference, and its author told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.base.states import advance
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import actors
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, ControlPlaneError
from deployments.flags import telling
from deployments.flags.models import FlagState, ScheduledChange
from deployments.flags.services import gates
from deployments.flags.services.holding import hold_state
from deployments.flags.services.noting import short_reason
from deployments.flags.services.settings import put
from deployments.flags.services.undoing import rebased
from deployments.flags.services.waiting import checked, in_time, later

TIMER = "flags.schedule"
PORTAL = actors.job("flag-schedules")


@transaction.atomic
def schedule(
    state: FlagState,
    settings: dict[str, Any],
    *,
    at: datetime,
    actor: Actor,
    version: int | None,
    reason: str = "",
    item: str = "",
) -> ScheduledChange:
    """Put these settings into place at that time. Several in a row build on each other."""
    policy.require(actor, "flag.change", state.flag)
    row = hold_state(state, version=version)
    document = checked(row, settings)
    gates.pass_consent(row, document)
    at = in_time("at", at)
    before = _expected(row, at)
    if document == before:
        raise Conflict("That is how it stands then anyway.")
    planned = ScheduledChange.objects.create(
        workspace_id=row.workspace_id,
        flag=row.flag,
        environment=row.environment,
        settings=document,
        base=before,
        base_version=row.version,
        at=at,
        reason=short_reason(reason, required=False),
        item=item[:120],
        author_ref=actor.ref[:80],
    )
    telling.planned(planned, actor)
    _set_timer(planned, at)
    return planned


def _expected(row: FlagState, at: datetime) -> dict[str, Any]:
    """How it will stand by then: as the last one planned before leaves it, else as now."""
    waiting = ScheduledChange.objects.open().filter(
        flag=row.flag, environment=row.environment, at__lte=at
    )
    last = waiting.order_by("-at", "-id").first()
    found: dict[str, Any] = last.settings if last is not None else row.settings
    return found


@transaction.atomic
def cancel_schedule(planned: ScheduledChange, *, actor: Actor, reason: str = "") -> ScheduledChange:
    """Take it back. Those planned to build on it will find that they no longer fit."""
    reason = short_reason(reason, required=False)
    advance(planned, "cancelled", actor=actor, reason=reason, changes={"outcome": reason})
    timers.cancel_timer(_key(planned))
    return planned


@timers.on(TIMER)
def apply_due(timer: Timer) -> None:
    planned = ScheduledChange.objects.select_related("flag", "environment").get(
        uid=timer.payload["schedule"]
    )
    state = FlagState.objects.select_related("flag").get(
        flag_id=planned.flag_id, environment_id=planned.environment_id
    )
    row: FlagState | None = None
    try:
        with transaction.atomic():
            row = hold_state(state)
            planned.refresh_from_db()
            if planned.status != ScheduledChange.Status.WAITING:
                return
            if _must_wait(planned, row):
                return
            _apply(planned, row)
    except ControlPlaneError as error:
        _give_up(planned, error)


def _must_wait(planned: ScheduledChange, row: FlagState) -> bool:
    """A freeze holds back what raises; it is tried again until the freeze is over."""
    sentence = gates.held_by_freeze(row, planned.settings)
    if sentence is None:
        return False
    ScheduledChange.objects.filter(pk=planned.pk).update(outcome=f"Waits: {sentence}"[:500])
    _set_timer(planned, later())
    return True


def _apply(planned: ScheduledChange, row: FlagState) -> None:
    document = checked(row, rebased(row.settings, planned.base, planned.settings))
    gates.pass_consent(row, document)
    change = None
    if document != row.settings:
        change = put(
            row,
            document,
            "schedule",
            actor=PORTAL,
            reason=planned.reason,
            item=planned.item,
            details={"schedule": str(planned.uid), "author": planned.author_ref},
        )
    advance(
        planned, "applied", actor=PORTAL, changes={"change": change, "outcome": "Applied in time."}
    )


def _give_up(planned: ScheduledChange, error: ControlPlaneError) -> None:
    planned.refresh_from_db()
    if planned.status != ScheduledChange.Status.WAITING:
        return
    with transaction.atomic():
        advance(planned, "failed", actor=PORTAL, changes={"outcome": error.message[:500]})
        telling.given_up(planned)


def _set_timer(planned: ScheduledChange, at: datetime) -> None:
    timers.set_timer(
        TIMER,
        key=_key(planned),
        due_at=at,
        subject=f"feature_flags.flag:{planned.flag_id}",
        workspace_id=planned.workspace_id,
        payload={"schedule": str(planned.uid)},
    )


def _key(planned: ScheduledChange) -> str:
    return f"flag-schedule:{planned.uid}"

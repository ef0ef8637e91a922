"""A calendar of somebody else's, taken in: as a rotation, as swaps, or both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from controlplane.access.models import User
from controlplane.access.services.saving import invalid
from controlplane.audit.services import record
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.oncall.arithmetic import Shift
from controlplane.oncall.importing.preparing import Becoming, prepare
from controlplane.oncall.models import Override, Schedule
from controlplane.oncall.services import changes, layers, promises, schedules
from controlplane.oncall.services.overrides import said

ACTION = "oncall.override"
WORDS = "oncall.import"


def import_calendar(
    schedule: Schedule,
    *,
    actor: Actor,
    calendar: bytes,
    people: Mapping[str, Any] | None = None,
    become: str = "auto",
    position: int | None = None,
    seen: str = "",
    reason: str = "",
) -> Becoming:
    """Take it in as `prepare` shows it. `seen`: what somebody looked at, if somebody did; where it
    would become something else by now, nothing is changed."""
    reason = said(reason)
    # Read before anything is held: it takes seconds, and may fail.
    made = prepare(
        schedule, actor=actor, calendar=calendar, people=people, become=become, position=position
    )
    if seen and seen != made.seen:
        raise Conflict("It becomes something else by now. Look at it again.")
    if made.empty:
        raise invalid("calendar", "Nothing in it becomes a shift from now on.")
    _take_in(made, actor, reason)
    return made


@transaction.atomic
def _take_in(made: Becoming, actor: Actor, reason: str) -> None:
    schedule = schedules.in_use(made.schedule)
    with changes.told(schedule, actor=actor, why=reason or made.name):
        if made.rota is not None:
            rota = made.rota
            layers.set_layer(
                schedule,
                made.position,
                [made.people[pk] for pk in rota.people],
                actor=actor,
                title=made.name,
                until=rota.until,
                reason=reason,
                tell=False,
                **rota.fields(),
            )
        for one in made.swaps:
            _place(schedule, one, made.people[one.person or 0], actor, reason)
        promises.renew(schedule)
    after = {"rotation": made.rota is not None, "swaps": len(made.swaps), "read": made.read}
    record(actor, WORDS, schedule, after=after, reason=reason)


def _place(schedule: Schedule, one: Shift, person: User, actor: Actor, reason: str) -> None:
    row = Override(
        workspace_id=schedule.workspace_id,
        schedule=schedule,
        person=person,
        starts=one.since,
        ends=one.until,
        reason=reason,
        made_by_id=actor.user_id,
        made_by_ref=actor.ref[:80],
    )
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise Conflict("Somebody took some of this time just now. Look again.") from error
    after = {
        "schedule": schedule.slug,
        "person": f"user:{person.pk}",
        "starts": one.since.isoformat(),
        "ends": one.until.isoformat(),
    }
    record(actor, ACTION, row, after=after, reason=reason)

"""Swaps: somebody takes a shift, or hands over their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from controlplane.access import policy
from controlplane.access.models import Grant, User
from controlplane.access.services.saving import invalid
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotAllowed
from controlplane.oncall import arithmetic, numbers, plans
from controlplane.oncall.arithmetic import Shift
from controlplane.oncall.models import LayerPerson, Override, Schedule
from controlplane.oncall.services import changes, promises, reading, schedules, telling

ACTION = "oncall.override"
LATE = timedelta(minutes=10)  # what a form stays open before it is sent


@transaction.atomic
def override(
    schedule: Schedule,
    person: Any,
    *,
    actor: Actor,
    starts: datetime | None = None,
    ends: datetime,
    reason: str = "",
) -> Override:
    """Let somebody be on duty whatever the rotations say. Anybody of the schedule takes shifts and
    hands over their own; who manages schedules places anybody of the workspace."""
    managed = bool(policy.can(actor, "oncall.manage", schedule))
    if not managed:
        policy.require(actor, ACTION, schedule)
    schedule = schedules.in_use(schedule)
    receiver = reading.person("person", person, schedule.workspace_id)
    begin, end = times(starts, ends)
    reason = said(reason)
    free(schedule, begin, end)
    before = hidden(schedule, begin, end)
    if not managed:
        _may(actor, schedule, receiver, before)
    return place(schedule, receiver, begin, end, actor=actor, before=before, reason=reason)


def place(
    schedule: Schedule,
    receiver: User,
    begin: datetime,
    end: datetime,
    *,
    actor: Actor,
    before: list[Shift],
    reason: str,
) -> Override:
    """The swap itself, within the transaction that holds the schedule, once everything was asked.
    `before` is who would have been on duty."""
    if all(shift.person == receiver.pk for shift in before):
        raise Conflict(f"{receiver.name or receiver.email} is on duty then already.")
    made = Override(
        workspace_id=schedule.workspace_id,
        schedule=schedule,
        person=receiver,
        starts=begin,
        ends=end,
        reason=reason,
        made_by_id=actor.user_id,
        made_by_ref=actor.ref[:80],
    )
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as error:
        raise Conflict("Somebody took this time just now. Look again.") from error
    record(actor, ACTION, made, after=_shown(made), reason=reason)
    promises.renew(schedule)
    telling.swapped(made, {shift.person for shift in before if shift.person is not None}, actor)
    return made


@transaction.atomic
def end_override(made: Override, *, actor: Actor, reason: str = "") -> Override:
    """Take it back. What was served of it stays served: then it ends now."""
    theirs = actor.user_id is not None and actor.user_id in {made.person_id, made.made_by_id}
    policy.require(actor, ACTION if theirs else "oncall.manage", made)
    schedule = reading.hold(made.schedule)
    row: Override = Override.objects.select_for_update().get(pk=made.pk)
    row.schedule = schedule
    now = clock.now()
    if row.cancelled_at is not None:
        return row
    if row.ends <= now:
        raise Conflict("It is over.")
    before: dict[str, Any] = {"ends": row.ends.isoformat(), "is_active": True}
    with changes.told(schedule, actor=actor, why=reason.strip()) as change:
        change.key = f"back:{row.uid}"
        change.but = {one for one in (row.person_id, row.made_by_id) if one is not None}
        after = _cut_short(row, now, actor)
    record(actor, ACTION, row, before=before, after=after, reason=said(reason))
    promises.renew(schedule)
    telling.taken_back(row, actor)
    return row


def _cut_short(row: Override, now: datetime, actor: Actor) -> dict[str, Any]:
    if row.starts >= now:
        row.cancelled_at, row.cancelled_by_ref = now, actor.ref[:80]
        row.save(update_fields=["cancelled_at", "cancelled_by_ref"])
        return {"is_active": False}
    row.ends = now
    row.save(update_fields=["ends"])
    return {"ends": now.isoformat(), "is_active": False}


def times(starts: datetime | None, ends: datetime) -> tuple[datetime, datetime]:
    now = clock.now()
    begin = now if starts is None else reading.instant("starts", starts)
    end = reading.instant("ends", ends)
    if begin < now - LATE:
        raise invalid("starts", "Who was on duty can't be changed: begin now or later.")
    begin = max(begin, now)
    if end <= begin:
        raise invalid("ends", "It must end after it began, and not before now.")
    if end - begin > timedelta(days=numbers.LONGEST_OVERRIDE.value):
        raise invalid("ends", f"At most {numbers.LONGEST_OVERRIDE.value} days.")
    if begin - now > timedelta(days=numbers.OVERRIDE_AHEAD.value):
        raise invalid("starts", f"At most {numbers.OVERRIDE_AHEAD.value} days ahead.")
    return begin, end


def said(value: str) -> str:
    if len(value.strip()) > 500:
        raise invalid("reason", "Keep the reason within 500 characters.")
    return value.strip()


def free(schedule: Schedule, begin: datetime, end: datetime) -> None:
    taken = Override.objects.between(begin, end).filter(schedule=schedule)
    first = taken.select_related("person").order_by("starts").first()
    if first is not None:
        name = first.person.name or first.person.email
        span = f"{first.starts:%Y-%m-%d %H:%M} to {first.ends:%Y-%m-%d %H:%M} UTC"
        raise Conflict(f"{name} stands in from {span}. End that first.")


def hidden(schedule: Schedule, begin: datetime, end: datetime) -> list[Shift]:
    plan = plans.plan_of(schedule, begin, end)
    return arithmetic.shifts(plan, begin, end)


def _may(actor: Actor, schedule: Schedule, receiver: User, before: list[Shift]) -> None:
    """Without managing the schedule: shifts for oneself, and one's own for others, among those who
    are on call here at all."""
    own = receiver.pk == actor.user_id
    if not own and any(shift.person != actor.user_id for shift in before):
        raise refused(actor, schedule, "own_shift", "the time is not all yours to hand over")
    if not serves(schedule, receiver):
        who = "you are" if own else "they are"
        raise refused(actor, schedule, "on_call_here", f"{who} not on call here")


def refused(actor: Actor, schedule: Schedule, rule: str, reason: str) -> NotAllowed:
    return NotAllowed(
        f"You can't change this shift: {reason}. Ask who manages the schedule.",
        denial={
            "actor": actor,
            "action": ACTION,
            "subject": schedule,
            "rule": rule,
            "reason": reason,
        },
    )


def serving_many(schedules: Sequence[Schedule]) -> dict[int, set[int]]:
    """Who is on call in each, in as many questions as there are schedules."""
    return {one.pk: serving(one) for one in {row.pk: row for row in schedules}.values()}


def serves(schedule: Schedule, person: User) -> bool:
    return person.pk in serving(schedule)


def serving(schedule: Schedule) -> set[int]:
    """Who is on call here at all: people of its rotations, and who holds a role it fills."""
    counts = Q(layer__until_at=None) | Q(layer__until_at__gt=clock.now())
    places = LayerPerson.objects.filter(
        counts, layer__schedule=schedule, layer__withdrawn_at=None
    ).values_list("person_id", flat=True)
    held = Grant.objects.held().filter(
        membership__workspace_id=schedule.workspace_id, role__in=schedule.roles
    )
    return set(places) | set(held.values_list("membership__user_id", flat=True))


def _shown(made: Override) -> dict[str, Any]:
    return {
        "schedule": made.schedule.slug,
        "person": f"user:{made.person_id}",
        "starts": made.starts.isoformat(),
        "ends": made.ends.isoformat(),
    }

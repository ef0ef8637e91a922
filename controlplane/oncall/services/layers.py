"""Rotations: who takes turns, from when on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import date, datetime, time, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.access.services.saving import as_invalid, invalid
from controlplane.audit.services import record
from controlplane.base.states import plain
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.oncall import numbers
from controlplane.oncall.models import EVERY_DAY, Layer, LayerPerson, Schedule
from controlplane.oncall.services import changes, promises, reading, schedules, telling
from controlplane.oncall.walls import instant, local_of, zone_of

ACTION = "oncall.manage"
WORDS = "oncall.rotate"  # what the log calls it
SHOWN = (
    "position", "title", "turn", "every", "handoff_time", "handoff_weekday", "time_zone",
    "starts_on", "days", "hours_from", "hours_until", "from_at", "until_at",
)  # fmt: skip


@transaction.atomic
def set_layer(
    schedule: Schedule,
    position: int,
    people: Any,
    *,
    actor: Actor,
    title: str = "",
    turn: str = "weekly",
    every: int = 1,
    handoff_time: time = time(9),
    handoff_weekday: int = 0,
    time_zone: str = "",
    starts_on: date | None = None,
    until: date | None = None,
    days: Any = tuple(EVERY_DAY),
    hours_from: time | None = None,
    hours_until: time | None = None,
    reason: str = "",
    tell: bool = True,
) -> Layer:
    """Put a rotation at this position, in place of the one that is there: from now on, or from the
    hand-over of the day it starts on, if that is still to come. `until` is the day it ends on, at
    the same hour. Who is named first has the turn that `starts_on` lies in. Without `tell` it is
    part of a change that tells everybody itself."""
    policy.require(actor, ACTION, schedule)
    schedule = schedules.in_use(schedule)
    now = clock.now()
    layer = Layer(
        schedule=schedule,
        position=_position(position),
        title=title.strip(),
        turn=turn,
        every=every,
        handoff_time=handoff_time,
        handoff_weekday=handoff_weekday,
        time_zone=time_zone or schedule.time_zone,
        days=reading.days("days", days),
        hours_from=hours_from,
        hours_until=hours_until,
        from_at=now,
        made_by_ref=actor.ref[:80],
    )
    layer.starts_on = starts_on or date.min
    _sound(layer)
    _times(layer, starts_on, until, now)
    placed = _people(people, schedule.workspace_id)
    with changes.told(schedule, actor=actor, why=reason) if tell else nullcontext() as change:
        _put(schedule, layer, placed, now)
        if change is not None:
            change.key, change.but = str(layer.uid), {user.pk for user in placed}
    _touched(schedule, now)
    after = {
        **{name: plain(getattr(layer, name)) for name in SHOWN},
        "people": reading.refs(placed),
    }
    record(actor, WORDS, schedule, after=after, reason=reason)
    promises.renew(schedule)
    if tell:
        telling.placed(schedule, layer, placed, actor)
    return layer


def _put(schedule: Schedule, layer: Layer, placed: list[User], now: datetime) -> None:
    _end(schedule, layer.position, layer.from_at, now)
    try:
        with transaction.atomic():
            layer.save()
    except IntegrityError as error:
        raise Conflict("Somebody changed this rotation just now. Look again.") from error
    LayerPerson.objects.bulk_create(
        LayerPerson(layer=layer, position=place, person=user) for place, user in enumerate(placed)
    )


@transaction.atomic
def drop_layer(schedule: Schedule, position: int, *, actor: Actor, reason: str = "") -> Schedule:
    """End the rotation at this position now. What it said stays for what lies before."""
    policy.require(actor, ACTION, schedule)
    schedule = schedules.in_use(schedule)
    now = clock.now()
    with changes.told(schedule, actor=actor, why=reason):
        if not _end(schedule, _position(position), now, now):
            raise Conflict("There is no rotation at this position.")
    _touched(schedule, now)
    before = {"position": position}
    record(actor, WORDS, schedule, before=before, reason=reason)
    promises.renew(schedule)
    return schedule


def _touched(schedule: Schedule, now: datetime) -> None:
    schedule.version += 1
    schedule.changed_at = now
    schedule.save(update_fields=["version", "changed_at"])


def _position(value: Any) -> int:
    most = numbers.MOST_LAYERS.value
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise invalid("position", f"From 1, the lowest, to {most}.")
    return value


def _people(given: Any, workspace_id: int) -> list[User]:
    found = reading.people("people", given, workspace_id)
    if not found:
        raise invalid("people", "Name at least one person.")
    if len(found) > numbers.MOST_PEOPLE.value:
        raise invalid("people", f"At most {numbers.MOST_PEOPLE.value} places.")
    return found


def _sound(layer: Layer) -> None:
    try:
        layer.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        raise as_invalid(error) from error
    if layer.period > timedelta(days=numbers.LONGEST_TURN.value):
        raise invalid("every", f"A turn lasts at most {numbers.LONGEST_TURN.value} days.")
    if (layer.hours_from is None) != (layer.hours_until is None):
        field = "hours_from" if layer.hours_from is None else "hours_until"
        raise invalid(field, "Give both hours, or neither.")


def _times(layer: Layer, starts_on: date | None, until: date | None, now: datetime) -> None:
    """From when and until when it counts; what is over already is not made over again."""
    zone = zone_of(layer.time_zone)
    today = local_of(now, zone)
    layer.starts_on = starts_on or today.date()
    far = numbers.OVERRIDE_AHEAD.value
    if not -3_660 <= (layer.starts_on - today.date()).days <= far:
        raise invalid("starts_on", f"At most ten years back and {far} days ahead.")
    if layer.starts_on > today.date():
        layer.from_at = instant(datetime.combine(layer.starts_on, layer.handoff_time), zone)
    if until is None:
        return
    if not layer.starts_on < until <= layer.starts_on + timedelta(days=36_500):
        raise invalid("until", "It must end after it began.")
    layer.until_at = instant(datetime.combine(until, layer.handoff_time), zone)
    if layer.until_at <= layer.from_at:
        raise invalid("until", "That is over already.")


def _end(schedule: Schedule, position: int, at: datetime, now: datetime) -> int:
    """Versions of this position count until then; what would have begun later is withdrawn."""
    rows = Layer.objects.standing().filter(schedule=schedule, position=position)
    later = rows.filter(from_at__gte=at).update(withdrawn_at=now)
    ending = rows.filter(from_at__lt=at).exclude(until_at__lte=at)
    return later + ending.update(until_at=at)


def current(schedule: Schedule, at: datetime | None = None) -> Sequence[Layer]:
    """Rotations in effect or to come, the highest first."""
    rows = Layer.objects.current_or_to_come(at).filter(schedule=schedule)
    return list(rows.prefetch_related("places__person").order_by("-position", "from_at"))

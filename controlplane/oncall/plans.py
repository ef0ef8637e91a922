"""From rows to plans: four questions for any number of schedules of a workspace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import Exists, Max, OuterRef, Prefetch
from django.db.models.functions import Least

from controlplane.access.models import Grant, Membership, User
from controlplane.audit.models import AuditEvent
from controlplane.audit.refs import subject_ref
from controlplane.lib import clock
from controlplane.oncall.arithmetic import MIDNIGHT, Hours, Plan, Rotation, Swap
from controlplane.oncall.models import EVERY_DAY, Layer, LayerPerson, Override, Schedule
from controlplane.oncall.walls import zone_of

LONG_AGO = timedelta(days=36_500)


def plan_of(schedule: Schedule, start: datetime, end: datetime) -> Plan:
    return plans_of([schedule], start, end)[schedule.pk]


def plans_of(schedules: Sequence[Schedule], start: datetime, end: datetime) -> dict[int, Plan]:
    """What shifts between the two instants follow from, by schedule."""
    known = {schedule.pk: schedule for schedule in schedules}
    places = LayerPerson.objects.order_by("position")
    layers = list(
        Layer.objects.between(start, end)
        .filter(schedule__in=known)
        .prefetch_related(Prefetch("places", places))
        .order_by("position", "from_at")
    )
    swaps = list(Override.objects.between(start, end).filter(schedule__in=known))
    people = {place.person_id for layer in layers for place in layer.places.all()}
    people |= {swap.person_id for swap in swaps}
    workspaces = {schedule.workspace_id for schedule in schedules}
    gone = gone_of(workspaces, people)
    rotations: dict[int, list[Rotation]] = defaultdict(list)
    for layer in layers:
        layer.schedule = known[layer.schedule_id]
        rotations[layer.schedule_id].append(rotation_of(layer))
    taken: dict[int, list[Swap]] = defaultdict(list)
    for row in swaps:
        taken[row.schedule_id].append(Swap(row.pk, row.person_id, row.starts, row.ends))
    return {
        pk: Plan(
            tuple(rotations[pk]),
            tuple(taken[pk]),
            gone[schedule.workspace_id],
            meant_by(schedule),
        )
        for pk, schedule in known.items()
    }


def rotation_of(layer: Layer) -> Rotation:
    zone = zone_of(layer.time_zone)
    hours = None
    if layer.is_restricted:
        hours = Hours(
            zone,
            frozenset(layer.days),
            layer.hours_from or MIDNIGHT,
            layer.hours_until or MIDNIGHT,
        )
    return Rotation(
        key=layer.pk,
        people=tuple(place.person_id for place in layer.places.all()),
        zone=zone,
        anchor=layer.anchor,
        period=layer.period,
        since=layer.from_at,
        until=layer.until_at,
        hours=hours,
    )


def meant_by(schedule: Schedule) -> Hours | None:
    """When somebody should be on duty; None means always."""
    if schedule.cover_from is None and set(schedule.cover_days) == set(EVERY_DAY):
        return None
    return Hours(
        zone_of(schedule.time_zone),
        frozenset(schedule.cover_days),
        schedule.cover_from or MIDNIGHT,
        schedule.cover_until or MIDNIGHT,
    )


def gone_of(
    workspaces: Iterable[int], people: Iterable[int]
) -> Mapping[int, Mapping[int, datetime]]:
    """Of each workspace who can no longer be on duty, and since when: they left, lost their last
    role or their account. What they did before stays theirs."""
    wanted, spaces = set(people), set(workspaces)
    early = clock.now() - LONG_AGO
    gone = {space: dict.fromkeys(wanted, early) for space in spaces}
    if not wanted:
        return gone
    held = Grant.objects.held().filter(membership=OuterRef("pk"))
    last = Max(Least("grants__revoked_at", "grants__expires_at"))
    rows = list(
        Membership.objects.filter(workspace__in=spaces, user__in=wanted)
        .annotate(works=Exists(held), ended=last)
        .values_list(
            "workspace_id", "user_id", "user__is_active", "works", "left_at", "ended", "created_at"
        )
    )
    closed = _closed({row[1] for row in rows if not row[2]})
    for space, user_id, active, works, left_at, ended, joined in rows:
        if not active:
            gone[space][user_id] = closed[user_id]
        elif works:
            del gone[space][user_id]
        else:
            gone[space][user_id] = left_at or ended or joined
    return gone


def _closed(people: Iterable[int]) -> dict[int, datetime]:
    """When accounts were closed, as the log tells it: the account itself doesn't."""
    people = set(people)
    if not people:
        return {}
    refs = {subject_ref(user): user.pk for user in User.objects.filter(pk__in=people)}
    rows = AuditEvent.objects.filter(
        action="member.deactivate", subject_ref__in=refs, outcome="done"
    ).order_by("id")
    found = {refs[ref]: at for ref, at in rows.values_list("subject_ref", "at")}
    # The log's clock is the database's: where that is ahead of ours, they are gone all the same.
    latest = clock.now() - timedelta(seconds=1)
    return {pk: min(found.get(pk, latest - LONG_AGO), latest) for pk in people}

"""What a rota lacks before it shows: gaps to come, rotations of people who are gone, people whom
nothing reaches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch

from controlplane.access.models import User
from controlplane.lib import clock
from controlplane.oncall import arithmetic, duty, numbers, plans, reach
from controlplane.oncall.arithmetic import Plan, Shift
from controlplane.oncall.models import Layer, LayerPerson, Schedule


@dataclass(frozen=True, slots=True)
class Lack:
    """`kind`: "empty" a rotation nobody of which is here, "gone" somebody of it, "unreachable"."""

    kind: str
    text: str
    layer: Layer | None = None
    person: User | None = None


@dataclass(frozen=True, slots=True)
class Lacking:
    schedule: Schedule
    gaps: Sequence[Shift]
    lacks: Sequence[Lack]

    def __bool__(self) -> bool:
        return bool(self.gaps or self.lacks)


def of(
    schedules: Sequence[Schedule],
    at: datetime | None = None,
    known: Mapping[int, Plan] | None = None,
) -> list[Lacking]:
    """Of each schedule, in the order given; the questions are as many for one as for all.
    `known`: their plans, where somebody has read them already, for these weeks at least."""
    if not schedules:
        return []
    at = at or clock.now()
    ahead = at + timedelta(weeks=numbers.ROSTER_WEEKS.value)
    if known is None:
        known = plans.plans_of(schedules, at - duty.window(), ahead + duty.window())
    layers = _layers(schedules, at)
    unreachable = _unreachable(schedules, layers, known, at)
    return [
        Lacking(
            one,
            _gaps(one, known[one.pk], at, ahead),
            [
                *_gone(layers[one.pk], known[one.pk], at),
                *[
                    Lack("unreachable", f"Nothing that is sent reaches {called(user)}", person=user)
                    for user in unreachable[one.pk]
                ],
            ],
        )
        for one in schedules
    ]


def called(user: User) -> str:
    return user.name or user.email


def _gaps(schedule: Schedule, plan: Plan, at: datetime, ahead: datetime) -> list[Shift]:
    return arithmetic.gaps(plan, at, ahead) if plan.rotations else []


def _layers(schedules: Sequence[Schedule], at: datetime) -> dict[int, list[Layer]]:
    rows = (
        Layer.objects.current_or_to_come(at)
        .filter(schedule__in=[one.pk for one in schedules])
        .prefetch_related(
            Prefetch("places", LayerPerson.objects.select_related("person").order_by("position"))
        )
        .order_by("-position", "from_at")
    )
    found: dict[int, list[Layer]] = defaultdict(list)
    for row in rows:
        found[row.schedule_id].append(row)
    return found


def _people(layers: Sequence[Layer]) -> list[User]:
    found = {place.person_id: place.person for layer in layers for place in layer.places.all()}
    return list(found.values())


def _gone(layers: Sequence[Layer], plan: Plan, at: datetime) -> list[Lack]:
    found = []
    for layer in layers:
        people = _people([layer])
        gone = [one for one in people if one.pk in plan.gone and plan.gone[one.pk] <= at]
        if len(gone) == len(people):
            found.append(Lack("empty", f"Nobody of {layer} works here any more", layer))
            continue
        for one in gone:
            text = f"{called(one)} no longer works here, and still has turns of {layer}"
            found.append(Lack("gone", text, layer, one))
    return found


def _unreachable(
    schedules: Sequence[Schedule],
    layers: dict[int, list[Layer]],
    known: Mapping[int, Plan],
    at: datetime,
) -> dict[int, list[User]]:
    spaces: dict[int, dict[int, User]] = defaultdict(dict)
    wanted: dict[int, list[int]] = {}
    for one in schedules:
        gone = known[one.pk].gone
        here = [user for user in _people(layers[one.pk]) if user.pk not in gone]
        wanted[one.pk] = [user.pk for user in here]
        spaces[one.workspace_id].update({user.pk: user for user in here})
    lost = {
        space: {user.pk for user in reach.unreachable(space, list(people.values()))}
        for space, people in spaces.items()
    }
    return {
        one.pk: [
            spaces[one.workspace_id][pk]
            for pk in wanted[one.pk]
            if pk in lost.get(one.workspace_id, ())
        ]
        for one in schedules
    }

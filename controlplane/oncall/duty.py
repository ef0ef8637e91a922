"""Who is on duty: what the rest of the portal asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.oncall import arithmetic, numbers, plans
from controlplane.oncall.arithmetic import Plan, Shift
from controlplane.oncall.models import Layer, Override, Schedule


@dataclass(frozen=True, slots=True)
class Duty:
    """Somebody is on duty. `layer` is None where a swap put them there."""

    person: User
    schedule: Schedule
    since: datetime
    until: datetime
    layer: Layer | None = None
    override: Override | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a schedule stands at an instant: who is on duty, or that nobody is (`gap`: and somebody
    should be), and what comes next."""

    schedule: Schedule
    at: datetime
    duty: Duty | None
    gap: bool
    next: Duty | None = None
    changes_at: datetime | None = None


def window() -> timedelta:
    """How far before and after an instant its shift can reach."""
    return timedelta(days=numbers.LONGEST_TURN.value + 3)


def on_duty(role: str, at: datetime | None = None, *, workspace: Workspace | int) -> list[Duty]:
    """Who answers as this role, now or then; nobody is an empty list. Several schedules may fill
    one role, and each person is named once."""
    at = at or clock.now()
    found: dict[int, Duty] = {}
    for one in standing(workspace, role=role, at=at):
        if one.duty is not None:
            found.setdefault(one.duty.person.pk, one.duty)
    return list(found.values())


def on_duty_many(
    asked: Iterable[tuple[int, str]], at: datetime | None = None
) -> dict[tuple[int, str], list[Duty]]:
    """The same for any number of workspaces (by key) and roles at once, in as many questions as
    for one: whoever calls for a thousand incidents does not ask a thousand times."""
    at = at or clock.now()
    found: dict[tuple[int, str], dict[int, Duty]] = {pair: {} for pair in asked}
    if not found:
        return {}
    rows = Schedule.objects.counting(at).filter(
        workspace__in={space for space, _ in found},
        roles__overlap=sorted({role for _, role in found}),
    )
    schedules = list(rows.order_by("title", "id"))
    for one in _duties(schedules, at):
        for role in one.schedule.roles:
            pair = (one.schedule.workspace_id, role)
            if pair in found:
                found[pair].setdefault(one.person.pk, one)
    return {pair: list(duties.values()) for pair, duties in found.items()}


def _duties(schedules: Sequence[Schedule], at: datetime) -> list[Duty]:
    if not schedules:
        return []
    far = window()
    known = plans.plans_of(schedules, at - far, at + far)
    shifts = {pk: arithmetic.shift_at(plan, at) for pk, plan in known.items()}
    names = Names.of(shifts.values())
    duties = (names.duty(shifts[one.pk], one) for one in schedules)
    return [duty for duty in duties if duty is not None]


def is_on_duty(
    person: User | int,
    *,
    workspace: Workspace | int,
    role: str = "",
    at: datetime | None = None,
) -> bool:
    """Whether somebody is on duty for this role, or for any."""
    wanted = person.pk if isinstance(person, User) else person
    return any(
        one.duty is not None and one.duty.person.pk == wanted
        for one in standing(workspace, role=role, at=at)
    )


def is_on_duty_by(schedule: Schedule, person: int, at: datetime | None = None) -> bool:
    """Whether somebody is on duty by this very schedule."""
    at = at or clock.now()
    far = window()
    return arithmetic.person_at(plans.plan_of(schedule, at - far, at + far), at) == person


def standing(
    workspace: Workspace | int, *, role: str = "", at: datetime | None = None
) -> list[Standing]:
    """Every schedule in use then, or those that fill a role."""
    at = at or clock.now()
    rows = Schedule.objects.counting(at).filter(
        workspace=workspace.pk if isinstance(workspace, Workspace) else workspace
    )
    if role:
        rows = rows.filling(role)
    return standings(list(rows.order_by("title", "id")), at)


def standings(
    schedules: Sequence[Schedule], at: datetime, known: Mapping[int, Plan] | None = None
) -> list[Standing]:
    """`known`: their plans, where somebody has read them already, for at least `window` around."""
    if not schedules:
        return []
    if known is None:
        far = window()
        known = plans.plans_of(schedules, at - far, at + far)
    shifts = {pk: _now_and_next(plan, at) for pk, plan in known.items()}
    names = Names.of(shift for pair in shifts.values() for shift in pair)
    return [_standing(one, at, known[one.pk], *shifts[one.pk], names) for one in schedules]


def _now_and_next(plan: Plan, at: datetime) -> tuple[Shift, Shift | None]:
    now = arithmetic.shift_at(plan, at)
    found = arithmetic.next_change(plan, at, at + arithmetic.reach(plan))
    if found is None:
        return now, None
    return now, arithmetic.shift_at(plan, found.since)


@dataclass(frozen=True, slots=True)
class Names:
    """The rows that shifts only name by key."""

    people: dict[int, User]
    layers: dict[int, Layer]
    overrides: dict[int, Override]

    @classmethod
    def of(cls, shifts: Iterable[Shift | None]) -> Names:
        found = [shift for shift in shifts if shift is not None]
        people = {shift.person for shift in found if shift.person is not None}
        layers = {shift.layer for shift in found if shift.layer is not None}
        overrides = {shift.override for shift in found if shift.override is not None}
        return cls(
            User.objects.in_bulk(people),
            Layer.objects.in_bulk(layers) if layers else {},
            Override.objects.in_bulk(overrides) if overrides else {},
        )

    def duty(self, shift: Shift | None, schedule: Schedule) -> Duty | None:
        if shift is None or shift.person is None:
            return None
        return Duty(
            self.people[shift.person],
            schedule,
            shift.since,
            shift.until,
            self.layers.get(shift.layer or 0),
            self.overrides.get(shift.override or 0),
        )


def _standing(
    schedule: Schedule, at: datetime, plan: Plan, now: Shift, later: Shift | None, names: Names
) -> Standing:
    second = timedelta(seconds=1)
    gap = now.is_gap and bool(arithmetic.gaps(plan, at, at + second))
    return Standing(
        schedule,
        at,
        names.duty(now, schedule),
        gap,
        names.duty(later, schedule),
        later.since if later is not None else None,
    )

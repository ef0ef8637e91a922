"""What it costs to know who is on duty: one look, a year of shifts, a hundred schedules at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import cycle
from zoneinfo import ZoneInfo

from dateutil.rrule import WEEKLY, rrule

from controlplane.access import services as access
from controlplane.access.models import User, Workspace
from controlplane.base import bench
from controlplane.base.bench import Row, Run
from controlplane.lib import actors, defaults
from controlplane.oncall import arithmetic, services
from controlplane.oncall.arithmetic import Hours, Plan, Rotation
from controlplane.oncall.duty import on_duty_many
from controlplane.oncall.models import Schedule

LOOKS_A_SECOND = defaults.define(
    "oncall.bench_looks_s",
    10_000,
    unit="looks/s",
    why="Who is on duty is asked before every page, and must never be what a page waits for.",
)
RENDER_MS = defaults.define(
    "oncall.bench_render_ms", 100, unit="ms", why="A year of five layers, while somebody waits."
)
WEEK, DAY = timedelta(days=7), timedelta(days=1)
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")
FROM = datetime(2026, 1, 1, tzinfo=UTC)
MANY = 100
JOB = actors.job("bench")


@bench.register("oncall", doc="who is on duty: looks, a year of shifts, many schedules at once")
def measure(run: Run) -> Iterator[Row]:
    yield from _looks(run)
    yield from _year(run)
    with bench.quiet():
        found = list(_many(run))
    yield from found


def five_layers() -> Plan:
    """Weekly turns around the clock in five zones, the upper ones by hours of the day."""
    layers = []
    for key, name in enumerate(ZONES):
        zone = ZoneInfo(name)
        hours = Hours(zone, frozenset(range(5))) if key else None
        anchor = datetime.combine(date(2025, 12, 29), datetime.min.time()) + timedelta(hours=9)
        people = tuple(range(key * 5 + 1, key * 5 + 6))
        layers.append(Rotation(key + 1, people, zone, anchor, WEEK, FROM - WEEK, None, hours))
    return Plan(tuple(layers))


def _looks(run: Run) -> Iterator[Row]:
    moments = cycle([FROM + run.rng.random() * 365 * DAY for _ in range(1_000)])
    plan = five_layers()
    weekly = Plan(plan.rotations[:1])
    bare = bench.per_second(_bare(weekly.rotations[0], moments), run.seconds)
    for name, one in (("one weekly rotation", weekly), ("five layers", plan)):
        rate = bench.per_second(_look(one, moments), run.seconds)
        yield Row(f"who is on duty, {name}", rate, "/s", "a division of local time", bare)
        if rate < LOOKS_A_SECOND.value:
            run.missed.append(f"{rate:,.0f} looks a second at {name}")


def _look(plan: Plan, moments: Iterator[datetime]) -> Callable[[], object]:
    return lambda: arithmetic.person_at(plan, next(moments))


def _bare(rotation: Rotation, moments: Iterator[datetime]) -> Callable[[], object]:
    """What nobody can do without: local time, and how many turns it is from the first. Wrong
    twice a year."""

    def look() -> int:
        local = next(moments).astimezone(rotation.zone).replace(tzinfo=None)
        return rotation.people[(local - rotation.anchor) // rotation.period % len(rotation.people)]

    return look


def _year(run: Run) -> Iterator[Row]:
    plan, until = five_layers(), FROM + 365 * DAY
    taken = _ms(lambda: arithmetic.shifts(plan, FROM, until), run.seconds)
    bare = _ms(lambda: _rules(plan, until), run.seconds)
    yield Row("a year of five layers", taken, "ms", "the same turns by five rules of rrule", bare)
    if taken > RENDER_MS.value:
        run.missed.append(f"{taken:.0f} ms for a year of five layers")


def _rules(plan: Plan, until: datetime) -> list[list[datetime]]:
    """Beginnings of turns alone: no ends, no hours, no layer over another."""
    return [
        list(
            rrule(
                WEEKLY, dtstart=one.anchor.replace(tzinfo=one.zone),
                until=until.astimezone(one.zone),
            )
        )
        for one in plan.rotations
    ]  # fmt: skip


def _ms(work: Callable[[], object], seconds: float) -> float:
    return 1_000 / bench.per_second(work, seconds)


def _many(run: Run) -> Iterator[Row]:
    asked = _schedules(run.rows or MANY)
    spaces = [space for space, _ in asked]
    check = on_duty_many(asked)
    if not all(check.values()):
        raise RuntimeError("somebody is on duty by every one of these schedules")
    taken = _ms(lambda: on_duty_many(asked), run.seconds)
    bare = _ms(lambda: list(Schedule.objects.filter(workspace__in=spaces)), run.seconds)
    yield Row(
        f"who is on duty by {len(asked)} schedules", taken, "ms", "reading the schedules", bare
    )
    started = time.perf_counter()
    for space, role in asked:
        services.on_duty(role, workspace=space)
    alone = (time.perf_counter() - started) * 1_000
    yield Row(
        f"the same {len(asked)}, asked for together", taken, "ms", "one after the other", alone
    )


def _schedules(count: int) -> list[tuple[int, str]]:
    asked = []
    for number in range(count):
        here = access.create_workspace(f"oncall-{number}", actor=JOB)
        people = [_person(number, place, here) for place in range(2)]
        made = services.define_schedule(
            here, "primary", actor=JOB, title="Primary", roles=["primary_operator"]
        )
        services.set_layer(made, 1, people, actor=JOB)
        asked.append((here.pk, "primary_operator"))
    return asked


def _person(number: int, place: int, workspace: Workspace) -> User:
    return access.create_user(
        f"oncall-{number}-{place}@example.org", actor=JOB, name=f"Person {number}-{place}",
        workspace=workspace, roles=["primary_operator"],
    )  # fmt: skip

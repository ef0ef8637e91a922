"""News of shifts: for who comes on duty, who goes off, and who can mend a gap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from controlplane.access.models import User
from controlplane.audit.refs import subject_ref
from controlplane.lib.actors import Actor
from controlplane.notify import services as notify
from controlplane.oncall.duty import Duty
from controlplane.oncall.links import page_of
from controlplane.oncall.models import Layer, Override, Schedule
from controlplane.oncall.walls import zone_of

MENDS = "operations_command"


def when(at: datetime, zone: ZoneInfo) -> str:
    """On the schedule's wall, and what that is in UTC."""
    local = at.astimezone(zone)
    return f"{local:%a %Y-%m-%d %H:%M} {local.tzname()} ({at:%H:%M} UTC)"


def came_on(duty: Duty) -> None:
    """Who comes on duty hears of it once for each shift."""
    _send(
        duty.schedule,
        "oncall.on",
        f"on:{duty.since.isoformat()}:{duty.person.pk}",
        people=[duty.person.pk],
        values={"until": when(duty.until, zone_of(duty.schedule.time_zone))},
    )


def went_off(schedule: Schedule, person: int, at: datetime, after: Duty | None) -> None:
    name = "nobody" if after is None else after.person.name or after.person.email
    _send(
        schedule, "oncall.off", f"off:{at.isoformat()}:{person}", people=[person],
        values={"next": name},
    )  # fmt: skip


def comes_next(duty: Duty) -> None:
    zone = zone_of(duty.schedule.time_zone)
    _send(
        duty.schedule,
        "oncall.next",
        f"next:{duty.since.isoformat()}:{duty.person.pk}",
        people=[duty.person.pk],
        values={"since": when(duty.since, zone), "until": when(duty.until, zone)},
    )


def placed(schedule: Schedule, layer: Layer, people: Sequence[User], actor: Actor) -> None:
    others = [user.pk for user in people if user.pk != actor.user_id]
    if not others:
        return
    _send(
        schedule, "oncall.rota", f"rota:{layer.uid}", people=others,
        values={"since": when(layer.from_at, zone_of(schedule.time_zone)), "who": actor.label},
    )  # fmt: skip


def swapped(made: Override, before: Iterable[int], actor: Actor) -> None:
    """Whom it puts on duty and whose shifts it takes, but for whoever did it."""
    zone = zone_of(made.schedule.time_zone)
    _send(
        made.schedule,
        "oncall.swap",
        f"swap:{made.uid}",
        people=sorted({made.person_id, *before} - {actor.user_id}),
        values={
            "person": made.person.name or made.person.email,
            "since": when(made.starts, zone),
            "until": when(made.ends, zone),
            "who": actor.label,
            "why": made.reason,
        },
    )


def taken_back(made: Override, actor: Actor) -> None:
    zone = zone_of(made.schedule.time_zone)
    _send(
        made.schedule,
        "oncall.swap_ended",
        f"swap-ended:{made.uid}",
        people={made.person_id, made.made_by_id} - {actor.user_id},
        values={
            "person": made.person.name or made.person.email,
            "since": when(made.starts, zone),
            "who": actor.label,
        },
    )


def gaps_ahead(
    schedule: Schedule, since: datetime, others: int, *, soon: bool, standing: bool
) -> None:
    """Who could fill it hears of it, and who can change the rota. Once while it is far away, and
    once when it comes near."""
    begins = when(since, zone_of(schedule.time_zone))
    more = f" {others} more within the next weeks." if others else ""
    _send(
        schedule,
        "oncall.nobody" if standing else "oncall.gap",
        f"gap:{since.isoformat()}:{'now' if standing else 'soon' if soon else 'ahead'}",
        roles=sorted({*schedule.roles, MENDS}),
        values={"since": begins, "more": more},
        urgency="critical" if soon else "normal",
    )


def _send(
    schedule: Schedule,
    kind: str,
    key: str,
    *,
    people: Iterable[int | None] = (),
    roles: Sequence[str] = (),
    values: Mapping[str, object],
    urgency: str = "normal",
) -> None:
    users = tuple(sorted(one for one in people if one is not None))
    if not users and not roles:
        return
    notify.notify(
        workspace_id=schedule.workspace_id,
        kind=kind,
        to=notify.To(users=users, roles=tuple(roles)),
        key=f"oncall:{schedule.uid}:{key}",
        values={"schedule": schedule.title, **values},
        urgency=urgency,
        link=page_of(schedule),
        about=subject_ref(schedule),
    )

"""Schedules: what they are for, and when somebody should be there."""

from __future__ import annotations

from datetime import time
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.access.services.saving import invalid, required_reason, save_checked
from controlplane.audit.services import record
from controlplane.base.states import plain
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.oncall.models import EVERY_DAY, Schedule
from controlplane.oncall.services import changes, gaps, promises, reading

ACTION = "oncall.manage"
FIELDS = ("title", "about", "roles", "time_zone", "cover_days", "cover_from", "cover_until",
          "notes_wanted", "overlap_minutes")  # fmt: skip
TAKEN = "There is a schedule of this slug already."


@transaction.atomic
def define_schedule(
    workspace: Workspace,
    slug: str,
    *,
    actor: Actor,
    title: str,
    roles: Any,
    about: str = "",
    time_zone: str = "",
    cover_days: Any = tuple(EVERY_DAY),
    cover_from: time | None = None,
    cover_until: time | None = None,
    notes_wanted: bool = True,
    overlap_minutes: int = 30,
) -> Schedule:
    """A schedule without rotations: nobody is on duty by it yet, and nobody is called for that."""
    schedule = Schedule(
        workspace=workspace,
        slug=slug,
        title=title.strip(),
        about=about.strip(),
        time_zone=time_zone or workspace.time_zone,
        cover_from=cover_from,
        cover_until=cover_until,
        notes_wanted=notes_wanted,
        overlap_minutes=overlap_minutes,
    )
    policy.require(actor, ACTION, schedule)
    schedule.roles = reading.roles(roles)
    schedule.cover_days = reading.days("cover_days", cover_days)
    _sound(schedule)
    save_checked(schedule, conflict=TAKEN)
    record(actor, ACTION, schedule, after=_shown(schedule))
    return schedule


@transaction.atomic
def change_schedule(
    schedule: Schedule, *, actor: Actor, version: int | None = None, **changes: Any
) -> Schedule:
    """Change what is given. With a version, only if nobody changed it since. Its time zone is that
    of new rotations; those that are there keep theirs."""
    unknown = sorted(set(changes) - set(FIELDS))
    if unknown:
        raise invalid(unknown[0], "This can't be changed.")
    policy.require(actor, ACTION, schedule)
    row = _in_use(reading.hold(schedule))
    if version is not None and row.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.")
    if "roles" in changes:
        changes["roles"] = reading.roles(changes["roles"])
    if "cover_days" in changes:
        changes["cover_days"] = reading.days("cover_days", changes["cover_days"])
    changes = {name: value for name, value in changes.items() if getattr(row, name) != value}
    if not changes:
        return row
    before = {name: plain(getattr(row, name)) for name in changes}
    for name, value in changes.items():
        setattr(row, name, value)
    _sound(row)
    row.version += 1
    row.changed_at = clock.now()
    save_checked(row, conflict=TAKEN)
    after = {name: plain(getattr(row, name)) for name in changes}
    record(actor, ACTION, row, before=before, after=after)
    promises.renew(row)
    return row


@transaction.atomic
def retire_schedule(schedule: Schedule, *, actor: Actor, reason: str) -> Schedule:
    """For good: from now on it calls nobody. Who was on duty by it stays known."""
    policy.require(actor, ACTION, schedule)
    reason = required_reason(reason)
    row = reading.hold(schedule)
    if row.retired_at is None:
        with changes.told(row, actor=actor, why=reason):
            row.retired_at = row.changed_at = clock.now()
            row.version += 1
            row.save(update_fields=["retired_at", "changed_at", "version"])
        promises.forget(row)
        gaps.forget(row, row.retired_at)
        record(
            actor,
            ACTION,
            row,
            before={"is_active": True},
            after={"is_active": False},
            reason=reason,
        )
    return row


def in_use(schedule: Schedule) -> Schedule:
    """Held, and refused if it is out of use."""
    return _in_use(reading.hold(schedule))


def _in_use(schedule: Schedule) -> Schedule:
    if not schedule.is_active:
        raise Conflict("This schedule is retired.")
    return schedule


def _sound(row: Schedule) -> None:
    if not 0 <= row.overlap_minutes <= 480:
        raise invalid("overlap_minutes", "From 0 to 480 minutes.")
    if (row.cover_from is None) != (row.cover_until is None):
        field = "cover_from" if row.cover_from is None else "cover_until"
        raise invalid(field, "Give both hours, or neither.")


def _shown(schedule: Schedule) -> dict[str, Any]:
    return {name: plain(getattr(schedule, name)) for name in FIELDS}

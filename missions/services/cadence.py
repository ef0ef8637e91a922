"""Meetings: planned per time zone, begun with an agenda of that moment, closed with their notes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.access.models.people import known_time_zone
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from missions import stages
from missions.learning import agenda, times
from missions.models import Cadence, Meeting, MeetingSeries
from missions.services import reading
from missions.services.followups import require_notes_open

_NINE, _TEN, _ELEVEN = time(9, 0), time(10, 0), time(11, 0)
# cadence -> time of day, weekday
USUAL: dict[str, tuple[time, int]] = {
    Cadence.STANDUP: (_NINE, 0),
    Cadence.OPS_SYNC: (_TEN, 0),
    Cadence.SUPPORT: (_ELEVEN, 0),
    Cadence.COUNCIL: (_TEN, 2),
    Cadence.RETRO: (_TEN, 3),
    Cadence.PLANNING: (_TEN, 1),
}
MOST_SERIES = 40


# --- When they are ------------------------------------------------------------------------------


@transaction.atomic
def plan_usual(workspace: Workspace, *, actor: Actor) -> list[MeetingSeries]:
    """The playbook's six, in the workspace's time zone. What is there already stays."""
    policy.require(actor, "meeting.schedule", workspace)
    rows = MeetingSeries.objects.of(workspace).running()
    there = set(rows.values_list("cadence", flat=True))
    return [
        plan_meetings(workspace, cadence=kind, actor=actor) for kind in USUAL if kind not in there
    ]


@transaction.atomic
def plan_meetings(
    workspace: Workspace,
    *,
    actor: Actor,
    cadence: str,
    time_zone: str = "",
    at: time | None = None,
    weekday: int | None = None,
) -> MeetingSeries:
    """One rhythm in one time zone, as usual where nothing else is said."""
    policy.require(actor, "meeting.schedule", workspace)
    kind = reading.choice("cadence", cadence, Cadence.values)
    usual_at, usual_day = USUAL[kind]
    row = MeetingSeries(
        workspace=workspace,
        cadence=kind,
        time_zone=_zone(time_zone or workspace.time_zone),
        at=_time(at) if at is not None else usual_at,
        weekday=_weekday(weekday) if weekday is not None else usual_day,
        created_by=actor.ref[:80],
    )
    if MeetingSeries.objects.of(workspace).running().count() >= MOST_SERIES:
        raise reading.refuse("cadence", f"At most {MOST_SERIES} at a time.")
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if "meeting_series_once" not in str(error):
            raise
        raise Conflict(
            f"{row.get_cadence_display()} is planned in {row.time_zone} already.",
            details={"time_zone": "There is one: move that, or end it."},
        ) from None
    record(actor, "meeting.schedule", row, after=_shown(row), details={"transition": "-> planned"})
    return row


def _zone(value: Any) -> str:
    name = reading.line("time_zone", value, 64, required=True)
    try:
        known_time_zone(name)
    except ValidationError:
        raise reading.refuse("time_zone", "No such time zone; Europe/Berlin is one.") from None
    return name


def _time(value: Any) -> time:
    if not isinstance(value, time) or value.tzinfo is not None:
        raise reading.refuse("at", "A time of day, as 09:00.")
    return value.replace(second=0, microsecond=0)


def _weekday(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 4:
        raise reading.refuse("weekday", "0 to 4: Monday to Friday.")
    return value


def _shown(row: MeetingSeries) -> dict[str, Any]:
    return {
        "cadence": row.cadence,
        "time_zone": row.time_zone,
        "at": row.at.isoformat("minutes"),
        "weekday": row.weekday,
    }


def lock_series(series: MeetingSeries, version: int | None = None) -> MeetingSeries:
    rows = MeetingSeries.objects.select_for_update(of=("self",), no_key=True)
    row: MeetingSeries = rows.select_related("workspace").get(pk=series.pk)
    if version is not None and row.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.",
                       details={"seen_version": version, "version": row.version})  # fmt: skip
    return row


@transaction.atomic
def move_meetings(
    series: MeetingSeries,
    *,
    actor: Actor,
    at: time | None = None,
    weekday: int | None = None,
    version: int | None = None,
) -> MeetingSeries:
    """To another time of day or weekday, from the next on."""
    policy.require(actor, "meeting.schedule", series)
    row = lock_series(series, version)
    _require_running(row)
    new = {
        "at": _time(at) if at is not None else row.at,
        "weekday": _weekday(weekday) if weekday is not None else row.weekday,
    }
    before = _shown(row)
    if (new["at"], new["weekday"]) == (row.at, row.weekday):
        return row
    MeetingSeries.objects.filter(pk=row.pk).update(
        **new, since=clock.now(), version=F("version") + 1
    )
    row.refresh_from_db()
    record(actor, "meeting.schedule", row, before=before, after=_shown(row),
           details={"transition": "-> moved"})  # fmt: skip
    return row


@transaction.atomic
def end_meetings(series: MeetingSeries, *, actor: Actor, reason: str) -> MeetingSeries:
    """No more of these; what was held stays to be read."""
    policy.require(actor, "meeting.schedule", series)
    why = reading.reason(reason)
    row = lock_series(series)
    if row.ended_at is not None:
        return row
    row.ended_at, row.ended_by = clock.now(), actor.ref[:80]
    row.version += 1
    row.save(update_fields=["ended_at", "ended_by", "version"])
    record(actor, "meeting.schedule", row, before=_shown(row), reason=why,
           details={"transition": "-> ended"})  # fmt: skip
    return row


def _require_running(row: MeetingSeries) -> None:
    if row.ended_at is not None:
        raise InvalidTransition("These meetings have ended.", details={"status": "ended"})


# --- Holding one --------------------------------------------------------------------------------


@transaction.atomic
def begin_meeting(series: MeetingSeries, *, actor: Actor, now: datetime | None = None) -> Meeting:
    """The one that is nearest, with an agenda of what stands now. Begun already, by whomever, it
    is that one: its agenda stays."""
    policy.require(actor, "meeting.hold", series)
    moment = now or clock.now()
    row = lock_series(series)  # of two who begin at once the second finds the first's
    _require_running(row)
    planned = times.nearest(row, moment)
    found: Meeting | None = Meeting.objects.filter(series=row, planned_at=planned).first()
    if found is not None:
        return found
    since = _since(row, planned)
    made = Meeting.objects.create(
        series=row,
        planned_at=planned,
        began_by=actor.ref[:80],
        agenda=agenda.of(row.cadence, row.workspace_id, since, moment),
    )
    record(actor, "meeting.hold", made, after={"planned_at": planned.isoformat()},
           details={"transition": "-> begun"})  # fmt: skip
    return made


def _since(series: MeetingSeries, planned: datetime) -> datetime:
    """The time that is talked about begins with the meeting before, as it was planned."""
    return times.last_before(series, planned - timedelta(minutes=1))


@transaction.atomic
def write_notes(
    meeting: Meeting, *, actor: Actor, version: int | None = None, **given: Any
) -> Meeting:
    """Write in the notes while the meeting is open; what is left out stays."""
    policy.require(actor, "meeting.hold", meeting)
    values = _notes(given)
    row = _hold(meeting, version)
    values = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not values:
        return row
    store(row, values)
    record(actor, "meeting.hold", row, after={"changed": sorted(values), "stages": row.stages},
           details={"transition": "-> noted"})  # fmt: skip
    return row


def _notes(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name in {"notes", "decisions"}:
            found[name] = reading.kept(name, value)
        elif name == "attendees":
            found[name] = reading.kept_line(name, value, 1_000)
        elif name == "stages":
            found[name] = _stages(value)
        else:
            raise reading.refuse(name, "Notes have no such field.")
    return found


def _stages(value: Any) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise reading.refuse("stages", "A list.")
    given = list(value)
    if len(given) > 20:
        raise reading.refuse("stages", "Each once.")
    named = {stages.normal(each, "stages") for each in given}
    return [slug for slug in stages.SLUGS if slug in named]


def _hold(meeting: Meeting, version: int | None) -> Meeting:
    rows = Meeting.objects.select_for_update(of=("self",), no_key=True)
    row: Meeting = rows.select_related("series__workspace").get(pk=meeting.pk)
    require_notes_open(row)
    require_version(row, version)
    return row


def require_version(row: Meeting, version: int | None) -> None:
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody wrote in the notes since you looked. Look again.",
            details={"seen_version": version, "version": row.version},
        )


def store(row: Meeting, values: dict[str, Any]) -> None:
    Meeting.objects.filter(pk=row.pk).update(**values, version=F("version") + 1)
    for name, value in values.items():
        setattr(row, name, value)
    row.version += 1


@transaction.atomic
def close_meeting(
    meeting: Meeting, *, actor: Actor, version: int | None = None, **given: Any
) -> Meeting:
    """The notes stay as they are from now on."""
    policy.require(actor, "meeting.hold", meeting)
    values = _notes(given)
    row = _hold(meeting, version)
    if not values.get("notes", row.notes).strip():
        raise reading.refuse("notes", "Say what was talked about; one line will do.")
    values |= {"closed_at": clock.now(), "closed_by": actor.ref[:80]}
    store(row, values)
    record(actor, "meeting.hold", row, after={"stages": row.stages},
           details={"transition": "-> closed"})  # fmt: skip
    return row

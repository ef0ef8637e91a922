"""An update was promised. Before it is due somebody is reminded; where it does not come the miss
is a row, whoever leads is told once, and from the second in a row on others are called."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from controlplane.audit.refs import subject_ref
from controlplane.base.states import plain
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock, defaults, moments
from controlplane.notify.models import Urgency
from controlplane.notify.services import To, notify
from incidents import links
from incidents.models import Incident, MissedUpdate, SeverityLevel
from incidents.paging import runs
from incidents.records import cadence, levels
from incidents.records.noting import PORTAL, note

ESCALATES = defaults.define(
    "incidents.misses_that_call",
    2,
    unit="updates missed in a row",
    why="One may be forgotten in the heat; after two nobody tells anybody anything.",
)
CALLED = "engineering_lead"
_NOBODY_LEADS = ("primary_operator", CALLED)


@timers.on(cadence.NEAR)
@transaction.atomic
def near(timer: Timer) -> None:
    incident = _waits(timer)
    if incident is None or incident.next_update_at is None:
        return
    due = incident.next_update_at
    cadence.await_(cadence.MISSED, incident, due, at=due)
    if clock.now() < due:
        _tell(incident, "incident.update_near", due, due)


@timers.on(cadence.MISSED)
@transaction.atomic
def missed(timer: Timer) -> None:
    incident = _waits(timer)
    if incident is None or incident.next_update_at is None:
        return
    level = levels.level(incident.workspace_id, incident.severity)
    due = incident.next_update_at
    following = note_miss(incident, level, due)
    if following is None:
        cadence.stop(incident)
        return
    cadence.promise(incident, following)
    _tell(incident, "incident.update_missed", due, following)
    if _in_a_row(incident) >= ESCALATES.value and level.pages:
        reason = f"{incident.ref}: nobody says how it stands."
        runs.call_role(incident, CALLED, why="late", actor=PORTAL, reason=reason)


def _waits(timer: Timer) -> Incident | None:
    """The incident, while this very promise stands."""
    rows = Incident.objects.burning().select_for_update(of=("self",), no_key=True)
    found: Incident | None = rows.filter(pk=timer.payload["incident"]).first()
    if found is None or plain(found.next_update_at) != timer.payload["due"]:
        return None
    return found


def note_miss(incident: Incident, level: SeverityLevel, due: datetime) -> datetime | None:
    """A row for what did not come, once; returns when the next is due. Where nothing ran for an
    hour it is one row that counts them: nobody is told four times."""
    every = timedelta(seconds=level.update_s) if level.update_s else None
    now = clock.now()
    times = 1 if every is None or now <= due else (now - due) // every + 1
    row, made = MissedUpdate.objects.get_or_create(
        incident=incident,
        due_at=due,
        defaults={
            "workspace_id": incident.workspace_id, "severity": incident.severity, "times": times,
        },
    )  # fmt: skip
    if not made and row.times < times:
        MissedUpdate.objects.filter(pk=row.pk).update(times=F("times") + times - row.times)
    if made:
        note(
            incident, "incident.missed", actor=PORTAL,
            said=f"{incident.ref}: the update promised for {moments.utc(due)} did not come.",
            details={"clock": "update", "due": plain(due), "times": times},
        )  # fmt: skip
    return None if every is None else due + times * every


def _in_a_row(incident: Incident) -> int:
    """Since somebody last posted one."""
    rows = incident.missed_updates.all()
    if incident.last_update_at is not None:
        rows = rows.filter(due_at__gt=incident.last_update_at)
    return sum(rows.values_list("times", flat=True))


def _tell(incident: Incident, kind: str, due: datetime, following: datetime) -> None:
    """Whoever speaks for it and whoever leads it; where nobody does, those on call."""
    people = {incident.communications_id, incident.commander_id} - {None}
    if not people and incident.acknowledged_by_id is not None:
        people = {incident.acknowledged_by_id}
    notify(
        workspace_id=incident.workspace_id,
        kind=kind,
        to=To(users=sorted(filter(None, people)), roles=() if people else _NOBODY_LEADS),
        key=f"{kind}:{incident.uid}:{plain(due)}",
        values={
            "ref": incident.ref, "title": incident.title, "at": f"{due:%Y-%m-%d %H:%M}",
            "next": f"{following:%Y-%m-%d %H:%M}",
        },
        urgency=Urgency.CRITICAL,
        link=links.page_of(incident),
        about=subject_ref(incident),
    )  # fmt: skip

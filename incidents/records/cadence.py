"""The clock of updates: how often one hears of an incident is a promise of its level. It counts
from the last word, is said on the page, and is reminded of before it runs out."""

from __future__ import annotations

from datetime import datetime, timedelta

from controlplane.audit.refs import subject_ref
from controlplane.base.states import plain
from controlplane.jobs import timers
from controlplane.lib import clock, defaults
from incidents.models import Incident, SeverityLevel

NEAR, MISSED = "incident.update_near", "incident.update_missed"
REMIND = defaults.define(
    "incidents.update_reminder_s",
    180.0,
    unit="seconds",
    why="Long enough to write three sentences; of a shorter promise a third of it.",
)


def follow(incident: Incident, level: SeverityLevel) -> None:
    """As its level asks. Of another level the promise moves, and never away from now: nobody gains
    time by calling it graver."""
    if level.update_s is None:
        stop(incident)
        return
    latest = clock.now() + timedelta(seconds=level.update_s)
    standing = incident.next_update_at
    promise(incident, latest if standing is None else min(standing, latest))


def promise(incident: Incident, due: datetime) -> None:
    """One promise at a time: first that somebody is reminded, then that the miss is noticed."""
    _put(incident, due)
    left = (due - clock.now()).total_seconds()
    early = timedelta(seconds=min(REMIND.value, max(left, 0) / 3))
    await_(NEAR, incident, due, at=due - early)


def await_(kind: str, incident: Incident, due: datetime, *, at: datetime) -> None:
    timers.set_timer(
        kind,
        key=_key(incident),
        due_at=at,
        subject=subject_ref(incident),
        workspace_id=incident.workspace_id,
        payload={"incident": incident.pk, "due": plain(due)},
    )


def stop(incident: Incident) -> None:
    timers.cancel_timer(_key(incident))
    if incident.next_update_at is not None:
        _put(incident, None)


def _put(incident: Incident, due: datetime | None) -> None:
    """Without a new version: a form that is open elsewhere stays good."""
    Incident.objects.filter(pk=incident.pk).update(next_update_at=due)
    incident.next_update_at = due


def _key(incident: Incident) -> str:
    return f"incident.update:{incident.uid}"

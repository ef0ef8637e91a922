"""Stand-ups are there before people come: their pages are made a quarter of an hour ahead. And
meetings that nobody holds are not forgotten."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from controlplane.jobs.registry import job
from controlplane.lib import actors, clock, defaults
from missions.learning import times
from missions.models import Cadence, Meeting, MeetingSeries
from missions.services import cadence, unheld

logger = logging.getLogger(__name__)
AHEAD = defaults.define(
    "missions.standup_ahead_minutes",
    15,
    unit="minutes",
    why="Playbook: the page of the 9:00 stand-up is there at 8:45, in each time zone.",
)
LATE = defaults.define(
    "missions.standup_late_minutes",
    60,
    unit="minutes",
    why="So long after its time a page is still made by itself; later people begin one by hand.",
)
_ACTOR = actors.job("missions.standups")
_KEEPER = actors.job("missions.meetings")


@job(
    "missions.standups",
    every=timedelta(minutes=5),
    time_limit=120,
    doc="Make the pages of stand-ups a quarter of an hour before they begin, where they are held.",
)
def standups() -> dict[str, Any]:
    now, begun = clock.now(), 0
    rows = MeetingSeries.objects.running().filter(
        cadence=Cadence.STANDUP, workspace__archived_at=None
    )
    for series in rows.select_related("workspace").order_by("pk"):
        planned = times.nearest(series, now)
        early, late = timedelta(minutes=AHEAD.value), timedelta(minutes=LATE.value)
        if not planned - early <= now <= planned + late:
            continue
        if Meeting.objects.filter(series=series, planned_at=planned).exists():
            continue
        try:
            cadence.begin_meeting(series, actor=_ACTOR, now=now)
            begun += 1
        except Exception:  # one place's stand-up keeps no other from its own
            logger.exception("the page of a stand-up could not be made: series %s", series.pk)
    return {"begun": begun}


@job(
    "missions.meetings",
    every=timedelta(minutes=10),
    time_limit=120,
    doc="Remind whoever keeps a meeting that is not held, and record those that never were.",
)
def meetings() -> dict[str, Any]:
    now, counts = clock.now(), {"reminded": 0, "missed": 0, "broken": 0}
    rows = MeetingSeries.objects.running().filter(workspace__archived_at=None)
    for series in rows.select_related("workspace").order_by("pk"):
        try:
            said = unheld.follow(series, actor=_KEEPER, now=now)
        except Exception:  # one place's meeting keeps no other from being followed
            logger.exception("a meeting could not be followed: series %s", series.pk)
            said = "broken"
        if said:
            counts[said] += 1
    return counts

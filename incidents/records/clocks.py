"""The clocks of an incident: promises with a due time, set when it opens and when it becomes
graver, taken back when they are kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from controlplane.audit.refs import subject_ref
from controlplane.jobs import timers
from controlplane.lib import defaults
from incidents.models import Incident, SeverityLevel
from incidents.records import cadence

PROLONGED = defaults.define(
    "incidents.prolonged_s",
    3600.0,
    unit="seconds",
    why="What is grave and open for this long is a matter of the third level, too.",
)


def prolonged_s(level: SeverityLevel) -> float | None:
    """Of levels that are escalated by time at all."""
    return PROLONGED.value if level.escalate_s is not None else None


REVIEW_SOON = defaults.define(
    "incidents.review_reminder_hours",
    12,
    unit="hours",
    why="So long before a review is late its people are reminded.",
)
REVIEW = ("incident.review_soon", "incident.review_missed")
# kind -> (the level's seconds, from when they count, whether it is kept already)
Clock = tuple[
    Callable[[SeverityLevel], float | None],
    Callable[[Incident], datetime],
    Callable[[Incident], bool],
]
CLOCKS: dict[str, Clock] = {
    # The escalation itself calls on; this says that the target was missed.
    "incident.ack_missed": (
        lambda level: level.ack_s, lambda row: row.opened_at,
        lambda row: row.first_acknowledged_at is not None,
    ),
    "incident.start_missed": (
        lambda level: level.mitigation_starts_s, lambda row: row.opened_at,
        lambda row: row.mitigation_started_at is not None,
    ),
    "incident.open_too_long": (
        lambda level: level.escalate_s, lambda row: row.opened_at,
        lambda row: row.mitigated_at is not None,
    ),
    "incident.prolonged": (
        prolonged_s, lambda row: row.opened_at, lambda row: row.mitigated_at is not None,
    ),
}  # fmt: skip


def key_of(kind: str, incident: Incident) -> str:
    return f"{kind}:{incident.uid}"


def set_all(incident: Incident, level: SeverityLevel) -> None:
    """By the level it has now. What was promised by another level moves with it."""
    for kind, (seconds_of, since, is_kept) in CLOCKS.items():
        seconds = seconds_of(level)
        if seconds is None or is_kept(incident):
            timers.cancel_timer(key_of(kind, incident))
            continue
        timers.set_timer(
            kind,
            key=key_of(kind, incident),
            due_at=since(incident) + timedelta(seconds=seconds),
            subject=subject_ref(incident),
            workspace_id=incident.workspace_id,
            payload={"incident": incident.pk},
        )
    cadence.follow(incident, level)


def stop(incident: Incident, *kinds: str) -> None:
    """Those that were kept; without a name all of them, and nobody waits for updates any more."""
    for kind in kinds or tuple(CLOCKS):
        timers.cancel_timer(key_of(kind, incident))
    if not kinds:
        cadence.stop(incident)


def expect_review(incident: Incident) -> None:
    """Reminded of before it is late, and told when it is."""
    due = incident.review_due_at
    if due is None:
        return
    soon = due - timedelta(hours=REVIEW_SOON.value)
    for kind, at in zip(REVIEW, (soon, due), strict=True):
        timers.set_timer(
            kind,
            key=key_of(kind, incident),
            due_at=at,
            subject=subject_ref(incident),
            workspace_id=incident.workspace_id,
            payload={"incident": incident.pk},
        )

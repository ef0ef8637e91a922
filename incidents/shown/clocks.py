"""The clocks of an incident as its page shows them: what was promised, until when, and whether it
was kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.models import Incident, SeverityLevel
from incidents.querysets import OVER
from incidents.records.clocks import PROLONGED

# What is promised, the level's figure, and the moment that keeps it.
_PROMISED: tuple[tuple[str, str, str], ...] = (
    ("Acknowledge", "ack_s", "first_acknowledged_at"),
    ("Triage", "triage_s", "triaged_at"),
    ("Begin to mitigate", "mitigation_starts_s", "mitigation_started_at"),
    ("Mitigate", "mitigate_s", "mitigated_at"),
    ("Restore", "restore_s", "restored_at"),
    ("Resolve", "resolve_s", "resolved_at"),
)


@dataclass(frozen=True, slots=True)
class Clock:
    label: str
    since: datetime
    due: datetime
    done: datetime | None = None

    @property
    def is_missed(self) -> bool:
        return self.done is not None and self.done > self.due


def of(row: Incident, level: SeverityLevel) -> list[Clock]:
    """In the order in which they run out; what an ended one never did is left out."""
    found = []
    for label, name, kept in _PROMISED:
        seconds, done = getattr(level, name), getattr(row, kept)
        if seconds is None or (done is None and row.status in OVER):
            continue
        due = row.opened_at + timedelta(seconds=seconds)
        found.append(Clock(label, row.opened_at, due, done))
    if row.next_update_at is not None and row.status not in OVER:
        said = row.last_update_at or row.opened_at
        found.append(Clock("Next update", said, row.next_update_at))
    if level.escalate_s is not None and row.mitigated_at is None and row.status not in OVER:
        due = row.opened_at + timedelta(seconds=level.escalate_s)
        found.append(Clock("Others are called", row.opened_at, due))
        third = row.opened_at + timedelta(seconds=PROLONGED.value)
        found.append(Clock("The third level is called", row.opened_at, third))
    watched = row.status == "monitoring" and row.monitor_until is not None
    if watched and row.restored_at is not None and row.monitor_until is not None:
        found.append(Clock("The watch ends", row.restored_at, row.monitor_until))
    if row.review_due_at is not None and row.resolved_at is not None:
        found.append(Clock("Review", row.resolved_at, row.review_due_at, row.closed_at))
    return sorted(found, key=lambda each: (each.done is not None, each.due))


def next_due(row: Incident, level: SeverityLevel | None) -> datetime | None:
    """The one that runs out first."""
    if level is None:
        return None
    return next((each.due for each in of(row, level) if each.done is None), None)

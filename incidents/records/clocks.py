"""The clocks of an incident: promises with a due time, set when it opens and when it becomes
graver, taken back when they are kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from controlplane.audit.refs import subject_ref
from controlplane.jobs import timers
from incidents.models import Incident, SeverityLevel

# kind -> (which figure of the level, from when it counts, whether it is kept already)
Clock = tuple[str, Callable[[Incident], datetime], Callable[[Incident], bool]]
CLOCKS: dict[str, Clock] = {
    # The escalation itself calls on; this says that the target was missed.
    "incident.ack_missed": (
        "ack_s", lambda row: row.opened_at, lambda row: row.first_acknowledged_at is not None,
    ),
    "incident.start_missed": (
        "mitigation_starts_s", lambda row: row.opened_at,
        lambda row: row.mitigation_started_at is not None,
    ),
    "incident.open_too_long": (
        "escalate_s", lambda row: row.opened_at, lambda row: row.mitigated_at is not None,
    ),
}  # fmt: skip


def key_of(kind: str, incident: Incident) -> str:
    return f"{kind}:{incident.uid}"


def set_all(incident: Incident, level: SeverityLevel) -> None:
    """By the level it has now. What was promised by another level moves with it."""
    for kind, (name, since, is_kept) in CLOCKS.items():
        seconds = getattr(level, name)
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


def stop(incident: Incident, *kinds: str) -> None:
    for kind in kinds or tuple(CLOCKS):
        timers.cancel_timer(key_of(kind, incident))

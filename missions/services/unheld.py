"""Meetings whose time has come and that nobody held: whoever keeps them is reminded once, and when
people would mean the next one, it is recorded that this one was not held."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Grant
from controlplane.audit.refs import subject_ref
from controlplane.audit.services import record
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from controlplane.notify import wording
from controlplane.notify.models import Notification
from controlplane.notify.services import To, notify
from missions import links
from missions.learning import times
from missions.models import Cadence, Meeting, MeetingSeries
from missions.services import cadence, reading

REMIND = defaults.define(
    "missions.meeting_reminder_minutes",
    60,
    unit="minutes",
    why="Late enough that people who are only late have begun, and the same day still.",
)
# Who keeps each; where nobody does, whoever keeps the workspace.
KEPT_BY = {
    Cadence.STANDUP: "operations_command",
    Cadence.OPS_SYNC: "operations_command",
    Cadence.SUPPORT: "primary_operator",
    Cadence.COUNCIL: "governance_validator",
    Cadence.RETRO: "knowledge_curator",
    Cadence.PLANNING: "product_manager",
}
NOT_HELD = "It was not held."
UNHELD = "meeting.unheld"
wording.register(
    UNHELD, "A meeting is not held yet", subject="{title} is not held yet",
    body="It was planned for {at}. Begin it, or write down what was talked about: otherwise it is"
    " recorded as not held.",
)  # fmt: skip


def follow(series: MeetingSeries, *, actor: Actor, now: datetime) -> str:
    """What became of the last one that was planned: "", "reminded" or "missed"."""
    planned = times.last_before(series, now)
    if planned < series.since or now - planned < timedelta(minutes=REMIND.value):
        return ""
    row = Meeting.objects.filter(series=series, planned_at=planned).first()
    if row is not None and is_held(row):
        return ""
    if times.nearest(series, now) != planned:
        return "missed" if note_not_held(series, planned, actor=actor) is not None else ""
    return "reminded" if _remind(series, planned, row) else ""


def is_held(row: Meeting) -> bool:
    """Somebody began it, or something came of it: a page that made itself is no meeting."""
    if row.closed_at is not None or not row.began_by.startswith("job:"):
        return True
    said = (row.notes, row.decisions, row.attendees, row.stages)
    return any(said) or row.followups.exists()


def _remind(series: MeetingSeries, planned: datetime, row: Meeting | None) -> bool:
    title = f"{series.get_cadence_display()} of {planned:%Y-%m-%d}"
    there = planned.astimezone(ZoneInfo(series.time_zone))
    key = f"{UNHELD}:{series.uid}:{planned.isoformat()}"
    if Notification.objects.filter(workspace=series.workspace_id, key=key).exists():
        return False
    notify(
        workspace_id=series.workspace_id,
        kind=UNHELD,
        to=To(roles=[_kept_by(series)]),
        key=key,
        values={"title": title, "at": f"{there:%Y-%m-%d %H:%M}, {series.time_zone}"},
        link=links.meeting_page(row) if row is not None else links.meetings(),
        about=subject_ref(series),
    )
    return True


def _kept_by(series: MeetingSeries) -> str:
    role = KEPT_BY[Cadence(series.cadence)]
    held = Grant.objects.held().filter(membership__workspace_id=series.workspace_id, role=role)
    return role if held.exists() else "workspace_admin"


@transaction.atomic
def note_not_held(series: MeetingSeries, planned: datetime, *, actor: Actor) -> Meeting | None:
    """None where somebody held it meanwhile."""
    policy.require(actor, "meeting.hold", series)
    held = cadence.lock_series(series)
    row = (
        Meeting.objects.select_for_update(of=("self",), no_key=True)
        .filter(series=held, planned_at=planned)
        .first()
    )
    if row is not None and is_held(row):
        return None
    now = clock.now()
    over = {"notes": NOT_HELD, "closed_at": now, "closed_by": actor.ref[:80], "missed_at": now}
    if row is None:
        row = Meeting.objects.create(
            series=held, planned_at=planned, began_by=actor.ref[:80], **over
        )
    else:
        cadence.store(row, over)
    record(actor, "meeting.hold", row, after={"planned_at": planned.isoformat()},
           details={"transition": "-> missed"})  # fmt: skip
    return row


@transaction.atomic
def say_afterwards(
    meeting: Meeting, *, actor: Actor, text: str, version: int | None = None
) -> Meeting:
    """Of one that was not held: why, or what was agreed all the same. Said once."""
    policy.require(actor, "meeting.hold", meeting)
    said = reading.kept("text", text)
    if not said.strip():
        raise reading.refuse("text", "Say why it was not held, or what was agreed all the same.")
    rows = Meeting.objects.select_for_update(of=("self",), no_key=True)
    row: Meeting = rows.select_related("series__workspace").get(pk=meeting.pk)
    if row.missed_at is None:
        raise InvalidTransition("Only of a meeting that was not held: this one has notes for that.")
    if row.afterwards:
        raise Conflict("Somebody said it already, and it stays as it is.")
    cadence.require_version(row, version)
    cadence.store(
        row, {"afterwards": said, "afterwards_by": actor.ref[:80], "afterwards_at": clock.now()}
    )
    record(actor, "meeting.hold", row, after={"changed": ["afterwards"]},
           details={"transition": "-> noted"})  # fmt: skip
    return row

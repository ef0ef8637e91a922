"""Hand-off notes: written while the shift lasts or right after it, read by whoever comes next."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.access.services.saving import invalid
from controlplane.audit.services import record
from controlplane.base import cache
from controlplane.base.states import advance
from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import actors, clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.oncall import duty, numbers, open_items, transitions  # noqa: F401
from controlplane.oncall.duty import Duty
from controlplane.oncall.models import HandoffNote, Schedule, Wish
from controlplane.oncall.services import overrides, reading, schedules, telling

ACTION = overrides.ACTION
NOTE = "oncall.note"
JOB = actors.job("oncall.hand_over")
LONGEST = 8_000
WISHES = (0, 1, 4, 12, 24, 48)


@transaction.atomic
def write_note(schedule: Schedule, *, actor: Actor, text: str) -> HandoffNote:
    """What the next one should know. While one is on duty it is a draft, which the hand-over
    sends off; after it, the note that is due."""
    policy.require(actor, ACTION, schedule)
    schedule = schedules.in_use(schedule)
    text = _text(text)
    now = clock.now()
    due = HandoffNote.objects.to_write(actor.user_id or 0).select_for_update(of=("self",))
    row: HandoffNote | None = due.filter(schedule=schedule).order_by("-handed_at").first()
    if row is not None:
        row.schedule = schedule
        items = open_items.listed(schedule, now)
        changes = {"text": text, "written_at": now, "open_items": items}
        advance(row, "written", actor=actor, changes=changes)
        _remind_reader(row)
        telling.note_written(row)
        cache.forget("oncall:")
        return row
    cache.forget("oncall:")
    return _draft(schedule, actor, text)


def _draft(schedule: Schedule, actor: Actor, text: str) -> HandoffNote:
    if not duty.is_on_duty_by(schedule, actor.user_id or 0):
        raise Conflict("You are not on duty here, and no note of yours is due.")
    row: HandoffNote
    row, fresh = HandoffNote.objects.select_for_update().get_or_create(
        schedule=schedule,
        person_id=actor.user_id,
        handed_at=None,
        defaults={"workspace_id": schedule.workspace_id, "text": text},
    )
    if not fresh:
        row.text = text
        row.version += 1
        row.save(update_fields=["text", "version"])
    record(actor, ACTION, row, after={"schedule": schedule.slug, "length": len(text)})
    return row


@transaction.atomic
def read_note(note: HandoffNote, *, actor: Actor) -> HandoffNote:
    """I have read it: by whoever came after, or who stands in for them by now."""
    policy.require(actor, ACTION, note)
    schedule = reading.hold(note.schedule)
    row: HandoffNote = HandoffNote.objects.select_for_update(of=("self",)).get(pk=note.pk)
    row.schedule = schedule
    if row.status == "read":
        return row
    if actor.user_id != row.next_person_id and not duty.is_on_duty_by(schedule, actor.user_id or 0):
        raise overrides.refused(actor, schedule, "came_next", "it is for whoever came on duty next")
    reader = User.objects.get(pk=actor.user_id)
    advance(row, "read", actor=actor, changes={"read_at": clock.now(), "read_by": reader})
    timers.cancel_timer(_key(row))
    cache.forget("oncall:")
    return row


def hand_over(schedule: Schedule, was: int, at: datetime, after: Duty | None) -> None:
    """The shift of `was` has ended: what they wrote goes to whoever came, or is asked for. Within
    the transaction of the hand-over; asked twice it is the same note."""
    drafts = HandoffNote.objects.select_for_update().filter(schedule=schedule, person=was)
    row = drafts.filter(handed_at=None).first()
    if row is None and (not schedule.notes_wanted or drafts.filter(handed_at=at).exists()):
        return
    if row is None:
        row = HandoffNote(workspace_id=schedule.workspace_id, schedule=schedule, person_id=was)
        row.save()
    row.schedule = schedule
    grace = timedelta(minutes=max(schedule.overlap_minutes, numbers.NOTE_GRACE_MIN.value))
    now = clock.now()
    changes: dict[str, Any] = {
        "handed_at": at,
        "due_at": max(at + grace, now),
        "next_person_id": after.person.pk if after is not None else None,
        "open_items": open_items.listed(schedule, now),
    }
    if row.text:
        advance(row, "written", actor=JOB, changes={**changes, "written_at": now})
        _remind_reader(row)
        telling.note_written(row)
    else:
        advance(row, "due", actor=JOB, changes=changes)
        _promise(row, row.due_at or now)
        telling.note_due(row)
    cache.forget("oncall:")


@timers.on(NOTE)
def look_after(timer: Timer) -> None:
    """A note that was not written in time is missed, and whoever came without one hears so; one
    that nobody has read is told once more."""
    rows = HandoffNote.objects.select_for_update(of=("self",)).select_related("schedule")
    row = rows.filter(pk=timer.payload.get("note")).first()
    if row is None:
        return
    if row.status == "due":
        advance(row, "missed", actor=JOB)
        cache.forget("oncall:")
        telling.note_missed(row)
    elif row.status == "written" and row.reminded_at is None:
        row.reminded_at = clock.now()
        row.save(update_fields=["reminded_at"])
        telling.note_unread(row)


@transaction.atomic
def wish(person: User, *, actor: Actor, hours_before: int) -> Wish:
    """How long before a shift one wants to hear of it. One's own only."""
    policy.require(actor, "oncall.feed", None)
    if actor.user_id != person.pk:
        raise Conflict("Wishes are one's own.")
    if isinstance(hours_before, bool) or hours_before not in WISHES:
        raise invalid("hours_before", f"One of {', '.join(map(str, WISHES))} hours.")
    row, _ = Wish.objects.update_or_create(person=person, defaults={"hours_before": hours_before})
    record(actor, "oncall.feed", person, after={"hours_before": hours_before})
    return row


def _text(value: str) -> str:
    text = value.replace("\r\n", "\n").replace("\0", "").strip()
    if not text:
        raise invalid("text", "Say what the next one should know, or that nothing is open.")
    if len(text) > LONGEST:
        raise invalid("text", f"At most {LONGEST} characters.")
    return text


def _remind_reader(row: HandoffNote) -> None:
    _promise(row, clock.now() + timedelta(hours=numbers.NOTE_UNREAD_HOURS.value))


def _promise(row: HandoffNote, due: datetime) -> None:
    timers.set_timer(
        NOTE,
        key=_key(row),
        due_at=due,
        subject=f"oncall.handoffnote:{row.pk}",
        workspace_id=row.workspace_id,
        payload={"note": row.pk},
    )


def _key(row: HandoffNote) -> str:
    return f"{NOTE}:{row.uid}"

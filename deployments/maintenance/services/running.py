"""A window on its way: announced by hand, begun, done, taken back, closed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.audit.refs import subject_ref
from controlplane.base.states import advance, plain
from controlplane.jobs import timers
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.redaction import redact_text
from deployments.maintenance import checks, numbers
from deployments.maintenance.holding import hold, hold_place, hold_to_end, require_status
from deployments.maintenance.noting import PORTAL, emit, note, say
from deployments.maintenance.packet import SIGNED_RULES
from deployments.maintenance.services import consent, notices, tasks
from deployments.maintenance.services.scheduling import waive_rules
from deployments.maintenance.services.storing import store
from deployments.models import MaintenanceWindow
from deployments.services import reading

STARTED, ENDED = "maintenance.started", "maintenance.ended"


@transaction.atomic
def announce(
    window: MaintenanceWindow, *, actor: Actor, version: int | None = None
) -> MaintenanceWindow:
    """Say what is due without waiting for the portal's clock, or the first notice before its
    day. What was said is not said again."""
    policy.require(actor, "maintenance.announce", window)
    row = hold(window, version=version)
    require_status(row, "scheduled", "announced", "approved")
    saying = notices.say_ahead(row, clock.now(), early=row.status == "scheduled")
    if saying is None:
        raise Conflict("Everything that is due was said; the next notice leaves by itself.")
    note(row, "maintenance.announce", actor=actor, after={"notice": saying.kind})
    return row


@transaction.atomic
def record_test(
    window: MaintenanceWindow,
    *,
    actor: Actor,
    evidence: str,
    version: int | None = None,
) -> MaintenanceWindow:
    """The way back was walked in staging: by whom, when, and what shows it."""
    policy.require(actor, "maintenance.change", window)
    shown = redact_text(reading.text("evidence", evidence, 4_000, required=True))
    row = hold(window, version=version)
    require_status(row, "draft", "scheduled", "announced", "approved")
    if not row.rollback_plan.strip():
        raise Conflict("Write the rollback plan first: what was tested?")
    consent.fall(row, actor=actor, why="The test of the way back was recorded.")
    values: dict[str, Any] = {
        "tested_in_staging": True,
        "test_evidence": shown,
        "tested_by": actor.ref[:80],
        "tested_at": clock.now(),
    }
    store(row, values)
    note(
        row,
        "maintenance.test",
        actor=actor,
        said=f"The way back was tested in staging: {shown}",
        after={name: plain(value) for name, value in values.items()},
    )
    return row


@transaction.atomic
def waive(
    window: MaintenanceWindow,
    *,
    actor: Actor,
    rule: str,
    reason: str,
    version: int | None = None,
) -> MaintenanceWindow:
    """Let it go without a rule, on one's own word."""
    policy.require(actor, "maintenance.waive", window)
    reading.choice("rule", rule, checks.WAIVABLE)
    why = reading.reason(redact_text(reason))
    row = hold(window, version=version)
    require_status(row, "draft", "scheduled", "announced", "approved")
    if rule in SIGNED_RULES:
        consent.fall(row, actor=actor, why="A rule was waived.")
    waive_rules(row, [rule], why, actor)
    return row


@transaction.atomic
def start(
    window: MaintenanceWindow, *, actor: Actor, version: int | None = None
) -> MaintenanceWindow:
    """It begins: everything is looked at once more, everybody is told, alerts of its services
    are silent from here."""
    policy.require(actor, "maintenance.run", window)
    row = hold(window, version=version)
    require_status(row, "approved" if row.is_ours else "announced")
    return _begin(row, actor)


def _begin(row: MaintenanceWindow, actor: Actor) -> MaintenanceWindow:
    now = clock.now()
    hold_place(row)
    if row.is_ours:  # a partner begins whatever we say
        checks.require(checks.before_start(row, now), "It can't begin.")
    by = actor if row.is_ours else PORTAL
    advance(row, "in_progress", actor=by, changes={"started_at": now, "changed_at": now})
    emit(row, STARTED)
    say(row, f"{row.ref} began.", actor=actor, status="in_progress")
    notices.send(row, "start", now, folded=notices.unsaid_ahead(row))
    return row


@transaction.atomic
def finish(
    window: MaintenanceWindow,
    *,
    actor: Actor,
    outcome: str = "",
    version: int | None = None,
) -> MaintenanceWindow:
    """The work is done; four hours are watched. A partner's window ends with it."""
    policy.require(actor, "maintenance.run", window)
    row = hold_to_end(window, version=version)
    require_status(row, "in_progress")
    said = redact_text(reading.line("outcome", outcome, 500))
    if not row.is_ours:
        return _partner_done(row, said or f"{row.partner} is done.")
    now = clock.now()
    changes: dict[str, Any] = {
        "finished_at": now,
        "monitor_until": now + timedelta(hours=numbers.WATCH_HOURS.value),
        "changed_at": now,
    }
    advance(row, "monitoring", actor=actor, reason=said, changes=changes)
    _ended(row, now)
    notices.promise_watch(row)
    until = f"{row.monitor_until:%Y-%m-%d %H:%M} UTC"
    say(row, f"The work of {row.ref} is done; it is watched until {until}. {said}", actor=actor)
    return row


def _ended(row: MaintenanceWindow, now: datetime) -> None:
    """Its services are free again, alerts sound again, an emergency owes its review."""
    row.parts.update(holds=False)
    timers.cancel_timers(subject=subject_ref(row))
    emit(row, ENDED)
    if row.is_emergency:
        review = tasks.owe_review(row, now + timedelta(hours=numbers.REVIEW_HOURS.value))
        if review is not None and row.review_id is None:
            store(row, {"review": review})


def partner_begins(row: MaintenanceWindow) -> None:
    """Its time has come: nobody of ours begins it. Callers hold the window."""
    if row.status == "announced":
        _begin(row, PORTAL)


def partner_ends(row: MaintenanceWindow) -> None:
    if row.status == "announced":  # the portal was away for all of it
        _begin(row, PORTAL)
    if row.status == "in_progress":
        _partner_done(row, f"{row.partner}'s time is over.")


def _partner_done(row: MaintenanceWindow, outcome: str) -> MaintenanceWindow:
    now = clock.now()
    changes = {
        "finished_at": now, "closed_at": now, "close_reason": outcome, "changed_at": now,
    }  # fmt: skip
    advance(row, "completed", actor=PORTAL, changes=changes)
    _ended(row, now)
    notices.send(row, "done", now, outcome=outcome)
    say(row, outcome, actor=PORTAL, close=outcome)
    return row


@transaction.atomic
def roll_back(
    window: MaintenanceWindow,
    *,
    actor: Actor,
    reason: str,
    version: int | None = None,
) -> MaintenanceWindow:
    """What was done is taken back, and the window ends with that. Everybody is told."""
    policy.require(actor, "maintenance.rollback", window)
    why = reading.reason(redact_text(reason))
    row = hold_to_end(window, version=version)
    if not row.is_ours:
        raise Conflict("What a partner does is not ours to take back.")
    now = clock.now()
    first = row.finished_at is None
    changes: dict[str, Any] = {
        "finished_at": row.finished_at or now, "closed_at": now, "close_reason": why,
        "changed_at": now,
    }  # fmt: skip
    advance(row, "rolled_back", actor=actor, reason=why, changes=changes)
    if first:
        _ended(row, now)
    timers.cancel_timers(subject=subject_ref(row))
    notices.send(row, "done", now, outcome="It was taken back; everything is as it was before.")
    say(
        row,
        f"Mitigation: {row.ref} is rolled back. {why}",
        actor=actor,
        parts=f"{row.ref} is rolled back.",
        close=f"Rolled back: {why}",
    )
    return row


@transaction.atomic
def close(
    window: MaintenanceWindow,
    *,
    actor: Actor,
    reason: str,
    version: int | None = None,
) -> MaintenanceWindow:
    """It went well. Refused before the watch is over and while a subtask is open."""
    policy.require(actor, "maintenance.run", window)
    why = reading.reason(redact_text(reason))
    row = hold(window, version=version)
    require_status(row, "monitoring")
    now = clock.now()
    checks.require(checks.before_close(row, now), "It can't be closed.")
    changes = {"closed_at": now, "close_reason": why, "changed_at": now}
    advance(row, "completed", actor=actor, reason=why, changes=changes)
    timers.cancel_timers(subject=subject_ref(row))
    notices.send(row, "done", now, outcome=why)
    began, ended = row.started_at, row.finished_at
    times = f"{began:%Y-%m-%d %H:%M} to {ended:%Y-%m-%d %H:%M} UTC" if began and ended else ""
    closing = f"{why} Worked on {times}, closed {now:%Y-%m-%d %H:%M} UTC."
    say(row, f"{row.ref} is completed: {closing}", actor=actor, close=closing)
    return row

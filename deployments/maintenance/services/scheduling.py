"""The time of a window: given, moved, given up; and the rules it goes without."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction

from controlplane.access import policy
from controlplane.base.states import advance, plain
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.redaction import redact_text
from deployments.maintenance import checks, plans, telling
from deployments.maintenance.holding import hold, hold_place, require_status
from deployments.maintenance.noting import emit, note, say
from deployments.maintenance.services import consent, notices
from deployments.maintenance.services.storing import span, store
from deployments.models import MaintenanceWindow
from deployments.services import reading


def take_time(row: MaintenanceWindow) -> None:
    """Its services carry its time; while it holds them, the database lets no other window in."""
    holds = row.is_ours and row.status in ("scheduled", "announced", "approved", "in_progress")
    hold_place(row)
    if holds:
        checks.require(
            [check for check in checks.before_schedule(row) if check.slug == "apart"],
            "It would be in the way of another.",
        )
    try:
        with transaction.atomic():
            row.parts.update(starts_at=row.starts_at, ends_at=row.ends_at, holds=holds)
    except IntegrityError as error:
        if "window_service_apart" not in str(error):
            raise
        raise Conflict("Another window has one of these services then.") from None


@transaction.atomic
def schedule(
    window: MaintenanceWindow,
    *,
    actor: Actor,
    override: str = "",
    version: int | None = None,
) -> MaintenanceWindow:
    """Give it the time it has. Every notice is laid out with it. `override`: why it goes without
    the two weeks or the quiet hours, from those who may say so."""
    policy.require(actor, "maintenance.plan", window)
    row = hold(window, version=version)
    require_status(row, "draft")
    now = clock.now()
    _may_have(row, actor, override, now)
    advance(row, "scheduled", actor=actor, changes={"revision": 1, "changed_at": now})
    take_time(row)
    notices.lay_out(row, now)
    if row.is_emergency:
        telling.tell_leads(row)
    if not row.is_ours:
        _partner_said(row)
    say(row, f"Scheduled: {plans.span_words(row.starts_at, row.ends_at)}.", actor=actor)
    notices.say_ahead(row, now)
    return row


def _partner_said(row: MaintenanceWindow) -> None:
    """An alert of the mildest kind for those who watch; users read of it by the notices."""
    emit(row, "maintenance.partner")
    telling.tell(
        row, "maintenance.partner", f"partner:{row.revision}",
        roles=["primary_operator", "release_manager"], channels=False,
    )  # fmt: skip


def _may_have(row: MaintenanceWindow, actor: Actor, override: str, now: datetime) -> None:
    """Whether it may have the time that it has. Emergencies go without the rules, on record."""
    hold_place(row)
    why = redact_text(reading.line("override", override, reading.REASON))
    found = checks.before_schedule(row, now)
    broken = [check.slug for check in found if check.slug in {"lead", "hours"}
              and check.stands_in_the_way]  # fmt: skip
    if broken and why:
        policy.require(actor, "maintenance.waive", row)
        waive_rules(row, broken, why, actor)
        found = checks.before_schedule(row, now)
    checks.require(found, "It can't have this time.")
    if row.is_emergency:
        rules = ["lead", "hours", "tested"]
        waive_rules(row, [rule for rule in rules if row.waiver(rule) is None],
                    f"Emergency: {row.urgency}"[:500], actor)  # fmt: skip


def waive_rules(row: MaintenanceWindow, rules: Iterable[str], reason: str, actor: Actor) -> None:
    """Put it on the record. Callers hold the window and have asked who may."""
    at = f"{clock.now():%Y-%m-%dT%H:%M:%S.%f}Z"
    fresh = [{"rule": rule, "reason": reason, "by": actor.ref[:80], "at": at} for rule in rules]
    if not fresh:
        return
    taken = {each["rule"] for each in fresh}
    store(row, {"waived": [each for each in row.waived if each["rule"] not in taken] + fresh})
    note(
        row,
        "maintenance.waive",
        actor=actor,
        said="".join(
            f"Goes without the rule “{checks.WAIVABLE[each['rule']]}”: {reason}\n" for each in fresh
        ),
        after={"waived": sorted(taken)},
        reason=reason,
    )


@transaction.atomic
def reschedule(
    window: MaintenanceWindow,
    *,
    actor: Actor,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    override: str = "",
    version: int | None = None,
) -> MaintenanceWindow:
    """Another time. Whoever was told of the old one is told at once; consent was to the old time,
    and so were exceptions made for it."""
    policy.require(actor, "maintenance.change", window)
    why = reading.reason(redact_text(reason))
    row = hold(window, version=version)
    require_status(row, "scheduled", "announced", "approved", "missed")
    start, end = span(starts_at, ends_at)
    if (start, end) == (row.starts_at, row.ends_at):
        return row
    now = clock.now()
    before = plans.span_words(row.starts_at, row.ends_at)
    old = {"starts_at": plain(row.starts_at), "ends_at": plain(row.ends_at)}
    hold_place(row)  # before its notices and its request
    consent.fall(row, actor=actor, why="It has another time.")
    notices.forget(row)
    told = notices.was_told(row)
    kept = [each for each in row.waived if each["rule"] not in {"lead", "hours", "notices"}]
    store(row, {"starts_at": start, "ends_at": end, "revision": row.revision + 1, "waived": kept})
    _may_have(row, actor, override, now)
    if row.status == "missed":
        advance(row, "scheduled", actor=actor, reason=why)
    take_time(row)
    notices.lay_out(row, now)
    note(
        row,
        "maintenance.move",
        actor=actor,
        said=f"Moved from {before} to {plans.span_words(start, end)}: {why}",
        before=old,
        after={"starts_at": plain(start), "ends_at": plain(end)},
        reason=why,
    )
    if not row.is_ours:
        _partner_said(row)
    if told:
        _correct(row, now, before, why)
    notices.say_ahead(row, now)
    return row


def _correct(row: MaintenanceWindow, now: datetime, before: str, why: str) -> None:
    """The correction says all that is due by now: nobody reads two messages of one change."""
    due = row.notices.filter(revision=row.revision, kind__in=plans.AHEAD).due(now)
    folded = sorted(set(due.values_list("kind", flat=True)))
    notices.send(row, "correction", now, folded=folded, before=before, why=why)
    notices.told(row)


@transaction.atomic
def cancel(
    window: MaintenanceWindow, *, actor: Actor, reason: str, version: int | None = None
) -> MaintenanceWindow:
    """It will not be. Whoever was told of it is told so."""
    why = reading.reason(redact_text(reason))
    row = hold(window, version=version)
    if row.started_at is not None:
        raise Conflict(f"{row.ref} has begun: finish it, or roll it back.")
    now = clock.now()
    consent.withdraw(row, actor=actor, why=why)
    row.refresh_from_db(fields=["status", "version"])
    changes = {"closed_at": now, "close_reason": why, "changed_at": now}
    advance(row, "cancelled", actor=actor, reason=why, changes=changes)
    told = notices.was_told(row)
    notices.forget(row)
    row.parts.update(holds=False)
    if told:
        notices.send(row, "cancelled", now, why=why)
    say(
        row,
        f"{row.ref} is cancelled: {why}",
        actor=actor,
        parts=f"{row.ref} is cancelled.",
        close=f"Cancelled: {why}",
    )
    return row

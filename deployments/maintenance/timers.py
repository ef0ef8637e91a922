"""What comes to a window by itself: its notices, its partner's times, what people forget."""

from __future__ import annotations

from datetime import datetime

from controlplane.jobs import timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from deployments.maintenance import telling
from deployments.maintenance.holding import hold
from deployments.maintenance.querysets import AHEAD
from deployments.maintenance.services import notices
from deployments.maintenance.services.missing import lapse
from deployments.maintenance.services.running import partner_begins, partner_ends
from deployments.models import MaintenanceWindow


def _of(timer: Timer) -> MaintenanceWindow | None:
    """The window, locked, if it still has the time that the promise was made for."""
    rows = MaintenanceWindow.objects.filter(uid=timer.payload["window"])
    found = rows.first()
    if found is None:
        return None
    row = hold(found)
    return row if row.revision == timer.payload["revision"] else None


def _now(timer: Timer) -> datetime:
    """A promise comes due by the database's clock. Ours may be a moment behind, and would find
    that it is not due yet: then it would never be kept."""
    return max(clock.now(), timer.due_at)


@timers.on(notices.TIMER)
def say_notice(timer: Timer) -> None:
    window = _of(timer)
    if window is not None:
        notices.say_ahead(window, _now(timer))


@timers.on(notices.PARTNER)
def partner_time(timer: Timer) -> None:
    window = _of(timer)
    if window is None:
        return
    notices.say_ahead(window, _now(timer))
    if timer.payload["what"] == "start":
        partner_begins(window)
    else:
        partner_ends(window)


@timers.on(notices.UNSTARTED)
def ask_unstarted(timer: Timer) -> None:
    """While it could still begin. Once its time is over it is missed, and that is said instead."""
    window = _of(timer)
    if window is None or clock.now() >= window.ends_at:
        return
    if window.status in AHEAD:
        telling.tell(
            window,
            "maintenance.unstarted",
            f"unstarted:{window.revision}",
            roles=[*telling.STAKEHOLDERS, "primary_operator"],
            urgent=True,
        )


@timers.on(notices.OVERDUE)
def ask_overdue(timer: Timer) -> None:
    """Its planned end: what goes on is asked about, what never began holds nothing any more."""
    window = _of(timer)
    if window is None:
        return
    lapse(window)
    if window.status == "in_progress":
        telling.tell(
            window,
            "maintenance.overdue",
            f"overdue:{window.revision}",
            roles=[*telling.STAKEHOLDERS, "primary_operator"],
            urgent=True,
        )


@timers.on(notices.WATCH_OVER)
def ask_to_close(timer: Timer) -> None:
    window = _of(timer)
    if window is not None and window.status == "monitoring":
        telling.tell(window, "maintenance.closable", "closable", roles=["release_manager"])

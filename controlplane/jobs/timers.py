"""Promises with a due time. One table, one index, one proof for every deadline of the portal.

    set_timer("approval.remind", key=f"approval:{a.uid}:remind", due_at=…, workspace_id=…)

    @on("approval.remind")
    def remind(timer: Timer) -> None:
        ...                                     # pure database work, in its own transaction

The handler's work and the timer's "done" commit together, fenced by the lease, so it takes effect
once. A handler that calls the outside writes an outbox row instead. A handler repeats its own
promise by setting the same key again, counted from `timer.due_at` so that it never drifts; a
service that the handler calls may also cancel it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from controlplane.jobs import leases, nudges
from controlplane.jobs.leases import LeaseLost
from controlplane.jobs.models import Timer
from controlplane.lib import context, defaults

logger = logging.getLogger(__name__)

BATCH = defaults.define(
    "jobs.timer_batch", 20, unit="rows", why="Repeats after a kill are bounded by one batch."
)
LEASE = defaults.define(
    "jobs.timer_lease_s", 60.0, unit="seconds", why="Longest a killed worker delays its timers."
)

Handler = Callable[[Timer], None]
HANDLERS: dict[str, Handler] = {}


@dataclass(slots=True)
class _Running:
    timer: Timer
    settled: bool = False


# The timer whose handler runs here now: setting or cancelling its own key must end its lease
# with its token, or the handler would find itself fenced off by its own hand.
_running: ContextVar[_Running | None] = ContextVar("controlplane_running_timer", default=None)


def on(kind: str) -> Callable[[Handler], Handler]:
    """Register what happens when timers of this kind come due."""

    def register(handler: Handler) -> Handler:
        if HANDLERS.setdefault(kind, handler) is not handler:
            raise ValueError(f"timer kind {kind} has two handlers")
        return handler

    return register


def set_timer(
    kind: str,
    *,
    key: str,
    due_at: datetime,
    subject: str = "",
    workspace_id: int | None = None,
    payload: dict[str, Any] | None = None,
    max_attempts: int = 8,
) -> Timer:
    """Promise something. A promise of the same key is moved, also when it was done or dead.

    Runs inside the caller's transaction: no change without its promise, no promise without it.
    """
    fresh = {
        "kind": kind,
        "due_at": due_at,
        "ready_at": due_at,
        "subject": subject,
        "workspace_id": workspace_id,
        "payload": payload or {},
        "state": leases.WAITING,
        "lease_token": None,
        "attempts": 0,
        "max_attempts": max_attempts,
        "last_error": "",
        "finished_at": None,
    }
    own = _own(key)
    if own is not None:
        _settle(own, **fresh)
        return Timer.objects.get(pk=own.timer.pk)
    Timer.objects.bulk_create(
        [Timer(key=key, **fresh)],
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=list(fresh),
    )
    nudges.after_commit(due_at=due_at)
    return Timer.objects.get(key=key)


def cancel_timer(key: str) -> bool:
    """Take a promise back. False when there was none open. A handler in flight rolls back."""
    own = _own(key)
    if own is not None:
        _settle(own, state=leases.CANCELLED, lease_token=None, finished_at=Now())
        return True
    return bool(
        Timer.objects.filter(key=key, state__in=leases.OPEN).update(
            state=leases.CANCELLED, lease_token=None, finished_at=Now()
        )
    )


def cancel_timers(*, subject: str, kind: str | None = None) -> int:
    """Take back every open promise about one subject, as when its incident is resolved."""
    rows = Timer.objects.filter(subject=subject, state__in=leases.OPEN)
    if kind is not None:
        rows = rows.filter(kind=kind)
    return sum(cancel_timer(key) for key in rows.values_list("key", flat=True))


def _own(key: str) -> _Running | None:
    running = _running.get()
    return running if running is not None and running.timer.key == key else None


def _settle(own: _Running, **changes: Any) -> None:
    # Once settled, the row holds no token of ours; a second change of mind is a plain update.
    rows = Timer.objects.filter(pk=own.timer.pk) if own.settled else leases.held(own.timer)
    if not rows.update(**changes):
        raise LeaseLost(own.timer.key)
    own.settled = True


def work(deadline: float) -> int:
    """Fire what is due until nothing is, or until `deadline` (of `time.monotonic`)."""
    fired = 0
    while time.monotonic() < deadline:
        batch = leases.claim(
            Timer.objects.filter(kind__in=HANDLERS), limit=BATCH.value, lease_seconds=LEASE.value
        )
        if not batch:
            break
        fired += _fire_batch(batch, deadline)
    return fired


def _fire_batch(batch: list[Timer], deadline: float) -> int:
    # Half a lease is left to the slowest handler: a row begun later might run out under it.
    last_start = min(deadline, time.monotonic() + LEASE.value / 2)
    fired = 0
    for position, timer in enumerate(batch):
        if position and time.monotonic() > last_start:
            leases.release(timer)
        else:
            fired += fire(timer)
    return fired


def fire(timer: Timer) -> bool:
    """Run one claimed timer's handler. True when its work is committed."""
    running = _Running(timer)
    marker = _running.set(running)
    ids = {**context.resumed(timer.key[:128]), "source": "job"}
    try:
        with context.bind(**ids), transaction.atomic():
            # No lock on the timer here: services lock their own rows first and then cancel the
            # timer, so a handler that held it would stand in a deadlock with them.
            if not leases.still_held(timer):
                raise LeaseLost(timer.key)
            HANDLERS[timer.kind](timer)
            if not running.settled:
                leases.finish(timer)
    except LeaseLost:
        logger.info("timer %s was taken back or set anew meanwhile", timer.key)
        return False
    except Exception as error:
        dead = leases.fail(timer, error)
        logger.exception("timer %s failed%s", timer.key, ", given up" if dead else "")
        return False
    finally:
        _running.reset(marker)
    return True

"""What telemetry and `/metrics` are told of wakes, loops and escalations.

A wake is told of once it is settled, with every try it took; its row says that it was. Nothing of
what was said, and of whoever blocked a thread only what kind of actor it was.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from django.db import InterfaceError, OperationalError, transaction
from django.db.models.functions import Now

from controlplane.jobs import engine, leases
from controlplane.lib import clock
from controlplane.lib.errors import Unavailable
from missions.threads import measured
from missions.threads.models import Thread, WakeAttempt, WakeTrigger
from missions.threads.services.common import PORTAL
from telemetry.ingest.accepting import report

logger = logging.getLogger(__name__)
MODULE = "threads.told"
EVERY = timedelta(seconds=5)
_BATCH = 500
_FAILED = "failed"
RESULTS = ("triggered", "already_active", _FAILED, "fallback_spawned")
_NOBODY_TOOK = frozenset({"failed", "timeout"})  # of a try; one that somebody ended is neither
_AWAY = (OperationalError, InterfaceError, Unavailable)
_STOPPED = "stopped"  # with its supervisor: that was no try
_Event = dict[str, Any]


# --- Loops and escalations ------------------------------------------------------------------------


def looped(thread: Thread, guard: str, seq: int) -> None:
    """A guard stopped it: a loop was found, and people are asked."""
    said = {"thread": str(thread.uid), "rule": guard}
    report(PORTAL, thread.workspace, [
        _event(f"{thread.uid}:loop:{seq}", "loop_detected", "warning", clock.now(), said)
    ])  # fmt: skip
    transaction.on_commit(measured.LOOPS.labels(guard).inc)
    escalated(thread, guard, f"{seq}")


def escalated(thread: Thread, reason: str, mark: str) -> None:
    said = {"thread": str(thread.uid), "reason": reason}
    report(PORTAL, thread.workspace, [
        _event(f"{thread.uid}:escalated:{mark}", "thread_escalated", "warning", clock.now(), said)
    ])  # fmt: skip
    transaction.on_commit(measured.ESCALATIONS.labels(reason).inc)


# --- Wakes ----------------------------------------------------------------------------------------


def work(deadline: float) -> int:
    """The engine's module: safe to run twice, and beside itself."""
    done = 0
    while time.monotonic() < deadline and (told := tell_settled()):
        done += told
    return done


@transaction.atomic
def tell_settled() -> int:
    """Tell of some that are settled and were not told of."""
    rows = WakeTrigger.objects.filter(told_at=None).exclude(state__in=leases.OPEN)
    rows = rows.select_for_update(of=("self",), skip_locked=True).order_by("pk")
    found = list(rows.select_related("workspace", "agent").prefetch_related("tries")[:_BATCH])
    by_workspace: dict[int, list[WakeTrigger]] = {}
    for row in found:
        by_workspace.setdefault(row.workspace_id, []).append(row)
    for each in by_workspace.values():
        _report(each)
    WakeTrigger.objects.filter(pk__in=[row.pk for row in found]).update(told_at=Now())
    transaction.on_commit(partial(_count, found))
    return len(found)


def _report(rows: Sequence[WakeTrigger]) -> None:
    """One that can't be stored is left out, and said to be; it keeps back none of the others."""
    events = [event for row in rows for event in _events(row)]
    if not events:
        return
    try:
        with transaction.atomic():
            report(PORTAL, rows[0].workspace, events)
    except _AWAY:
        raise  # all of it is told later
    except Exception:
        if len(rows) == 1:
            logger.exception("wake %s can't be told of and is left out", rows[0].uid)
            measured.UNTOLD.inc()
            return
        half = len(rows) // 2
        _report(rows[:half])
        _report(rows[half:])


def result_of(row: WakeTrigger) -> str:
    """One of four; nothing of one that was taken back, which nobody answers for."""
    if row.state == leases.DEAD:
        return _FAILED
    return row.result if row.result in RESULTS else ""


def seconds_of(row: WakeTrigger) -> float | None:
    """From the message until its sleeping reader was reached. Whoever woke up by itself was not."""
    if row.sent_at is None or row.message_at is None:
        return None
    return max(0.0, (row.sent_at - row.message_at).total_seconds())


def _events(row: WakeTrigger) -> list[_Event]:
    told = [_tried(row, each) for each in _tries(row)]
    if result := result_of(row):
        seconds = seconds_of(row)
        said = {"agent": str(row.agent.uid), "result": result}
        # Tried again after it was given up it is another: its version has gone on.
        key, at = f"{row.uid}:{row.version}", row.finished_at or clock.now()
        status = "error" if result == _FAILED else "success"
        told.append(_event(key, "wake_attempted", status, at, said, seconds))
    return told


def _tries(row: WakeTrigger) -> Sequence[WakeAttempt]:
    return [each for each in row.tries.all() if each.result != _STOPPED]


def _tried(row: WakeTrigger, each: WakeAttempt) -> _Event:
    failed = each.result in _NOBODY_TOOK
    said = {"channel": each.adapter, "outcome": each.result}
    status, took = "error" if failed else "success", each.duration_ms / 1_000
    key = f"{row.uid}:try:{each.number}"
    return _event(key, "message_delivered", status, each.created_at, said, took)


def _event(
    key: str, name: str, status: str, at: datetime, said: dict[str, str],
    seconds: float | None = None,
) -> _Event:  # fmt: skip
    """Told twice, it is one: its id is made of what it is about."""
    told: _Event = {
        "event": name, "event_id": str(uuid5(NAMESPACE_OID, f"{name}:{key}")), "status": status,
        "occurred_at": at, "context": said,
    }  # fmt: skip
    if seconds is not None:
        told["duration_ms"] = round(seconds * 1_000, 3)
    return told


def _count(rows: Sequence[WakeTrigger]) -> None:
    for row in rows:
        for each in _tries(row):
            result = "failed" if each.result in _NOBODY_TOOK else "delivered"
            measured.DELIVERIES.labels(each.adapter, result).inc()
        if result := result_of(row):
            measured.WAKES.labels(result).inc()
        if (seconds := seconds_of(row)) is not None:
            measured.WAKE_SECONDS.observe(seconds)


engine.module(MODULE, work, every=EVERY, order=46)

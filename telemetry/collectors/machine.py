"""What this machine reports: gauges each quarter of a minute, answers each minute.

Every process looks, one of them at a time reports: whoever holds the lock of the machine's file
when it is due. The file holds what was seen last and what could not be told yet, and is replaced
in one step before anything is told. So a process may die anywhere: what is told twice has the
same ids, and what was measured while the database was away is told when it is back.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.db.models.functions import Now

from controlplane.jobs import heartbeats, metrics
from controlplane.jobs.metrics import POOL_NAME
from controlplane.jobs.models import Heartbeat
from controlplane.lib import actors, clock
from controlplane.lib.defaults import define
from controlplane.lib.errors import Unavailable
from telemetry.collectors import counted, host, pool
from telemetry.collectors.table import QUICK, SERVICE, Figure, told
from telemetry.ingest import report

logger = logging.getLogger(__name__)

KEPT = define(
    "telemetry.machine_spool",
    5_000,
    unit="events",
    why="hours of a database that is away; older ones give way",
)
ANSWERS_EVERY = timedelta(seconds=55)
State = dict[str, Any]


def look(component: str) -> None:
    """Called beside the signs of life of every process, a few seconds apart."""
    pool.look()
    take_turn()


def take_turn(now: Callable[[], datetime] = clock.now) -> int:
    """Report for the machine if it is due and nobody else does. Answers how many events."""
    with _locked() as path:
        if path is None:
            return 0
        state = _read(path)
        at = now()
        if not _due(state, "looked_at", at, timedelta(seconds=QUICK)):
            return 0
        state["looked_at"] = at.isoformat()
        gauges = [_gauge(*each, at=at) for each in _values(state)]
        spool = [*state.get("spool", []), *gauges, *_counted(state, at)][-KEPT.value :]
        state["spool"] = spool
        if not _written(path, state):
            return _tell_unwritten(gauges, at)
        if not _tell(spool):
            return 0
        state["spool"] = []
        _written(path, state)
        return len(spool)


_unwritten_at: datetime | None = None


def _tell_unwritten(gauges: list[dict[str, Any]], at: datetime) -> int:
    """The disk is full, or may not be written to: just then it must be told. What was counted
    waits, since nobody could note that it was told; and this process alone knows when it did."""
    global _unwritten_at
    if _unwritten_at is not None and abs(at - _unwritten_at) < timedelta(seconds=QUICK):
        return 0
    _unwritten_at = at
    return len(gauges) if _tell(gauges) else 0


def _due(state: State, key: str, at: datetime, apart: timedelta) -> bool:
    last = state.get(key)
    # A clock that was set back must not silence the machine.
    return not last or abs(at - datetime.fromisoformat(last)) >= apart


def _counted(state: State, at: datetime) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    grown = _grown(state, at)
    if grown is not None:
        found += [_dressed(event, at, str(n)) for n, event in enumerate(counted.answers(grown))]
        asked, missed = counted.connections(grown)
        if asked:
            share = round(min(100.0, missed / asked * 100), 2)
            about = {"attempts": round(asked), "failures": round(missed)}
            found.append(_gauge("db_connection_failures_percent", "%", share, "", at=at, **about))
    return found


def _grown(state: State, at: datetime) -> counted.Totals | None:
    """By how much the counters grew since a minute ago; None where it is not time yet, or where
    nobody looked before: what was counted until then is nobody's minute."""
    if not _due(state, "counted_at", at, ANSWERS_EVERY):
        return None
    before, now = state.get("totals"), counted.totals()
    state["totals"], state["counted_at"] = now, at.isoformat()
    return counted.grown(before, now) if before is not None else None


def _values(state: State) -> Iterator[tuple[str, str, float, str]]:
    yield from host.disks()
    yield from host.memory()
    yield from host.processor(state)
    for _, _, used in metrics.samples("gauge", {POOL_NAME}):
        yield "db_pool_used_percent", "%", round(used, 2), ""
    yield from _processes(state)


def _processes(state: State) -> Iterator[tuple[str, str, float, str]]:
    """Memory of this machine's processes by role: the largest of each. Who they are stands in the
    signs of life; while the database is away, those known before are looked at."""
    try:
        here = heartbeats.instance().rpartition(":")[0]
        lately = Now() - timedelta(seconds=heartbeats.STALE.value)
        rows = Heartbeat.objects.filter(instance__startswith=f"{here}:", at__gte=lately)
        state["pids"] = [
            [component, int(instance.rpartition(":")[2])]
            for component, instance in rows.values_list("component", "instance")[:200]
            if component != "tick" and instance.rpartition(":")[2].isdigit()
        ]
    except DatabaseError:
        pass
    largest: dict[str, float] = {}
    for component, pid in state.get("pids", []):
        size = host.resident(pid)
        if size is not None:
            largest[component] = max(largest.get(component, 0.0), size)
    for component, size in sorted(largest.items()):
        yield "process_rss_bytes", "bytes", size, component


def _gauge(
    name: str, unit: str, value: float, of: str, *, at: datetime, **context: Any
) -> dict[str, Any]:
    event = told(name, unit, Figure(value, of=of), at, **context)
    return _dressed(event, at, f"{name}:{of}")


def _dressed(event: dict[str, Any], at: datetime, mark: str) -> dict[str, Any]:
    event["context"]["host"] = host.name()
    return {
        **event,
        "event_id": f"{host.name()}:{at.isoformat()}:{event['event']}:{mark}",
        "occurred_at": at.isoformat(),
        "service": SERVICE,
        "env": settings.ENVIRONMENT,
    }


def _tell(spool: list[dict[str, Any]]) -> bool:
    """False: the database is away, or asks to wait. Nothing is lost by it."""
    actor = actors.job("telemetry.machine")
    try:
        for start in range(0, len(spool), 1_000):
            part = spool[start : start + 1_000]
            times = (datetime.fromisoformat(event["occurred_at"]) for event in part)
            report(
                actor,
                None,
                [{**event, "occurred_at": at} for event, at in zip(part, times, strict=True)],
            )
    except (DatabaseError, Unavailable) as error:
        logger.info("%d figures of this machine wait: %s", len(spool), type(error).__name__)
        return False
    return True


# --- The machine's file -------------------------------------------------------------------------


def folder() -> Path:
    return Path(settings.STATE_DIR) / "collectors"


@contextmanager
def _locked() -> Iterator[Path | None]:
    """The file, or None while another process has it."""
    place = folder()
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (place / f"{host.name()}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield place / f"{host.name()}.json"


def _read(path: Path) -> State:
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _written(path: Path, state: State) -> bool:
    try:
        _write(path, state)
    except OSError as error:
        logger.warning("this machine's file of figures can't be written: %s", error.strerror)
        return False
    return True


def _write(path: Path, state: State) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(state), encoding="utf-8")
    os.replace(fresh, path)

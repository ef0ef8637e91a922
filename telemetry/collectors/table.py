"""The gauges: a name, a unit, how often, and a small function each.

    @gauge("queue_depth", unit="messages", every=QUICK)
    def queue_depth() -> Iterable[Figure]:
        yield Figure(12, of="celery")

A gauge that fails is noted and the others go on: `collectors_failing` says how many, by name.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from controlplane.access.models import Workspace
from controlplane.lib import actors, clock
from controlplane.lib.defaults import define
from controlplane.lib.logs import event as log_event
from telemetry.ingest import report

logger = logging.getLogger(__name__)

QUICK, MINUTELY, SLOW = 15, 60, 300  # seconds between two looks
PATIENCE_MS = define(
    "telemetry.collector_ms",
    2_000,
    unit="milliseconds",
    why="a question about health must not become part of the trouble",
)
MOST = define(
    "telemetry.collector_figures",
    2_000,
    unit="figures",
    why="of one gauge in one look; more would be a list, not a gauge",
)
SERVICE = "portal"
FAILING = "collectors_failing"


@dataclass(frozen=True, slots=True)
class Figure:
    """One value. `of` says of which thing; no workspace: of the installation."""

    value: float
    of: str = ""
    workspace_id: int | None = None
    service: str = SERVICE


@dataclass(frozen=True, slots=True)
class Gauge:
    name: str
    unit: str
    every: int
    read: Callable[[], Iterable[Figure]]


GAUGES: dict[str, Gauge] = {}
Read = Callable[[], Iterable[Figure]]


def gauge(name: str, *, unit: str, every: int) -> Callable[[Read], Read]:
    def register(function: Read) -> Read:
        if name in GAUGES and GAUGES[name].read is not function:
            raise ValueError(f"gauge {name} is registered twice")
        GAUGES[name] = Gauge(name, unit, every, function)
        return function

    return register


def told(name: str, unit: str, figure: Figure, at: datetime, **context: Any) -> dict[str, Any]:
    """A figure as the event that reports it."""
    about: dict[str, Any] = {"name": name, "value": figure.value, "unit": unit, **context}
    if figure.of:
        about["of"] = figure.of[:64]
    return {
        "event": "gauge_reported",
        "occurred_at": at,
        "env": settings.ENVIRONMENT,
        "service": figure.service[:64],
        "context": about,
    }


def collect(every: int) -> dict[str, Any]:
    """Read all gauges of this rhythm and report them; counts for the job's run."""
    at = clock.now()
    events: dict[int | None, list[dict[str, Any]]] = defaultdict(list)
    failed: list[str] = []
    for each in [entry for entry in GAUGES.values() if entry.every == every]:
        try:
            figures = _asked(each)
        except Exception as error:  # noqa: BLE001  (one that fails must not blind the others)
            failed.append(each.name)
            log_event(
                logger,
                "telemetry.collector_failed",
                "A collector failed.",
                level=logging.WARNING,
                collector=each.name,
                error=type(error).__name__,
            )
            continue
        for figure in figures:
            events[figure.workspace_id].append(told(each.name, each.unit, figure, at))
    own = events[None]
    own.append(told(FAILING, "collectors", Figure(len(failed), of=f"every {every} s"), at))
    own += [told("collector_failed", "", Figure(1, of=name), at) for name in failed]
    return {**_report(events), "failed": ", ".join(failed)}


def _asked(each: Gauge) -> list[Figure]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(PATIENCE_MS.value)])
        return [figure for figure, _ in zip(each.read(), range(MOST.value), strict=False)]


def _report(events: dict[int | None, list[dict[str, Any]]]) -> dict[str, Any]:
    actor = actors.job("telemetry.collect")
    workspaces = Workspace.objects.in_bulk([key for key in events if key is not None])
    counts = {"gauges": 0, "workspaces": len(workspaces)}
    for workspace_id, batch in events.items():
        if workspace_id is not None and workspace_id not in workspaces:
            continue
        workspace = None if workspace_id is None else workspaces[workspace_id]
        for start in range(0, len(batch), 1_000):
            receipt = report(actor, workspace, batch[start : start + 1_000])
            counts["gauges"] += receipt.accepted
    return counts

"""The figures on the board: six of the business, and the technical ones that measures tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

from controlplane.base.registries import Kpi, Parts, kpis
from telemetry import measures
from telemetry.kpis import formulas
from telemetry.kpis.periods import WEEK

BOARD = "/admin/telemetry/dashboards/kpi-board/"
MONTH = timedelta(days=30)
Tell = Callable[[int, datetime, datetime], Parts]


def _value(tell: Tell, workspace_id: int, start: datetime, end: datetime) -> float | None:
    return tell(workspace_id, start, end).value


def _add(
    slug: str,
    title: str,
    unit: str,
    formula: str,
    tell: Tell,
    target: float | None,
    better: Literal["higher", "lower"],
    cadence: timedelta,
    group: Literal["business", "technical"],
    min_sample: int,
    source: str,
    version: int = 1,
) -> None:
    kpis.register(
        Kpi(
            slug=slug,
            title=title,
            unit=unit,
            formula=formula,
            compute=partial(_value, tell),
            parts=tell,
            target=target,
            better=better,
            cadence=cadence,
            link=BOARD,
            action="telemetry.view",
            source=source,
            group=group,
            min_sample=min_sample,
            version=version,
            on_home=group == "business",
        )
    )


def register() -> None:
    """Called once, when all measures are there."""
    _business()
    for slug, cadence in _TECHNICAL.items():
        _of_measure(slug, cadence)
    _add(
        "stages.duration", "Time in stage, of the usual", "times",
        "median time in a stage ÷ the median of its days in the four weeks before; the stage where"
        " it is the longest",
        formulas.stage_duration, 2.0, "lower", WEEK, "technical", 3, "four weeks of stages",
    )  # fmt: skip


def _business() -> None:
    _add(
        "missions.throughput", "Missions completed", "a week",
        "missions with mission_completed in the week; cancelled ones do not count",
        formulas.throughput, 30.0, "higher", WEEK, "business", 0, "a mission's first event",
    )  # fmt: skip
    _add(
        "approvals.latency", "Approval latency, p95", "h",
        "95th percentile of decided − first requested, over packets decided in the week;"
        " decided is the first rejection or the last approval, and delegating restarts nothing",
        formulas.approval_latency, 4.0, "lower", WEEK, "business", 5, "a decided approval", 2,
    )  # fmt: skip
    _add(
        "safeguards.escalation", "Missions escalated by the validator", "%",
        "missions with an override asked for, or a finding of severity high or critical that was"
        " not fixed, ÷ missions that began to execute",
        formulas.escalation, 5.0, "lower", 2 * WEEK, "business", 10, "a mission that executes", 2,
    )  # fmt: skip
    _add(
        "undo.success_rate", "Undo success", "%",
        "completed ÷ (completed + failed) undo runs",
        formulas.undo_success, 98.0, "higher", 2 * WEEK, "business", 50, "a finished undo run",
    )  # fmt: skip
    _add(
        "feedback.participation_rate", "Feedback participation", "%",
        "completed missions with feedback ÷ completed missions; several feedbacks count once",
        formulas.participation, 80.0, "higher", MONTH, "business", 5, "a completed mission",
    )  # fmt: skip
    _add(
        "library.reuse_rate", "Library reuse", "%",
        "completed missions planned from a precedent of the library ÷ completed missions",
        formulas.library_reuse, 35.0, "higher", MONTH, "business", 5, "a completed mission",
    )  # fmt: skip


# Measures whose target is a key figure too.
_TECHNICAL = {
    "service.uptime_unplanned": WEEK,
    "requests.error_rate": WEEK,
    "requests.p95": WEEK,
    "transitions.p95": WEEK,
    "stage.completion": WEEK,
    "router.success_rate": WEEK,
    "tool.rate_limits": WEEK,
    "tool.discovery_ratio": WEEK,
    "oauth.failure_rate": WEEK,
    "stream.disconnects": WEEK,
    "agent.p95": WEEK,
    "agent.error_rate": WEEK,
    "safeguard.violations": 2 * WEEK,
    "safeguard.auto_fix": 2 * WEEK,
    "undo.coverage": 2 * WEEK,
    "undo.rollback_ratio": 2 * WEEK,
    "thread.post_success": WEEK,
    "thread.read_success": WEEK,
}


_VERSIONS = {"safeguard.violations": 2}


def _of_measure(slug: str, cadence: timedelta) -> None:
    measure = measures.MEASURES[slug]
    _add(
        f"measure.{slug}", measure.title, measure.unit, measure.about or measure.title,
        partial(_read, slug), measure.target,
        "lower" if measure.better == "lower" else "higher",
        cadence, "technical", measure.min_sample, "events of this measure",
        _VERSIONS.get(slug, 1),
    )  # fmt: skip


def _read(slug: str, workspace_id: int, start: datetime, end: datetime) -> Parts:
    measure = measures.get(slug)
    where = None if measure.installation else workspace_id
    reading = measures.read(measure, where, start, end).get("")
    if reading is None or reading.value is None:
        return Parts(None, None, None)
    return Parts(reading.value, None, reading.sample)

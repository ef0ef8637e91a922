"""Reading a window is counting its events by hand, wherever it begins and ends."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry import measures
from telemetry.measures import Measure, Selection
from telemetry.models import Event
from telemetry.rollups import histogram
from tests.kit.measuring import noon, told, told_events
from tests.kit.telemetry import event

MINUTE = timedelta(minutes=1)
SPAN = 3 * 24 * 60
_EVENTS = ("execution_step_completed", "composio_discovery")
_OF = Selection(_EVENTS)
_FAILED = Selection(_EVENTS, {}, "error")
_NAMES = "count per_hour error_rate success_rate sum mean min max mean_ms p50 p95"
KINDS = {
    name: Measure(f"property.{name}", name, "", name, _OF)  # type: ignore[arg-type]
    for name in _NAMES.split()
}
KINDS["ratio"] = Measure("property.ratio", "ratio", "%", "ratio", _FAILED, over=_OF)


@st.composite
def reported(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "name": draw(st.sampled_from(_EVENTS)),
        # Crowded around the ends of days and hours, where windows are cut.
        "minute": draw(
            st.one_of(st.integers(0, SPAN), st.sampled_from([720, 721, 779, 780, 2160]))
        ),
        "status": draw(st.sampled_from(["success", "error", "warning", "info"])),
        "count": draw(st.integers(1, 4)),
        "duration_ms": draw(st.one_of(st.none(), st.floats(0.1, 60_000))),
        "coverage": draw(st.one_of(st.none(), st.integers(0, 100))),
        "toolkit": draw(st.sampled_from(["hubspot", "slack", ""])),
    }


def by_hand(rows: list[Event], length: timedelta) -> dict[str, float | None]:
    total = sum(row.weight for row in rows)
    by_status: Counter[str] = Counter(success=0, error=0)
    spread: Counter[int] = Counter()
    for row in rows:
        by_status[row.status] += row.weight
        if row.duration_ms is not None:
            spread[histogram.bin_of(row.duration_ms)] += row.weight
    errors, ended = by_status["error"], by_status["error"] + by_status["success"]
    amounts = [(row.amount, row.weight) for row in rows if row.amount is not None]
    number = sum(weight for _, weight in amounts)
    took = sum(row.duration_ms * row.weight for row in rows if row.duration_ms is not None)
    added = sum(amount * weight for amount, weight in amounts)
    return {
        "count": total or None,
        "per_hour": total * (timedelta(hours=1) / length) or None,
        "error_rate": 100 * errors / total if total else None,
        "success_rate": 100 * by_status["success"] / ended if ended else None,
        "ratio": 100 * errors / total if total else None,
        "sum": added if number else None,
        "mean": added / number if number else None,
        "min": min((amount for amount, _ in amounts), default=None),
        "max": max((amount for amount, _ in amounts), default=None),
        "mean_ms": took / sum(spread.values()) if spread else None,
        "p50": histogram.quantile(spread, 0.5),
        "p95": histogram.quantile(spread, 0.95),
    }


def told_of(found: list[dict[str, Any]], start: datetime) -> int:
    return told(
        event(
            each["name"],
            at=start + each["minute"] * MINUTE,
            status=each["status"],
            count=each["count"],
            duration_ms=each["duration_ms"],
            toolkit=each["toolkit"] or None,
            context={"coverage_estimate": each["coverage"]}
            if each["coverage"] is not None and each["name"] == "composio_discovery"
            else {},
        )
        for each in found
    ).pk


@pytest.mark.slow
@pytest.mark.django_db
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    found=st.lists(reported(), min_size=1, max_size=25),
    edges=st.tuples(st.integers(0, SPAN), st.integers(1, SPAN)),
)
def test_read__is_counting_by_hand(found: list[dict[str, Any]], edges: tuple[int, int]) -> None:
    now = noon()
    first = now - SPAN * MINUTE
    start = first + edges[0] * MINUTE
    end = min(start + edges[1] * MINUTE, now)
    with time_machine.travel(now, tick=False):
        workspace = told_of([each for each in found if each["minute"] < SPAN], first)
        rows = list(told_events(workspace, start, end))
        read = measures.read_many(KINDS.values(), workspace, start, end)
        split = measures.read_many(KINDS.values(), workspace, start, end, group_by="toolkit")
        lines = measures.series_many(KINDS.values(), workspace, first, now)
    if start >= end:
        return
    _same(by_hand(rows, end - start), {name: read[m.slug][""].value for name, m in KINDS.items()})
    for toolkit in {row.toolkit for row in rows}:
        some = [row for row in rows if row.toolkit == toolkit]
        values = {
            name: split[m.slug].get(toolkit, measures.NO_DATA).value for name, m in KINDS.items()
        }
        _same(by_hand(some, end - start), values)
    _same_along_time(lines, workspace)


def _same_along_time(lines: dict[str, measures.Series], workspace: int) -> None:
    """Each step of a series is what reading its window would give."""
    for number, point in enumerate(lines["property.p95"].groups[""]):
        rows = list(told_events(workspace, point.at, point.at + timedelta(hours=1)))
        wanted = by_hand(rows, timedelta(hours=1))
        for name in ("error_rate", "sum", "p95", "max"):
            assert lines[f"property.{name}"].groups[""][number].value == pytest.approx(wanted[name])


def _same(wanted: dict[str, float | None], found: dict[str, float | None]) -> None:
    for name, value in wanted.items():
        assert found[name] == (pytest.approx(value) if value is not None else None), name

"""Rollups a second time, in plain Python, from the events as they are stored."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from telemetry.catalogue import KINDS
from telemetry.models import Event, MissionDay, RollupDay, RollupHour, RollupMinute
from telemetry.models.rollups import DIMENSIONS
from tests.kit import telemetry

GRAINS: dict[Any, dict[str, Any]] = {
    RollupMinute: {"second": 0, "microsecond": 0},
    RollupHour: {"minute": 0, "second": 0, "microsecond": 0},
    RollupDay: {"hour": 0, "minute": 0, "second": 0, "microsecond": 0},
}
SUMS = ("total", "errors", "warnings", "successes", "flagged", "amounts", "durations")
Key = tuple[Any, ...]
CALL, ERROR = "composio_tool_call", "composio_tool_call_error"


def stored(grain: Any) -> dict[Key, dict[str, Any]]:
    found: dict[Key, dict[str, Any]] = {}
    for row in grain.objects.values():
        key = (row["workspace_id"], row["bucket"], *(row[name] for name in DIMENSIONS))
        assert key not in found, f"twice: {key}"
        found[key] = _comparable(row)
    return found


def expected(grain: Any, *, groups: int = 500, unknown: int = 200) -> dict[Key, dict[str, Any]]:
    """From the events. Collapsing is done once, so compare a coarser grain only without it."""
    cut = GRAINS[grain]
    events = _events()
    calls = failed_calls(events)
    by: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        event["counted"] = event["status"] == "error" and not _twin(event, calls)
        dimensions = (event[name] for name in DIMENSIONS)
        by[(event["workspace_id"], event["occurred_at"].replace(**cut), *dimensions)].append(event)
    named: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    names = _names(
        {key: sum(e["weight"] for e in rows) for key, rows in by.items()}, groups, unknown
    )
    for key, rows in by.items():
        named[names[key]].extend(rows)
    return {key: _sums(rows) for key, rows in named.items()}


def missions() -> dict[Key, tuple[int, int, datetime, datetime]]:
    by: dict[Key, list[dict[str, Any]]] = defaultdict(list)
    for event in _events():
        if event["mission"] is None:
            continue
        day = event["occurred_at"].date()
        by[(event["workspace_id"], day, event["mission"], event["event_type"])].append(event)
    return {
        key: (
            sum(e["weight"] for e in rows),
            sum(e["weight"] for e in rows if e["status"] == "error"),
            min(e["occurred_at"] for e in rows),
            max(e["occurred_at"] for e in rows),
        )
        for key, rows in by.items()
    }


def stored_missions() -> dict[Key, tuple[int, int, datetime, datetime]]:
    return {
        (row.workspace_id, row.day, row.mission, row.event_type): (
            row.total,
            row.errors,
            row.first_at,
            row.last_at,
        )
        for row in MissionDay.objects.all()
    }


def _events() -> list[dict[str, Any]]:
    rows: Any = Event.objects.values()
    return list(rows)


def failed_calls(events: Iterable[dict[str, Any]]) -> dict[Key, list[datetime]]:
    found: dict[Key, list[datetime]] = defaultdict(list)
    for event in events:
        if event["event_type"] == "composio_tool_call" and event["status"] == "error":
            found[_call(event)].append(event["occurred_at"].replace(second=0, microsecond=0))
    return found


def _call(event: dict[str, Any]) -> Key:
    action = event["context"].get("action", event["operation"])
    return (event["workspace_id"], event["correlation_id"], action)


def _twin(event: dict[str, Any], calls: dict[Key, list[datetime]]) -> bool:
    if event["event_type"] != "composio_tool_call_error" or event["correlation_id"] is None:
        return False
    minute = event["occurred_at"].replace(second=0, microsecond=0)
    return any(abs(minute - at) <= timedelta(minutes=10) for at in calls.get(_call(event), []))


def _names(sizes: dict[Key, int], groups: int, unknown: int) -> dict[Key, Key]:
    by_kind: dict[Key, list[Key]] = defaultdict(list)
    kinds: dict[Key, Counter[str]] = defaultdict(Counter)
    for key, size in sizes.items():
        by_kind[key[:3]].append(key)
        if key[2] not in KINDS:
            kinds[key[:2]][key[2]] += size
    kept = {
        place: {name for name, _ in sorted(found.items(), key=lambda e: (-e[1], e[0]))[:unknown]}
        for place, found in kinds.items()
    }
    names = {}
    for keys in by_kind.values():
        keys.sort(key=lambda key: (-sizes[key], key[2:]))
        for place, key in enumerate(keys):
            new = list(key)
            if key[2] not in KINDS and key[2] not in kept[key[:2]]:
                new[2] = "(other)"
            if place >= groups:
                new[3:] = [
                    value if name == "stage" else "(other)"
                    for name, value in zip(DIMENSIONS[1:], key[3:], strict=True)
                ]
            names[key] = tuple(new)
    return names


def _sums(rows: list[dict[str, Any]]) -> dict[str, Any]:
    told = [row for row in rows if row["amount"] is not None]
    timed = [row for row in rows if row["duration_ms"] is not None]
    bins: Counter[int] = Counter()
    for row in timed:
        bins[math.ceil(math.log(max(row["duration_ms"], 0.01)) / math.log(1.04))] += row["weight"]
    return _comparable(
        {
            "total": sum(row["weight"] for row in rows),
            "errors": sum(row["weight"] for row in rows if row["counted"]),
            "warnings": sum(row["weight"] for row in rows if row["status"] == "warning"),
            "successes": sum(row["weight"] for row in rows if row["status"] == "success"),
            "flagged": sum(row["weight"] for row in rows if row["flags"]),
            "amounts": sum(row["weight"] for row in told),
            "durations": sum(row["weight"] for row in timed),
            "amount_sum": sum(row["weight"] * row["amount"] for row in told),
            "amount_min": min((row["amount"] for row in told), default=None),
            "amount_max": max((row["amount"] for row in told), default=None),
            "amount_last": max(
                ((row["occurred_at"], row["amount"]) for row in told), default=(None, None)
            )[1],
            "last_at": max(row["occurred_at"] for row in rows),
            "duration_sum": sum(row["weight"] * row["duration_ms"] for row in timed),
            "bins": sorted(bins),
            "counts": [bins[each] for each in sorted(bins)],
        }
    )


def _comparable(row: dict[str, Any]) -> dict[str, Any]:
    """Sums of floats depend on the order in their last digits."""
    names = (*SUMS, "amount_min", "amount_max", "amount_last", "last_at", "bins", "counts")
    found = {name: row[name] for name in names}
    for name in ("amount_sum", "duration_sum"):
        found[name] = float(f"{row[name]:.9g}")
    return found


def agree() -> None:
    for grain in GRAINS:
        assert stored(grain) == expected(grain)
    assert stored_missions() == missions()


def failure(name: str, at: datetime, **fields: Any) -> dict[str, Any]:
    """One failed call, as the executor tells of it or as the error does."""
    context = {"action": "create", "toolkit": "hubspot"}
    context |= {"outcome": "failed"} if name == CALL else {"error_code": "BUSY"}
    return telemetry.event(name, at=at, context=context, **fields)

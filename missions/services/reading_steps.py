"""What agents report of steps, brought into one form or refused with the field named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from controlplane.lib import clock
from missions import numbers_plans as numbers
from missions.models import RunStep
from missions.services import reading, reading_plans

_KNOWN = frozenset(
    ["external_id", "status", "sequence", "agent", "toolkit", "action", "arguments", "mutating",
     "play_step", "undo_step", "started_at", "ended_at", "latency_ms", "error_code"]
)  # fmt: skip
_ARGUMENTS = 8_000  # characters of JSON: what a step was called with, not the data it moved
_DEEP = 12
_AHEAD = timedelta(minutes=5)  # clocks differ
_LONG_AGO = timedelta(days=366)
SYNONYMS = {"dispatched": "queued", "in_progress": "running", "success": "succeeded",
           "completed": "succeeded", "error": "failed", "cancelled": "skipped"}  # fmt: skip


def reports(given: Any) -> list[dict[str, Any]]:
    rows = reading_plans.each_of("steps", given, numbers.MOST_REPORTS, least=1)
    return [_report(each) for each in rows]


def _report(given: Mapping[str, Any]) -> dict[str, Any]:
    reading_plans.known_only("steps", given, _KNOWN)
    told = given.get("status", "")
    status = SYNONYMS.get(told, told) if isinstance(told, str) else told
    found: dict[str, Any] = {
        "external_id": reading.line(
            "external_id", given.get("external_id", ""), 100, required=True
        ),
        "status": reading.choice("status", status, RunStep.Status.values),
        "sequence": _number(given, "sequence", 2_000_000_000) or 0,
        "agent": reading.line("agent", given.get("agent") or "", 80),
        "toolkit": reading.line("toolkit", given.get("toolkit") or "", 50).lower(),
        "action": reading.line("action", given.get("action") or "", 120),
        "arguments": arguments(given.get("arguments")),
        "mutating": reading_plans.truth("mutating", given.get("mutating") or False),
        "play_step": _number(given, "play_step", numbers.MOST_STEPS, 1),
        "undo_step": _number(given, "undo_step", numbers.MOST_UNDO_STEPS, 1),
        "started_at": moment("started_at", given.get("started_at")),
        "ended_at": moment("ended_at", given.get("ended_at")),
        "latency_ms": _number(given, "latency_ms", 2_000_000_000),
        "error_code": reading.line("error_code", given.get("error_code") or "", 60),
    }
    begun, ended = found["started_at"], found["ended_at"]
    if begun is not None and ended is not None and ended < begun:
        raise reading.refuse("ended_at", "Not before it started.")
    return found


def _number(given: Mapping[str, Any], field: str, most: int, least: int = 0) -> int | None:
    value = given.get(field)
    return None if value is None else reading_plans.whole(field, value, least, most)


def moment(field: str, value: Any) -> datetime | None:
    given = reading.moment(field, value)
    if given is None:
        return None
    now = clock.now()
    if not now - _LONG_AGO < given < now + _AHEAD:
        raise reading.refuse(field, "Within the last year, and not in the future.")
    return given.astimezone(UTC)


def arguments(given: Any) -> dict[str, Any]:
    """What it was called with: a small JSON object."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise reading.refuse("arguments", "An object.")
    if _depth(given) > _DEEP:
        raise reading.refuse("arguments", f"At most {_DEEP} levels deep.")
    try:
        text = json.dumps(given, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError):
        raise reading.refuse("arguments", "Plain JSON values.") from None
    if len(text) > _ARGUMENTS:
        raise reading.refuse("arguments", f"At most {_ARGUMENTS:,} characters of JSON.")
    if "\\u0000" in text:
        raise reading.refuse("arguments", "Holds a NUL character.")
    return dict(given)


def _depth(value: Any) -> int:
    """Without recursion: what is deeper than the stack must not end the process."""
    deepest, rest = 0, [(value, 1)]
    while rest:
        here, depth = rest.pop()
        deepest = max(deepest, depth)
        if depth > _DEEP:
            break
        if isinstance(here, Mapping):
            rest += [(each, depth + 1) for each in here.values()]
        elif isinstance(here, list | tuple):
            rest += [(each, depth + 1) for each in here]
    return deepest

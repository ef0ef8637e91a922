"""How reports of one step become one row, whatever their order and however often they come.

Each field keeps the value of the greatest report that told it. Reports are ordered by how far the
step was (an end beats a beginning), then by the reporter's own number, then by the state itself
and, so that no two ever tie with different values, by the value. A field's value is thus the
maximum of a set, and a maximum asks neither order nor repetition. That a step changes something is
never taken back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# How far: a later one is never taken back to an earlier.
FAR = {"queued": 0, "running": 1, "skipped": 2, "failed": 2, "succeeded": 2}
# Of two ends under one number: what is known to have worked did.
RANK = {"queued": 0, "running": 0, "skipped": 0, "failed": 1, "succeeded": 2}
FIELDS = (
    "agent",
    "toolkit",
    "action",
    "arguments",
    "play_step",
    "undo_step",
    "started_at",
    "ended_at",
    "latency_ms",
    "error_code",
)
Mark = list[Any]  # [how far, the reporter's number, rank of the state, the value's own order]
PORTAL = -1  # the portal's own word has the least number: any report knows better
LET_GO = 9  # what a step was let go for: no report knows better


@dataclass(slots=True)
class Story:
    """What is known of a step."""

    values: dict[str, Any] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    mutating: bool = False

    @property
    def status(self) -> str:
        return str(self.values.get("status", "queued"))

    @property
    def sequence(self) -> int:
        mark = self.marks.get("status")
        return max(int(mark[1]), 0) if mark else 0


def pinned(value: Any) -> Mark:
    """The mark of what a step was let go for."""
    return [LET_GO, 0, 0, "" if value is None else _order(value)]


def fold(story: Story, report: Mapping[str, Any]) -> bool:
    """Take a report into the story; whether it told anything new. `report`: its fields, where
    None and nothing mean that it does not say."""
    status, sequence = report["status"], report.get("sequence") or 0
    mark: Mark = [FAR[status], sequence, RANK[status]]
    news = _put(story, "status", status, mark)
    for name in FIELDS:
        value = report.get(name)
        if value is not None and value not in ("", {}):
            news |= _put(story, name, value, mark)
    if report.get("mutating") and not story.mutating:
        story.mutating = news = True
    return news


def _put(story: Story, name: str, value: Any, mark: Mark) -> bool:
    full = [*mark, _order(value)]
    known = story.marks.get(name)
    if known is not None and known >= full:
        return False
    story.values[name], story.marks[name] = value, full
    return True


def _order(value: Any) -> str:
    """Any order will do, as long as it is always the same: so never one of the database's keys."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:012d}"
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()

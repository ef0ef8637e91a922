"""The log as JSON lines or CSV, streamed by key: the size of the log is never held in memory."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from controlplane.audit.querysets import EventQuerySet

CHUNK = 2_000
COLUMNS = (
    "uid",
    "at",
    "workspace",
    "actor_kind",
    "actor_ref",
    "actor_label",
    "action",
    "subject_type",
    "subject_ref",
    "subject_label",
    "outcome",
    "reason",
    "rule",
    "before",
    "after",
    "details",
    "source",
    "request_id",
    "correlation_id",
    "address",
    "leaf",
)
_FIELDS = tuple("workspace_id" if name == "workspace" else name for name in COLUMNS)
FORMATS = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
# A cell that begins with one of these is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def between(
    events: EventQuerySet, *, since: datetime | None = None, until: datetime | None = None
) -> EventQuerySet:
    if since is not None:
        events = events.filter(at__gte=since)
    return events.filter(at__lt=until) if until is not None else events


def rows(events: EventQuerySet, slugs: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    """Oldest first. Pages by id: no server cursor is left open while a slow client reads.

    `slugs` names workspaces by id: the log itself knows only numbers.
    """
    last = 0
    while True:
        page = list(events.order_by("id").filter(id__gt=last).values("id", *_FIELDS)[:CHUNK])
        for row in page:
            last = row.pop("id")
            yield public(row, slugs)
        if len(page) < CHUNK:
            return


def public(row: dict[str, Any], slugs: Mapping[int, str]) -> dict[str, Any]:
    """A row as it leaves the portal, without the numbers that only the database should know."""
    workspace_id = row.pop("workspace_id")
    row["workspace"] = None if workspace_id is None else slugs.get(workspace_id, "")
    row["uid"] = str(row["uid"])
    row["at"] = row["at"].isoformat()
    if "leaf" in row:
        row["leaf"] = bytes(row["leaf"]).hex()
    return row


def lines(events: EventQuerySet, form: str, slugs: Mapping[int, str]) -> Iterator[str]:
    if form == "jsonl":
        for row in rows(events, slugs):
            yield json.dumps(row, ensure_ascii=False) + "\n"
        return
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for row in rows(events, slugs):
        writer.writerow([_cell(row[name]) for name in COLUMNS])
        if buffer.tell() > 65_536:
            yield _take(buffer)
    yield _take(buffer)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _take(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text

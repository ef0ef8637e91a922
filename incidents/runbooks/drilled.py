"""Drills and validations as files: the evidence that is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from controlplane.access.models import Workspace
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from controlplane.lib.text import in_markdown
from incidents.models import Drill, Runbook, RunbookValidation
from telemetry.queries.exporting import csv_of

MOST = 1_000
TYPES: Mapping[str, str] = {
    "md": "text/markdown; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}
COLUMNS = (
    "uid", "kind", "title", "runbook", "status", "started_at", "ended_at", "score", "started_by",
    "notes",
)  # fmt: skip


def rows_of(actor: Actor, workspace: Workspace | None, runbook: str = "") -> list[Drill]:
    """Drills of paging, runbooks and game days: one record of all of them, the newest first."""
    rows: Any = Drill.objects.visible_to(actor)
    if workspace is not None:
        rows = rows.of(workspace)
    if runbook:
        rows = rows.filter(runbook=runbook)
    return list(rows.order_by("-id")[:MOST])


def data(row: Drill) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in COLUMNS}
    return {**found, "asked": row.asked, "seen": row.seen}


def written(rows: Iterable[Drill], form: str) -> str:
    if form == "csv":
        return csv_of(COLUMNS, ([_said(data(row)[name]) for name in COLUMNS] for row in rows))
    if form == "json":
        return json.dumps({"drills": [data(row) for row in rows]}, default=str, indent=1)
    if form != "md":
        raise NotFound("One of md, csv, json.")
    lines = ["# Drills", "", "| When | Kind | What | State | Score | Notes |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    lines += [_line(row) for row in rows]
    return "\n".join(lines) + "\n"


def _said(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else "" if value is None else str(value)


def _line(row: Drill) -> str:
    when = f"{row.started_at:%Y-%m-%d %H:%M}" if row.started_at is not None else "planned"
    score = "" if row.score is None else f"{row.score} %"
    what = in_markdown(row.title) + (f" ({row.runbook})" if row.runbook else "")
    cells = [when, str(row.get_kind_display()), what, str(row.get_status_display()), score,
             in_markdown(row.notes)]  # fmt: skip
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def with_log(row: Runbook, workspace_id: int | None) -> str:
    """A runbook as a file, with who tried it when under it."""
    if row.current is None:
        raise NotFound("It has no text.")
    rows: Iterable[RunbookValidation] = ()
    if workspace_id is not None:
        found = RunbookValidation.objects.filter(workspace=workspace_id, slug=row.slug)
        rows = found.select_related("user", "text").order_by("-id")[:50]
    lines = ["", "## Validation log", "", "| Date | Who | Where | Version | Result |",
             "|---|---|---|---|---|"]  # fmt: skip
    for each in rows:
        who = in_markdown(each.user.name) if each.user is not None else each.actor_ref
        where = in_markdown(each.environment)
        lines.append(
            f"| {each.at:%Y-%m-%d} | {who} | {where} | {each.text.number} |"
            f" {each.get_result_display()} |"
        )
    return row.current.text + "\n".join(lines) + "\n"

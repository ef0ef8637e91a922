"""A panel's numbers as CSV and JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse, JsonResponse

from telemetry.dashboards.asked import Asked
from telemetry.dashboards.drawing import Drawn
from telemetry.dashboards.kinds import Dashboard
from telemetry.queries import csv_of
from telemetry.shown.times import stamp

FORMS = ("csv", "json")


def answer(dashboard: Dashboard, drawn: Drawn, asked: Asked, form: str) -> HttpResponse:
    name = f"{dashboard.slug}-{drawn.panel.slug}-{asked.time.end:%Y%m%dT%H%MZ}.{form}"
    made = _csv(drawn) if form == "csv" else _json(dashboard, drawn, asked)
    return handed_out(made, name)


def handed_out(made: HttpResponse, name: str) -> HttpResponse:
    """As a file that no browser shows and no cache keeps."""
    made["Content-Disposition"] = f'attachment; filename="{name}"'
    made["Cache-Control"] = "private, no-store"
    made["X-Content-Type-Options"] = "nosniff"
    return made


def _csv(drawn: Drawn) -> HttpResponse:
    rows = [[_plain(value) for value in row] for row in drawn.rows]
    return HttpResponse(csv_of(drawn.columns, rows), content_type="text/csv; charset=utf-8")


def _json(dashboard: Dashboard, drawn: Drawn, asked: Asked) -> HttpResponse:
    return JsonResponse(
        {
            "dashboard": dashboard.slug,
            "panel": drawn.panel.slug,
            "title": drawn.panel.title,
            "workspace": asked.workspace.slug if asked.workspace else None,
            "start": stamp(asked.time.start),
            "end": stamp(asked.time.end),
            "filters": {name: list(values) for name, values in asked.filters.items()},
            "state": drawn.standing.slug,
            "columns": list(drawn.columns),
            "rows": [[_plain(value) for value in row] for row in drawn.rows],
        }
    )


def _plain(value: Any) -> Any:
    return stamp(value) if isinstance(value, datetime) else value

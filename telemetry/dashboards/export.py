"""A panel's numbers as CSV and JSON."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any

from django.http import HttpResponse, JsonResponse

from telemetry.dashboards.asked import Asked
from telemetry.dashboards.drawing import Drawn
from telemetry.dashboards.kinds import Dashboard
from telemetry.shown.times import stamp

FORMS = ("csv", "json")
# What a spreadsheet would take for a formula: names of agents and tools come from senders.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def answer(dashboard: Dashboard, drawn: Drawn, asked: Asked, form: str) -> HttpResponse:
    name = f"{dashboard.slug}-{drawn.panel.slug}-{asked.time.end:%Y%m%dT%H%MZ}.{form}"
    made = _csv(drawn) if form == "csv" else _json(dashboard, drawn, asked)
    made["Content-Disposition"] = f'attachment; filename="{name}"'
    made["Cache-Control"] = "private, no-store"
    made["X-Content-Type-Options"] = "nosniff"
    return made


def _csv(drawn: Drawn) -> HttpResponse:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_safe(name) for name in drawn.columns])
    writer.writerows([[_safe(value) for value in row] for row in drawn.rows])
    return HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")


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


def _safe(value: Any) -> Any:
    value = _plain(value)
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(_FORMULAS):
        return f"'{value}"
    return value

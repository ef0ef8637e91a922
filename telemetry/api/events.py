"""Events, as a list to look through.

Everybody who asks says when: the time picks the days' tables, and no other way into ten million
rows is cheap. One mission's and one request's events are found by their own indexes, so these may
be asked for further back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework import serializers

from controlplane.base.api import etag, pagination, throttles
from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.serializers import StrictSerializer
from controlplane.lib.defaults import define
from telemetry import catalogue
from telemetry.api.series_question import SCOPE, TIME, Faults, scope_of, texts, whose, window
from telemetry.models import Event
from telemetry.queries import csv_of, legacy

DAYS = define(
    "telemetry.events_days", 7, unit="days", why="A look through events; charts look further back."
)
DAYS_OF_ONE = define(
    "telemetry.events_days_of_one",
    180,
    unit="days",
    why="One mission, request, or item: as long as events are kept.",
)
_STATUSES = ("info", "success", "warning", "error")
# Parameter -> column; each takes several values.
_COLUMNS = {
    "event": "event_type",
    "status": "status",
    "stage": "stage",
    "env": "env",
    "service": "service",
    "agent": "agent",
    "toolkit": "toolkit",
    "operation": "operation",
    "code": "code",
    "mission": "mission",
    "correlation_id": "correlation_id",
    "session": "session",
    "work_item": "work_item",
    "trace_id": "trace_id",
}
_INDEXED = ("mission", "correlation_id")
PARAMETERS = frozenset({*_COLUMNS, *TIME, SCOPE, "limit", "cursor", "format"})
_SHOWN = (
    "id",
    "occurred_at",
    "received_at",
    "event_type",
    "received_name",
    "status",
    "level",
    "stage",
    "env",
    "service",
    "agent",
    "toolkit",
    "operation",
    "code",
    "source",
    "mission",
    "work_item",
    "correlation_id",
    "session",
    "trace_id",
    "span_id",
    "user_ref",
    "weight",
    "duration_ms",
    "amount",
    "flags",
    "message",
    "context",
    "redactions",
)
_NAMES = {"id": "event_id", "event_type": "event", "weight": "count"}


class EventRow(StrictSerializer):
    event_id = serializers.UUIDField()
    occurred_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    event = serializers.CharField()
    received_name = serializers.CharField(allow_null=True, help_text="Where it was another.")
    status = serializers.ChoiceField(choices=_STATUSES)
    level = serializers.IntegerField()
    stage = serializers.CharField()
    stage_legacy = serializers.CharField(
        required=False, help_text="Where the setting asks for old names."
    )
    env = serializers.CharField()
    service = serializers.CharField()
    agent = serializers.CharField()
    toolkit = serializers.CharField()
    operation = serializers.CharField()
    code = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    mission = serializers.CharField(allow_null=True)
    work_item = serializers.CharField(allow_null=True)
    correlation_id = serializers.CharField(allow_null=True)
    session = serializers.CharField(allow_null=True)
    trace_id = serializers.CharField(allow_null=True)
    span_id = serializers.CharField(allow_null=True)
    user_ref = serializers.CharField(allow_null=True, help_text="A pseudonym.")
    count = serializers.IntegerField()
    duration_ms = serializers.FloatField(allow_null=True)
    amount = serializers.FloatField(allow_null=True)
    flags = serializers.IntegerField()
    message = serializers.CharField(allow_null=True)
    context = serializers.JSONField()  # type: ignore[assignment]
    redactions = serializers.JSONField(allow_null=True)


class EventPage(StrictSerializer):
    items = EventRow(many=True)
    next = serializers.CharField(allow_null=True)
    next_cursor = serializers.CharField(allow_null=True)


def listed(request: HttpRequest) -> HttpResponse:
    """Events of the workspace, newest first: by name, mission, correlation id, agent, toolkit and
    more, over the last 24 hours or the time asked for."""
    actor, workspace = request.actor, request.workspace  # type: ignore[attr-defined]
    throttles.check(request, actor, "read")  # the route's own limit is for senders
    asked = request.GET
    faults = Faults()
    wanted = {name: _values(asked, name, faults) for name in _COLUMNS if name in asked}
    one = any(name in wanted for name in _INDEXED)
    longest = timedelta(days=DAYS_OF_ONE.value if one else DAYS.value)
    start, end = window(asked, faults, longest=longest)
    scope = scope_of(asked, faults)
    form = asked.get("format", "json")
    if form not in {"json", "csv"}:
        faults["format"] = "json or csv."
    limit = pagination.limit_of(request)
    faults.raise_any()
    rows: Any = Event.objects.visible_to(actor)
    rows = rows.of(whose(actor, workspace, scope, portal=False))
    page = pagination.page_of(
        rows.between(start, end).filter(
            **{f"{_COLUMNS[name]}__in": values for name, values in wanted.items()}
        ),
        _SHOWN,
        ("-occurred_at", "-id"),
        name="telemetry-events",
        limit=limit,
        cursor=asked.get("cursor"),
    )
    items = [_item(row) for row in page.rows]
    return _file(request, items) if form == "csv" else _page(request, items, page.next_cursor)


def _values(asked: Mapping[str, str], name: str, faults: Faults) -> tuple[str, ...]:
    values = texts(asked[name], name, faults)
    if name == "status" and not set(values) <= set(_STATUSES):
        faults[name] = f"Of {', '.join(_STATUSES)}."
    if name == "event":
        return tuple(catalogue.ALIASES.get(value, value) for value in values)
    if name != "stage":
        return values
    stages = [catalogue.stage_of(value) for value in values]
    if None in stages:
        faults[name] = f"Of {', '.join(catalogue.STAGES)}."
    return tuple(stage or "" for stage in stages)


def _item(row: tuple[Any, ...]) -> dict[str, Any]:
    item = {_NAMES.get(name, name): value for name, value in zip(_SHOWN, row, strict=False)}
    if legacy.WANTED.value:
        item["stage_legacy"] = legacy.names_of(item["stage"])
    return item


def _page(request: HttpRequest, items: list[dict[str, Any]], cursor: str | None) -> HttpResponse:
    link = None
    if cursor:
        query = request.GET.copy()
        query["cursor"] = cursor
        link = f"{request.path}?{query.urlencode()}"
    response = JsonAnswer(
        {"items": items, "next": link, "next_cursor": cursor},
        headers={"Link": f'<{link}>; rel="next"'} if link else None,
    )
    return etag.conditional(request, response, etag.of_body(response.content))


def _file(request: HttpRequest, items: list[dict[str, Any]]) -> HttpResponse:
    names = [_NAMES.get(name, name) for name in _SHOWN if name not in {"context", "redactions"}]
    if legacy.WANTED.value:
        names.append("stage_legacy")
    text = csv_of(names, ([item[name] for name in names] for item in items))
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="events.csv"'
    return etag.conditional(request, response, etag.of_body(response.content))

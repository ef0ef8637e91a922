"""The events: the list that dashboards drill down to, and the page of one."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db import models
from django.db.models import Q
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin
from controlplane.base.web import actor_of, workspace_of
from telemetry.admin import filters
from telemetry.admin.paging import EventList
from telemetry.catalogue import find
from telemetry.models import Event
from telemetry.shown import neighbours, words

_LISTED = ("context", "message", "redactions")


@admin.register(Event)
class EventAdmin(ModelAdmin[Event]):
    view_action = "telemetry.view"
    keyed = True
    about = "What was reported, newest first. The last 24 hours unless you ask for more."
    tabs = (
        ("Everything", "range=24h"),
        ("Errors", "range=24h&status=error"),
        ("Warnings", "range=24h&status=warning"),
        ("Noticed", "range=24h&noticed=any"),
    )
    empty = "No event in this time."
    empty_hint = "POST /api/v1/telemetry/events takes one, an array, or a line each."
    list_display = (
        "what", "status", "occurred_at", "who", "on", "mission", "took", "noticed",
    )  # fmt: skip
    phone_columns = ("status", "occurred_at")
    list_filter = filters.ALL
    search_fields = ("correlation_id",)  # the box is shown for it; see get_search_results
    search_help_text = "A correlation id, a mission, an event's id or name"
    labels = {
        "occurred_at": "When",
        "received_at": "Received",
        "received_name": "Sent as",
        "event_type": "Event",
        "env": "Environment",
        "source": "Sent by",
        "code": "Code",
        "session": "Session",
        "weight": "Stands for",
        "user_ref": "Person, by pseudonym",
        "work_item": "Work item",
    }
    in_palette = True
    audited = False  # facts, which nobody changes
    head_state = "status"
    head_clocks = ("occurred_at",)
    fields = (
        "status", "occurred_at", "event_type", "received_name", "workspace", "env", "service",
        "stage_words", "agent", "toolkit", "operation", "code", "mission", "work_item", "session",
        "user_ref", "took", "amount_words", "weight", "level_words", "source", "received_at",
        "correlation_id", "trace_id", "span_id", "parent_span_id", "id", "message", "context",
    )  # fmt: skip
    panel_template = "telemetry/panel_event.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        """A list is of one workspace, or of the installation; the page of one event is there for
        whoever may see it, whichever workspace was chosen meanwhile."""
        if not getattr(request, "of_a_list", False):
            return Event.objects.visible_to(actor_of(request))
        return self.scope(request, Event.objects)

    def scope(self, request: HttpRequest, manager: Any) -> Any:
        """Of events, or of their sums, those that the list is about."""
        rows = manager.visible_to(actor_of(request))
        if request.GET.get(filters.ABOUT) == filters.OF_INSTALLATION:
            return rows.of(None)
        workspace = workspace_of(request)
        return rows.exclude(workspace=None) if workspace is None else rows.of(workspace.pk)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[EventList]:
        return EventList

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        request.of_a_list = True  # type: ignore[attr-defined]
        return super().changelist_view(request, extra_context)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Event | None:
        """By id. Two days may hold the same one: the newer is meant."""
        try:
            key = UUID(object_id)
        except ValueError:
            return None
        rows: Any = Event.objects.visible_to(actor_of(request))
        rows = rows.select_related("workspace")
        event: Event | None = rows.filter(pk=key).order_by("-occurred_at").first()
        return event

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup in {"from", "to"} or super().lookup_allowed(lookup, value, request)

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str
    ) -> tuple[models.QuerySet[Any], bool]:
        """What has an index. A part of a word would read every event there is."""
        text = search_term.replace("\x00", "").strip()[:128]
        if not text:
            return queryset.defer(*_LISTED), False
        queryset = queryset.defer(*_LISTED)
        kind = find(text.replace(" ", "_").lower())
        if kind is not None:
            return queryset.filter(event_type=kind.name), False
        asked = Q(correlation_id=text) | Q(mission=text) | Q(mission=text.upper())
        with contextlib.suppress(ValueError):
            asked |= Q(pk=UUID(text))
        return queryset.filter(asked), False

    def heading(self, obj: Event) -> str:
        return words.event_words(obj.event_type)

    def panel_context(self, request: HttpRequest, obj: Event) -> Mapping[str, Any]:
        found = neighbours.of(obj, actor_of(request))
        kind = find(obj.event_type)
        return {
            "flag_words": words.flag_words(obj.flags),
            "redacted": sorted((obj.redactions or {}).items()),
            "lanes": neighbours.chart(obj, found),
            "neighbours": len(found) - 1,
            "kind": kind,
            "missing": [key for key in kind.required if key not in obj.context] if kind else [],
        }

    # --- Columns --------------------------------------------------------------------------

    @admin.display(description="What")
    def what(self, event: Event) -> str:
        return words.event_words(event.event_type)

    @admin.display(description="Agent")
    def who(self, event: Event) -> str:
        return event.agent or event.service

    @admin.display(description="On")
    def on(self, event: Event) -> str:
        return " · ".join(part for part in (event.toolkit, event.operation, event.code) if part)

    @admin.display(description="Took")
    def took(self, event: Event) -> str:
        return words.took(event.duration_ms)

    @admin.display(description="Noticed")
    def noticed(self, event: Event) -> str:
        return ", ".join(words.flag_short(event.flags))

    @admin.display(description="Stage")
    def stage_words(self, event: Event) -> str:
        return words.STAGE_WORDS.get(event.stage, event.stage) if event.stage else ""

    @admin.display(description="Level")
    def level_words(self, event: Event) -> str:
        return words.level_words(event.level)

    @admin.display(description="Amount")
    def amount_words(self, event: Event) -> str:
        kind = find(event.event_type)
        if event.amount is None:
            return ""
        of = f" ({kind.amount.replace('_', ' ')})" if kind and kind.amount else ""
        return f"{event.amount:,g}{of}"

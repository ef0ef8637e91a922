"""Updates as rows: what was said of incidents, and what was promised and did not come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django.contrib import admin

from controlplane.base.admin import ModelAdmin
from incidents.models import Action, MissedUpdate, Update


@admin.register(Update)
class UpdateAdmin(ModelAdmin[Update]):
    view_action = "incident.view"
    about = "What was said of incidents, to the house and to customers."
    empty = "Nothing was said of any incident yet."
    empty_hint = "Post one on an incident's page: POST /api/v1/incidents/INC-1/updates."
    list_display = ["subject", "incident", "audience", "kind", "status", "written_by", "posted_at"]
    phone_columns = ("status", "posted_at")
    list_filter = ("status", "audience", "kind")
    list_select_related = ["incident"]
    search_fields = ["subject"]
    head_state = "status"
    facts = (
        *("status", "incident", "audience", "kind", "written_by", "posted_by", "created_at"),
        *("posted_at", "due_at", "next_at", "text", "uid"),
    )
    labels: ClassVar[Mapping[str, str]] = {
        "due_at": "Promised for", "next_at": "Promises the next", "written_by": "Written by",
        "posted_by": "Posted by",
    }  # fmt: skip

    def heading(self, obj: Update) -> str:
        return obj.subject


@admin.register(MissedUpdate)
class MissedUpdateAdmin(ModelAdmin[MissedUpdate]):
    view_action = "incident.view"
    about = "Updates that were promised and did not come."
    empty = "Every promised update came."
    empty_hint = "An incident's level says how often one is due: GET /api/v1/severity-levels."
    list_display = ["due_at", "incident", "severity", "times", "noticed_at"]
    list_select_related = ["incident"]
    titled = True


@admin.register(Action)
class ActionAdmin(ModelAdmin[Action]):
    view_action = "incident.view"
    about = "What was done against incidents, and what came of it."
    empty = "Nothing was done against any incident yet."
    empty_hint = "Act on an incident's page: POST /api/v1/incidents/INC-1/actions."
    list_display = ["kind", "target", "incident", "status", "result", "asked_by", "asked_at"]
    phone_columns = ("status", "asked_at")
    list_filter = ("status", "kind")
    list_select_related = ["incident"]
    search_fields = ["target"]
    head_state = "status"
    facts = (
        *("status", "incident", "kind", "target", "given", "reason", "result", "code"),
        *("undoes", "asked_by", "asked_at", "ended_at", "uid"),
    )
    labels: ClassVar[Mapping[str, str]] = {
        "given": "How", "code": "Refused with", "undoes": "Takes back", "asked_by": "Asked by",
        "asked_at": "Asked", "ended_at": "Ended",
    }  # fmt: skip

    def heading(self, obj: Action) -> str:
        return str(obj)

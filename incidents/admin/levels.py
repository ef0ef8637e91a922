"""One rung of a ladder, as a row. The ladder itself is a page of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django.contrib import admin

from controlplane.base.admin import ModelAdmin
from incidents.models import SeverityLevel


@admin.register(SeverityLevel)
class SeverityLevelAdmin(ModelAdmin[SeverityLevel]):
    view_action = "incident.view"
    about = "Rungs of the ladders, shipped and own. The page Severities changes them."
    empty = "No ladder was shipped yet."
    empty_hint = "Open Severities: GET /api/v1/severity-levels."
    list_display = ["title", "ladder", "definition", "pages", "policy", "item_priority"]
    list_filter = ("ladder", "pages")
    labels: ClassVar[Mapping[str, str]] = {
        "ack_s": "Acknowledge, seconds", "at_once": "Called at once", "informed": "Informed",
    }  # fmt: skip
    titled = True

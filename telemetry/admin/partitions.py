"""The days of events: which are open, how large they are, how many are made ahead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.questions import question
from controlplane.lib import clock
from telemetry.models import Partition
from telemetry.shown import days


def _of_state(state: str) -> Any:
    return lambda rows: rows.filter(state=state)


@admin.register(Partition)
class PartitionAdmin(ModelAdmin[Partition]):
    list_name = "Days of events"
    view_action = "telemetry.view_installation"
    about = "One table a day: made ahead, sealed when its time is over, dropped as a whole."
    empty = "No day is made yet."
    list_display = ("named_day", "state", "events", "size", "made_at", "sealed_at", "dropped_at")
    phone_columns = ("state", "events")
    list_filter = (
        question(
            "state",
            "state",
            {str(s.value): (str(s.label), _of_state(s.value)) for s in Partition.State},
        ),
    )
    list_per_page = 100
    list_panel_template = "telemetry/list_partition.html"
    fields = ("state", "named_day", "events", "size", "made_at", "sealed_at", "dropped_at")

    def has_view_permission(self, request: HttpRequest, obj: Partition | None = None) -> bool:
        """A day belongs to no workspace: asked about the row, `can` would want a superuser."""
        return super().has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> Any:
        return days.with_sizes(super().get_queryset(request))

    def list_panel_context(self, request: HttpRequest) -> Mapping[str, Any]:
        rows = list(self.get_queryset(request).order_by("day"))
        return days.panel(rows, clock.now().date())

    def heading(self, obj: Partition) -> str:
        return f"{obj.day:%A}, {obj.day.day} {obj.day:%B} {obj.day.year}"

    @admin.display(description="Day")
    def named_day(self, partition: Partition) -> str:
        return f"{partition.day:%a} {partition.day:%Y-%m-%d}"

    @admin.display(description="Events")
    def events(self, partition: Partition) -> int | None:
        return days.events_of(partition)

    @admin.display(description="Size")
    def size(self, partition: Partition) -> str:
        return days.size_words(days.bytes_of(partition))

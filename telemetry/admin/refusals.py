"""What was not taken: by hour, sender and reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin

from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.questions import named, question
from controlplane.lib import clock
from telemetry.admin.filters import Column
from telemetry.models import Refusal
from telemetry.shown.words import event_words

CODES = {
    "MISSING": "A field is missing",
    "BAD_VALUE": "A value that can't be",
    "MALFORMED": "Malformed",
    "TOO_OLD": "Too old",
    "TOO_NEW": "From the future",
    "TOO_LARGE": "Too large",
    "WORKSPACE_MISMATCH": "Another workspace's",
}


def _since(days: float) -> Any:
    return lambda rows: rows.filter(hour__gte=clock.now() - timedelta(days=days, hours=1))


When = question(
    "time",
    "range",
    {
        "24h": ("last 24 h", _since(1)),
        "7d": ("last 7 days", _since(7)),
        "30d": ("last 30 days", _since(30)),
    },
)


class Reason(Column):
    title = "why"
    parameter_name = "code"
    field = "code"
    offers = tuple(CODES)

    def words(self, value: str) -> str:
        return CODES.get(value, value)


@admin.register(Refusal)
class RefusalAdmin(ModelAdmin[Refusal]):
    list_name = "Refused events"
    view_action = "telemetry.view"
    audited = False  # never touched after it was written
    about = "Events that were not taken, so that nobody misses them in silence."
    tabs = (("Last 24 h", "range=24h"), ("Last 7 days", "range=7d"), ("All", "view=all"))
    empty = "Nothing was refused in this time."
    empty_hint = "Senders also read the reason of each event in the answer to their batch."
    list_display = ("why", "what", "source", "total", "last_at", "reason")
    phone_columns = ("what", "last_at")
    list_filter = (
        When,
        Reason,
        named("Sent by", "source", "source"),
        named("Event", "event", "event_name"),
    )
    labels = {"total": "Events", "source": "Sent by", "last_at": "Last", "reason": "The last one's"}
    fields = ("why", "what", "source", "total", "hour", "last_at", "reason")
    head_clocks = ("last_at",)

    def heading(self, obj: Refusal) -> str:
        return f"{CODES.get(obj.code, obj.code)}: {self.what(obj)}"

    @admin.display(description="Why")
    def why(self, refusal: Refusal) -> str:
        return CODES.get(refusal.code, refusal.code)

    @admin.display(description="Event")
    def what(self, refusal: Refusal) -> str:
        return event_words(refusal.event_name) if refusal.event_name else "unnamed"

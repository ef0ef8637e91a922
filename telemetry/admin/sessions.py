"""Tool sessions in the console."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin

from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.questions import named, question
from controlplane.lib import clock
from telemetry.measures.table.sessions import REFERENCE
from telemetry.models import ToolSession


def _since(days: float) -> Any:
    return lambda rows: rows.filter(last_at__gte=clock.now() - timedelta(days=days))


When = question(
    "last used",
    "range",
    {
        "24h": ("last 24 h", _since(1)),
        "7d": ("last 7 days", _since(7)),
        "30d": ("last 30 days", _since(30)),
    },
)
Over = question(
    "tokens",
    "tokens",
    {
        "over": ("over the reference", lambda rows: rows.over(REFERENCE.value)),
        "within": ("within it", lambda rows: rows.filter(tokens__lte=REFERENCE.value)),
    },
)


@admin.register(ToolSession)
class ToolSessionAdmin(ModelAdmin[ToolSession]):
    view_action = "telemetry.view"
    list_name = "Tool sessions"
    about = "Sessions with the Tool Router: one for each mission, agent and key."
    tabs = (
        ("Last 7 days", "range=7d"),
        ("Over the reference", "tokens=over&range=30d"),
        ("All", "view=all"),
    )
    empty = "No session was used in this time."
    empty_hint = "Agents name theirs as session_id in session_created, calls and heartbeats."
    list_display = ("key", "mission", "agent", "tokens", "calls", "errors", "creation", "last_at")
    phone_columns = ("tokens", "last_at")
    list_filter = (
        When,
        Over,
        named("Agent", "agent", "agent"),
        named("Mission", "mission", "mission"),
    )
    labels = {
        "key": "Session",
        "last_at": "Last used",
        "first_at": "First used",
        "errors": "Failed calls",
        "call_tokens": "Tokens of calls",
        "failed": "Could not be created",
        "state_bytes": "Largest state, bytes",
    }
    fields = (
        "mission", "agent", "tokens", "of_reference", "call_tokens", "calls", "errors", "failed",
        "created_at", "creation", "first_at", "last_at", "state_bytes",
    )  # fmt: skip
    head_clocks = ("last_at",)

    def heading(self, obj: ToolSession) -> str:
        return f"Session {obj.key}"

    @admin.display(description="Created in", ordering="creation_ms")
    def creation(self, session: ToolSession) -> str:
        return "" if session.creation_ms is None else f"{session.creation_ms:,.0f} ms"

    @admin.display(description="Of the reference")
    def of_reference(self, session: ToolSession) -> str:
        return f"{100 * session.tokens / REFERENCE.value:,.0f} % of {REFERENCE.value:,} tokens"

"""Messages as they were received. Those that were given up wait for somebody to look."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from controlplane.base.admin import ModelAdmin, button, question
from controlplane.base.web import actor_of
from controlplane.jobs import leases
from controlplane.lib.redaction import redact_text
from incidents.admin.sources import told
from incidents.intake import handling, receiving
from incidents.models import InboundEvent

_SHOWN = 20_000
READ = "alert.reread"


def _given_up(row: InboundEvent) -> str:
    return "" if row.state == leases.DEAD else "It was not given up."


def _unseen(row: InboundEvent) -> str:
    return _given_up(row) or ("Somebody has seen it." if row.seen_at else "")


@admin.register(InboundEvent)
class InboundEventAdmin(ModelAdmin[InboundEvent]):
    list_name = "Messages of senders"
    view_action = "alert.view"
    keyed = True
    about = (
        "Each call of a sender, stored before anything is made of it. It goes after 30 days; one"
        " that was given up 30 days after somebody has seen it."
    )
    tabs = (
        ("Given up", "look=given_up"), ("With refusals", "look=refused"),
        ("Waiting", "look=waiting"), ("All", "view=all"),
    )  # fmt: skip
    empty = "No message is here."
    empty_hint = "What could not be read waits under “Given up” until somebody has looked."
    list_display = ("received", "state", "source", "what", "size", "created_at")
    phone_columns = ("state", "what")
    list_filter = (
        "source",
        question("Which", "look", {
            "given_up": ("Given up", lambda rows: rows.unread()),
            "refused": ("With refusals", lambda rows: rows.exclude(errors=[])),
            "waiting": ("Waiting", lambda rows: rows.filter(state__in=leases.OPEN)),
        }),
    )  # fmt: skip
    panel_template = "incidents/panel_message.html"
    head_state = "state"
    head_clocks = ("created_at",)
    facts = (
        "state", "source", "form", "what", "content_type", "size", "attempts", "created_at",
        "finished_at", "seen_at", "correlation_id",
    )  # fmt: skip
    labels = {
        "created_at": "Received", "size": "Bytes", "form": "Door", "finished_at": "Done",
        "seen_at": "Read", "content_type": "Said to be",
    }  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related("source")
        match = request.resolver_match
        listed = match is not None and str(match.url_name).endswith("changelist")
        return rows.defer("body") if listed else rows

    @admin.display(description="Message")
    def received(self, row: InboundEvent) -> str:
        return f"{row.form} of {row.size:,} bytes"

    def heading(self, obj: InboundEvent) -> str:
        return f"{self.received(obj)} from {obj.source.name}"

    @admin.display(description="What became of it")
    def what(self, row: InboundEvent) -> str:
        return told(row)[:300]

    def panel_context(self, request: HttpRequest, obj: InboundEvent) -> Mapping[str, Any]:
        alerts = receiving.brought(obj).visible_to(actor_of(request))
        may = self.permits(request, READ, obj)
        return {
            "may_read": may,
            "body": _body(obj) if may else "",
            "is_cut": obj.size > _SHOWN,
            "sent": sorted(obj.headers.items()),
            "error": obj.last_error,
            "errors": [each for each in obj.errors if isinstance(each, Mapping)],
            "incident_refs": obj.counts.get("incidents", []),
            "alert_columns": (("title", "Alert"), ("state", "State", "state"),
                              ("first_at", "First heard", "when")),
            "alert_rows": [
                {"title": row.title, "state": row.status, "first_at": row.first_at,
                 "_url": reverse("admin:incidents_alert_change", args=(row.uid,))}
                for row in alerts.order_by("-pk")[:50]
            ],
        }  # fmt: skip

    @button(label="Read again", action=READ, when=_given_up)
    def again(self, request: HttpRequest, obj: InboundEvent, reason: str) -> str:
        handling.read_again(obj, actor=actor_of(request))
        return "It is read again within seconds."

    @button(label="Seen", action=READ, quiet=True, when=_unseen)
    def seen(self, request: HttpRequest, obj: InboundEvent, reason: str) -> str:
        handling.mark_seen(obj, actor=actor_of(request))
        return "It does not wait any more."


def _body(row: InboundEvent) -> str:
    """What was sent, as far as anybody reads, without what looks like a secret. A bounded read:
    a small body may unpack to megabytes."""
    said = zlib.decompressobj().decompress(bytes(row.body), _SHOWN)
    return redact_text(said.decode("utf-8", "replace").replace("\0", "␀"))

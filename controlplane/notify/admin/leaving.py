"""The outbox, notifications and their deliveries, the inbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin, bulk, button
from controlplane.base.admin.linking import ref_url, url_of
from controlplane.base.web import actor_of
from controlplane.jobs import leases
from controlplane.lib.redaction import redact
from controlplane.lib.text import short
from controlplane.notify import services, shown
from controlplane.notify.models import Delivery, InboxItem, Notification, OutboxMessage


def _dead_only(message: OutboxMessage) -> str:
    return "" if message.state == "dead" else f"It is {message.get_state_display().lower()}."


@admin.register(OutboxMessage)
class OutboxAdmin(ModelAdmin[OutboxMessage]):
    """The outbox. The useful question is which messages died, and why."""

    view_action = "notify.view"
    list_name = "Outbox"
    keyed = True
    about = "Everything that must leave the portal, and what became of it."
    tabs = (
        ("Dead letters", "state__exact=dead"),
        ("Waiting", "state__exact=waiting"),
        ("Being sent", "state__exact=leased"),
        ("Sent", "state__exact=done"),
        ("All", "view=all"),
    )
    empty = "No message is in this state."
    empty_hint = (
        "Messages are given up after eight tries, critical ones after an hour, and can be"
        " replayed here."
        " GET /api/v1/outbox?state=dead lists them."
    )
    list_display = ["topic", "state", "what", "attempts", "ready_at", "created_at", "error_short"]
    list_filter = ["state"]
    search_fields = ["key", "subject", "topic"]
    head_clocks = ("ready_at",)
    fields = (
        "state", "topic", "key", "attempts", "max_attempts", "ready_at", "created_at",
        "claimed_at", "finished_at", "workspace", "correlation_id",
    )  # fmt: skip
    panel_template = "notify/panel_outboxmessage.html"

    @admin.display(description="About")
    def what(self, message: OutboxMessage) -> str:
        return message.subject or message.key

    @admin.display(description="Last error")
    def error_short(self, message: OutboxMessage) -> str:
        return short(message.last_error)

    def heading(self, obj: OutboxMessage) -> str:
        return obj.topic

    def panel_context(self, request: HttpRequest, obj: OutboxMessage) -> Mapping[str, Any]:
        actor = actor_of(request)
        delivery = shown.delivery_of(obj, actor)
        return {
            "payload": redact(obj.payload),
            "subject_url": ref_url(obj.subject, actor),
            "delivery": delivery,
            "delivery_url": url_of(delivery, actor),
            "notification_url": url_of(delivery.notification, actor) if delivery else "",
            "attempt_columns": shown.ATTEMPT_COLUMNS,
            "attempt_rows": shown.attempts_of(delivery),
            "is_dead": obj.state == leases.DEAD,
            "is_waiting": obj.state == leases.WAITING,
            "is_leased": obj.state == leases.LEASED,
        }

    @button(label="Replay", action="notify.replay", reason=True, when=_dead_only)
    def replay(self, request: HttpRequest, message: OutboxMessage, reason: str) -> str:
        services.replay(message, actor=actor_of(request), reason=reason)
        return "Back in the queue, under its old key."

    @bulk(label="Replay", action="notify.replay", reason=True)
    def replay_selected(self, request: HttpRequest, message: OutboxMessage, reason: str) -> None:
        services.replay(message, actor=actor_of(request), reason=reason)


@admin.register(Notification)
class NotificationAdmin(ModelAdmin[Notification]):
    view_action = "notify.view"
    labels = {"key": "Named"}
    keyed = True
    about = "News the portal had for people, each with one delivery per target."
    tabs = (("Critical", "urgency__exact=critical"), ("All", "view=all"))
    empty = "No such news."
    empty_hint = "Incidents, alarms, reviews and obligations write them."
    list_display = ["subject", "urgency", "kind", "created_at", "note"]
    list_filter = ["urgency"]
    search_fields = ["subject", "key", "about"]
    head_clocks = ("created_at",)
    fields = ("urgency", "kind", "created_at", "about", "note", "key", "correlation_id")
    panel_template = "notify/panel_notification.html"

    def panel_context(self, request: HttpRequest, obj: Notification) -> Mapping[str, Any]:
        actor = actor_of(request)
        rows = obj.deliveries.select_related("user", "channel", "contact").order_by("id")[:200]
        return {
            "about_url": ref_url(obj.about, actor),
            "delivery_columns": shown.DELIVERY_COLUMNS,
            "delivery_rows": [shown.delivery_row(row, url_of(row, actor)) for row in rows],
        }


@admin.register(Delivery)
class DeliveryAdmin(ModelAdmin[Delivery]):
    view_action = "notify.view"
    labels = {"method": "By", "why": "Why so"}
    workspace_lookup = "notification__workspace"
    keyed = True
    about = "Each target of each notification, with its own result."
    tabs = (
        ("Not delivered", "state__exact=dead"),
        ("Refused", "state__exact=rejected"),
        ("Waiting", "state__exact=waiting"),
        ("Sent", "state__exact=sent"),
        ("All", "view=all"),
    )
    empty = "No delivery is in this state."
    empty_hint = "Suppressed ones say why: quiet hours, or a preference of the person."
    list_display = ["subject", "state", "target", "method", "why", "created_at", "settled_at"]
    list_filter = ["state", "method"]
    list_select_related = ["notification", "user", "channel", "contact"]
    head_clocks = ("created_at",)
    fields = (
        "state", "method", "user", "channel", "contact", "notification", "why", "provider_id",
        "created_at", "settled_at",
    )  # fmt: skip
    panel_template = "notify/panel_delivery.html"

    @admin.display(description="News")
    def subject(self, delivery: Delivery) -> str:
        return str(delivery.notification.subject)

    @admin.display(description="To")
    def target(self, delivery: Delivery) -> Any:
        return delivery.user or delivery.target

    def panel_context(self, request: HttpRequest, obj: Delivery) -> Mapping[str, Any]:
        return {
            "notification_url": url_of(obj.notification, actor_of(request)),
            "attempt_columns": shown.ATTEMPT_COLUMNS,
            "attempt_rows": shown.attempts_of(obj),
        }


@admin.register(InboxItem)
class InboxAdmin(ModelAdmin[InboxItem]):
    """One's own inbox: the queryset gives nobody another's."""

    view_action = "workspace.view"
    workspace_lookup = "notification__workspace"
    about = "Your own inbox, as rows."
    tabs = (("Unread", "read_at__isempty=1"), ("All", "view=all"))
    empty = "Nothing unread."
    list_display = ["notification", "created_at", "read_at"]
    list_filter = [("read_at", admin.EmptyFieldListFilter)]
    list_select_related = ["notification"]

    @bulk(label="Mark read", action="workspace.view")
    def read_selected(self, request: HttpRequest, item: InboxItem, reason: str) -> None:
        services.mark_read(actor_of(request), [item.uid])

    @bulk(label="Put away", action="workspace.view")
    def archive_selected(self, request: HttpRequest, item: InboxItem, reason: str) -> None:
        services.archive(actor_of(request), [item.uid])

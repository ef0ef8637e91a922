"""Console pages of this package: what left, what did not, and where news can go."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin, bulk, button
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import Invalid
from controlplane.notify import services
from controlplane.notify.models import (
    Channel,
    Contact,
    Delivery,
    DeliveryAttempt,
    InboxItem,
    MessageTemplate,
    Notification,
    OutboxMessage,
    Urgency,
)


def _dead_only(message: OutboxMessage) -> str:
    return "" if message.state == "dead" else f"It is {message.get_state_display().lower()}."


@admin.register(OutboxMessage)
class OutboxAdmin(ModelAdmin[OutboxMessage]):
    """The outbox. The useful question is which messages died, and why."""

    view_action = "notify.view"
    keyed = True
    list_display = ["topic", "state", "attempts", "ready_at", "created_at", "last_error_short"]
    list_filter = ["state"]
    search_fields = ["key", "subject", "topic"]

    @admin.display(description="Last error")
    def last_error_short(self, message: OutboxMessage) -> str:
        return message.last_error[:80]

    @button(label="Replay", action="notify.replay", reason=True, when=_dead_only)
    def replay(self, request: HttpRequest, message: OutboxMessage, reason: str) -> str:
        services.replay(message, actor=actor_of(request), reason=reason)
        return "Back in the queue, under its old key."

    @bulk(label="Replay", action="notify.replay", reason=True)
    def replay_selected(self, request: HttpRequest, message: OutboxMessage, reason: str) -> None:
        services.replay(message, actor=actor_of(request), reason=reason)


class ChannelForm(forms.ModelForm):  # type: ignore[type-arg]
    secret = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text="Webhook address, signing secret or routing key. Empty keeps the stored one.",
    )
    urgencies = forms.MultipleChoiceField(
        required=False,
        choices=Urgency.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: every urgency.",
    )

    class Meta:
        model = Channel
        fields = ["name", "kind", "target", "urgencies"]


@admin.register(Channel)
class ChannelAdmin(ModelAdmin[Channel]):
    view_action = "notify.view"
    add_action = "notify.manage_channels"
    change_action = "notify.manage_channels"
    form = ChannelForm
    add_fields = ("name", "kind", "target", "secret", "urgencies")
    edit_fields = ("name", "target", "secret", "urgencies")
    fields = (
        "name",
        "kind",
        "target",
        "secret",
        "urgencies",
        "is_active",
        "last_ok_at",
        "failures_in_a_row",
        "last_error",
        "last_error_at",
        "version",
    )
    list_display = ["name", "kind", "is_active", "last_ok_at", "failures_in_a_row", "last_error"]
    list_filter = ["kind", "is_active"]

    def service_save(
        self, request: HttpRequest, obj: Channel, form: forms.ModelForm[Channel], change: bool
    ) -> Channel:
        data = form.cleaned_data
        if change:
            return services.change_channel(
                obj,
                actor=actor_of(request),
                version=obj.version,
                name=data["name"],
                target=data["target"],
                secret=data["secret"] or None,
                urgencies=data["urgencies"],
            )
        workspace = workspace_of(request)
        if workspace is None:
            raise Invalid("Choose a workspace first.")
        return services.create_channel(workspace, actor=actor_of(request), **_given(data))

    @button(label="Send a test", action="notify.manage_channels")
    def test(self, request: HttpRequest, channel: Channel, reason: str) -> str | None:
        outcome = services.test_channel(channel, actor=actor_of(request))
        if outcome.kind == "accepted":
            return f"Accepted: {outcome.detail}."
        messages.error(request, f"Not delivered ({outcome.kind}): {outcome.detail}")
        return None

    @button(
        label="Switch off",
        action="notify.manage_channels",
        reason=True,
        when=lambda channel: "" if channel.is_active else "It is off already.",
    )
    def switch_off(self, request: HttpRequest, channel: Channel, reason: str) -> str:
        services.set_channel_active(channel, actor=actor_of(request), active=False, reason=reason)
        return "Off. Nothing is sent to it."

    @button(
        label="Switch on",
        action="notify.manage_channels",
        when=lambda channel: "It is on already." if channel.is_active else "",
    )
    def switch_on(self, request: HttpRequest, channel: Channel, reason: str) -> str:
        services.set_channel_active(channel, actor=actor_of(request), active=True)
        return "On."


def _given(data: dict[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in ("name", "kind", "target", "secret", "urgencies")}


@admin.register(Notification)
class NotificationAdmin(ModelAdmin[Notification]):
    view_action = "notify.view"
    keyed = True
    list_display = ["subject", "kind", "urgency", "created_at", "note"]
    list_filter = ["urgency"]
    search_fields = ["subject", "key", "about"]


@admin.register(Delivery)
class DeliveryAdmin(ModelAdmin[Delivery]):
    view_action = "notify.view"
    workspace_lookup = "notification__workspace"
    keyed = True
    list_display = ["notification", "method", "user", "channel", "state", "why", "settled_at"]
    list_filter = ["state", "method"]
    list_select_related = ["notification", "user", "channel"]
    fields = (
        "notification",
        "method",
        "user",
        "channel",
        "state",
        "why",
        "provider_id",
        "created_at",
        "settled_at",
        "tries",
    )

    @admin.display(description="Tries")
    def tries(self, delivery: Delivery) -> str:
        return "\n".join(_line(attempt) for attempt in delivery.attempts.all()) or "none yet"


def _line(attempt: DeliveryAttempt) -> str:
    when = f"{attempt.at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{when}: {attempt.outcome}, {attempt.duration_ms} ms. {attempt.detail}"


@admin.register(InboxItem)
class InboxAdmin(ModelAdmin[InboxItem]):
    """One's own inbox: the queryset gives nobody another's."""

    view_action = "workspace.view"
    workspace_lookup = "notification__workspace"
    list_display = ["notification", "created_at", "read_at"]
    list_select_related = ["notification"]

    @bulk(label="Mark read", action="workspace.view")
    def read_selected(self, request: HttpRequest, item: InboxItem, reason: str) -> None:
        services.mark_read(actor_of(request), [item.uid])

    @bulk(label="Put away", action="workspace.view")
    def archive_selected(self, request: HttpRequest, item: InboxItem, reason: str) -> None:
        services.archive(actor_of(request), [item.uid])


@admin.register(MessageTemplate)
class MessageTemplateAdmin(ModelAdmin[MessageTemplate]):
    view_action = "notify.view"
    add_action = "notify.manage_channels"
    change_action = "notify.manage_channels"
    add_fields = ("kind", "subject", "body")
    edit_fields = ("subject", "body")
    list_display = ["kind", "subject", "version", "changed_at"]

    def service_save(
        self,
        request: HttpRequest,
        obj: MessageTemplate,
        form: forms.ModelForm[MessageTemplate],
        change: bool,
    ) -> MessageTemplate:
        data = form.cleaned_data
        workspace = obj.workspace if change else workspace_of(request)
        if workspace is None:
            raise Invalid("Choose a workspace first.")
        return services.set_wording(
            workspace,
            actor=actor_of(request),
            kind=obj.kind if change else data["kind"],
            subject=data["subject"],
            body=data["body"],
            version=obj.version if change else 0,
        )

    @button(label="Back to the shipped wording", action="notify.manage_channels")
    def reset(self, request: HttpRequest, template: MessageTemplate, reason: str) -> str:
        services.reset_wording(template, actor=actor_of(request))
        return "The shipped wording is used again."


@admin.register(Contact)
class ContactAdmin(ModelAdmin[Contact]):
    view_action = "contact.view"
    add_action = "contact.manage"
    change_action = "contact.manage"
    edit_fields = (
        "family",
        "purpose",
        "name",
        "user",
        "email",
        "phone",
        "handle",
        "coverage",
        "notes",
        "order",
    )
    list_display = ["name", "purpose", "family", "email", "handle", "coverage", "verified_at"]
    list_filter = ["family", "is_active"]
    search_fields = ["name", "purpose"]

    def service_save(
        self, request: HttpRequest, obj: Contact, form: forms.ModelForm[Contact], change: bool
    ) -> Contact:
        data = form.cleaned_data
        if change:
            return services.change_contact(obj, actor=actor_of(request), **data)
        workspace = workspace_of(request)
        if workspace is None:
            raise Invalid("Choose a workspace first.")
        return services.add_contact(workspace, actor=actor_of(request), **data)

    @button(label="Verified today", action="contact.manage")
    def verify(self, request: HttpRequest, contact: Contact, reason: str) -> str:
        services.verify_contact(contact, actor=actor_of(request))
        return "Noted."

    @button(
        label="Remove",
        action="contact.manage",
        reason=True,
        when=lambda contact: "" if contact.is_active else "It is removed already.",
    )
    def remove(self, request: HttpRequest, contact: Contact, reason: str) -> str:
        services.remove_contact(contact, actor=actor_of(request), reason=reason)
        return "Removed. The row stays for the record."

"""Channels: where news can go, and whether it arrives there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import reverse

from controlplane.base.admin import ModelAdmin, button, question
from controlplane.base.admin.linking import url_of
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib.errors import Invalid
from controlplane.notify import services, shown
from controlplane.notify.channels.gateways import FORMS
from controlplane.notify.models import GATEWAYS, Channel, Urgency

Faring = question(
    "Faring",
    "faring",
    {
        "failing": (
            "Failing",
            lambda rows: rows.filter(is_active=True, failures_in_a_row__gt=0),
        ),
        "unused": ("Never reached", lambda rows: rows.filter(last_ok_at=None)),
    },
)


_OPTIONS = {"form": "speaks", "account": "account", "sender": "sender"}


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

    speaks = forms.ChoiceField(
        required=False,
        choices=[("", "no gateway"), *FORMS.items()],
        label="Gateway speaks",
        help_text="Of a gateway for text messages or calls only, as the next two.",
    )
    account = forms.CharField(required=False, max_length=80, label="Gateway account")
    sender = forms.CharField(
        required=False,
        max_length=80,
        label="Sends from",
        help_text="Your number with the provider, or the id of a messaging service.",
    )

    class Meta:
        model = Channel
        fields = ["name", "kind", "target", "urgencies"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        said = self.instance.options if self.instance is not None else {}
        for name, field in _OPTIONS.items():
            self.fields[field].initial = said.get(name, "")


@admin.register(Channel)
class ChannelAdmin(ModelAdmin[Channel]):
    view_action = "notify.view"
    labels = {"target": "Sends to", "last_ok_at": "Last went well", "last_error_at": "Last failed"}
    add_action = "notify.manage_channels"
    change_action = "notify.manage_channels"
    form = ChannelForm
    add_fields = ("name", "kind", "target", "secret", "urgencies", *_OPTIONS.values())
    edit_fields = ("name", "target", "secret", "urgencies", *_OPTIONS.values())
    fields = ("name", "kind", "target", "secret", "urgencies", *_OPTIONS.values())
    facts = (
        "health", "kind", "target", "has_secret", "gateway", "for_urgencies", "last_ok_at",
        "failures", "last_error_at", "version",
    )  # fmt: skip
    about = "Places outside that news of this workspace can go to, and how each fares."
    tabs = (
        ("In use", "is_active__exact=1"),
        ("Failing", "faring=failing"),
        ("Switched off", "is_active__exact=0"),
        ("All", "view=all"),
    )
    empty = "No channel is here."
    empty_hint = (
        "A channel is an address, a webhook or a pager: POST /api/v1/channels adds one too."
    )
    list_display = ["name", "health", "kind", "target", "last_ok_at", "failures", "last_error"]
    list_filter = ["kind", "is_active", Faring]
    search_fields = ["name", "target"]
    in_palette = True
    panel_template = "notify/panel_channel.html"

    @admin.display(description="Health")
    def health(self, channel: Channel) -> str:
        return shown.channel_health(channel)

    @admin.display(description="Failures in a row", ordering="failures_in_a_row")
    def failures(self, channel: Channel) -> int:
        return int(channel.failures_in_a_row)

    @admin.display(description="For")
    def for_urgencies(self, channel: Channel) -> str:
        return ", ".join(channel.urgencies) if channel.urgencies else "every urgency"

    @admin.display(description="Secret")
    def has_secret(self, channel: Channel) -> str:
        return "kept, never shown" if channel.secret_sealed else "none"

    @admin.display(description="Gateway")
    def gateway(self, channel: Channel) -> str:
        """How it is asked, and where it has to bring what comes in."""
        if channel.kind not in GATEWAYS:
            return ""
        said = FORMS.get(channel.options.get("form", ""), "")
        sender = channel.options.get("sender", "")
        return f"{said}, from {sender}" if sender else said

    def panel_context(self, request: HttpRequest, obj: Channel) -> Mapping[str, Any]:
        actor = actor_of(request)
        return {
            "channel_health": self.health(obj),
            "inbound": _inbound(obj),
            "tests": shown.presses_of(obj, actor),
            "delivery_columns": shown.SENT_COLUMNS,
            "delivery_rows": [
                shown.sent_row(row, url_of(row, actor)) for row in shown.newest_to(obj)
            ],
            "deliveries": shown.deliveries_chart(obj),
        }

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
                options=_options(data),
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
        quiet=True,
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


def _inbound(channel: Channel) -> str:
    """The address that a provider is told for text messages that come in."""
    if channel.kind != Channel.Kind.SMS:
        return ""
    return settings.PUBLIC_URL + reverse("api-gateway-inbound", args=(channel.uid,))


def _given(data: dict[str, Any]) -> dict[str, Any]:
    given = {name: data[name] for name in ("name", "kind", "target", "secret", "urgencies")}
    return given | {"options": _options(data)}


def _options(data: dict[str, Any]) -> dict[str, Any]:
    return {name: data[field] for name, field in _OPTIONS.items()}

"""SDK tokens: made here, shown once, with what a program needs to connect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers

from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock
from deployments.flags.models.serving import SdkInstance, SdkToken
from deployments.flags.services.tokens import issue_token, revoke_token
from deployments.flags.shown import snippets

PLACEHOLDER = "$FLAGS_TOKEN"


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]
    days = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=3_650,
        label="Days it lasts",
        help_text="Empty: until it is revoked. An SDK whose token ends falls back to defaults.",
    )

    class Meta:
        model = SdkToken
        fields = ("environment", "name", "kind")


def _in_force(token: SdkToken) -> str:
    return "It is revoked already." if token.revoked_at is not None else ""


@admin.register(SdkToken)
class SdkTokenAdmin(ModelAdmin[SdkToken]):
    list_name = "SDK tokens"
    view_action = "flag.view"
    add_action = "flag.tokens"
    about = "One token is one environment of this workspace: whoever sends it reads its flags."
    tabs = (("In force", "show=in_force"), ("Ended", "show=ended"), ("All", "view=all"))
    empty = "No program reads flags yet."
    empty_hint = "A token is all an OpenFeature or Unleash SDK needs. Make the first one."
    list_display = ("name", "state", "environment", "kind", "prefix", "last_used_at", "expires_at")
    phone_columns = ("state", "environment")
    list_filter = (
        question(
            "Show",
            "show",
            {
                "in_force": ("In force", lambda rows: rows.in_force()),
                "ended": (
                    "Ended",
                    lambda rows: rows.exclude(pk__in=rows.in_force().values("pk")),
                ),
            },
        ),
        "environment",
        "kind",
    )
    list_select_related = ("environment",)
    search_fields = ("name", "prefix")
    labels = {"prefix": "Begins with", "last_used_at": "Last used", "expires_at": "Expires"}
    form = TokenForm
    add_fields = ("environment", "name", "kind", "days")
    panel_template = "flags/panel_token.html"
    change_form_template = "flags/row.html"
    head_clocks = ("last_used_at",)
    facts = (
        "state", "environment", "kind", "prefix", "last_used_at", "expires_at", "created_by",
        "created_at", "revoked_by", "revoked_at", "uid",
    )  # fmt: skip

    def heading(self, obj: SdkToken) -> str:
        return obj.name

    @admin.display(description="State")
    def state(self, token: SdkToken) -> str:
        if token.revoked_at is not None:
            return "revoked"
        if token.ended:
            return "expired"
        return "in force" if token.last_used_at else "unused"

    # --- Making one ---------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, *args: Any, **given: Any) -> Any:
        form: Any = super().get_form(request, *args, **given)
        field = form.base_fields.get("environment")
        if field is not None:
            rows, chosen = field.queryset.order_by("order", "slug"), workspace_of(request)
            field.queryset = rows.filter(workspace=chosen) if chosen is not None else rows
            field.empty_label = None
            form.base_fields["name"].help_text = "Which program it is for."
        return form

    def service_save(
        self, request: HttpRequest, obj: SdkToken, form: forms.ModelForm[SdkToken], change: bool
    ) -> SdkToken:
        data = form.cleaned_data
        made = issue_token(
            data["environment"],
            actor=actor_of(request),
            name=data["name"],
            kind=data["kind"],
            days=data.get("days"),
        )
        request.new_token = made  # type: ignore[attr-defined]
        return made.token

    def response_add(
        self, request: HttpRequest, obj: SdkToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The answer to the form itself: a secret that is shown once stands in no address and in
        no message, and reloading the page does not bring it back."""
        made = request.new_token  # type: ignore[attr-defined]
        secret = str(made.secret)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Token for {obj.name}",
            "token": obj,
            "secret": secret,
            "snippets": snippets.of(_base(request), PLACEHOLDER, obj.kind),
            "back": self.object_url(obj),
        }
        response = TemplateResponse(request, "flags/secret.html", context)
        add_never_cache_headers(response)
        return response

    def panel_context(self, request: HttpRequest, obj: SdkToken) -> Mapping[str, Any]:
        there = SdkInstance.objects.filter(environment=obj.environment).readable()
        rows = [
            {"app": row.app, "instance": row.instance, "sdk": row.sdk, "last_seen": row.last_seen}
            for row in there.order_by("-last_seen")[:20]
        ]
        return {
            "snippets": snippets.of(_base(request), PLACEHOLDER, obj.kind),
            "instance_columns": snippets.INSTANCE_COLUMNS,
            "instances": rows,
            "in_force": not obj.ended and obj.created_at <= clock.now(),
        }

    @button(
        label="Revoke",
        action="flag.tokens",
        reason=True,
        quiet=True,
        when=_in_force,
        confirm="Whoever uses it gets no answer within a second, and falls back to defaults.",
    )
    def revoke(self, request: HttpRequest, token: SdkToken, reason: str) -> str:
        revoke_token(token, actor=actor_of(request), reason=reason)
        return "Revoked."


def _base(request: HttpRequest) -> str:
    return request.build_absolute_uri("/").rstrip("/")

"""Repositories whose webhooks are believed. A secret is shown once, when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers

from controlplane.base.admin import ModelAdmin, button, question
from controlplane.base.web import actor_of, workspace_of
from controlplane.work.admin.common import IDLE, Steps
from controlplane.work.models import GithubSource, Item
from controlplane.work.services import github
from controlplane.work.shown.words import check_state, item_url

HOOK_PATH = "/api/v1/hooks/github"
SHOWN = 30
DELIVERY_COLUMNS = (
    ("event", "Event"),
    ("outcome", "What came of it"),
    ("delivery", "Delivery", "code"),
    ("received_at", "Received", "when"),
)
RESULT_COLUMNS = (
    ("name", "Check"),
    ("state", "Result", "state"),
    ("sha", "Commit", "code"),
    ("item", "Item"),
    ("updated_at", "Last word", "when"),
)

Believed = question(
    "believed",
    "believed",
    {
        "yes": ("On", lambda rows: rows.filter(is_active=True)),
        "no": ("Off", lambda rows: rows.filter(is_active=False)),
        "refused": ("Signatures refused", lambda rows: rows.filter(refused__gt=0)),
    },
)


def _is_on(source: GithubSource) -> str:
    return "" if source.is_active else IDLE


def _is_off(source: GithubSource) -> str:
    return IDLE if source.is_active else ""


@admin.register(GithubSource)
class GithubSourceAdmin(Steps, ModelAdmin[GithubSource]):
    view_action = "work.view"
    add_action = "work.hooks"
    about = "What CI says reaches work items through these repositories' webhooks."
    tabs = (("On", "believed=yes"), ("Off", "believed=no"), ("All", "view=all"))
    empty = "No repository's webhooks are believed."
    empty_hint = f"Add one here; GitHub then posts to {HOOK_PATH} with its secret."
    list_display = ["repository", "state", "project", "last_at", "refused", "last_refused_at"]
    list_filter = (Believed, "project")
    list_select_related = ["project"]
    search_fields = ["repository"]
    add_fields = ("repository", "project")
    panel_template = "work/panel_github.html"
    change_form_template = "work/row.html"
    facts = (
        "state", "project", "last_at", "refused", "last_refused_at", "created_at", "uid",
    )  # fmt: skip

    @admin.display(description="State")
    def state(self, source: GithubSource) -> str:
        return "on" if source.is_active else "off"

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form_class = super().get_form(request, obj, change, **kwargs)
        fields = form_class.base_fields
        if "project" in fields:
            rows, workspace = fields["project"].queryset.in_use().shared(), workspace_of(request)
            rows = rows.filter(workspace=workspace) if workspace is not None else rows
            fields["project"].queryset = rows
            fields["project"].initial = rows.first()
            fields["project"].empty_label = None
            fields["project"].help_text = "Its items are found first, by their keys."
            fields["repository"].help_text = "owner/name, as in the repository's address."
        return form_class

    def service_save(
        self,
        request: HttpRequest,
        obj: GithubSource,
        form: forms.ModelForm[GithubSource],
        change: bool,
    ) -> GithubSource:
        data = form.cleaned_data
        made = github.add_source(
            data["project"], actor=actor_of(request), repository=data["repository"]
        )
        request.new_secret = made.secret  # type: ignore[attr-defined]
        return made.source

    def response_add(
        self, request: HttpRequest, obj: GithubSource, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._once(request, obj, getattr(request, "new_secret", ""))

    def _once(self, request: HttpRequest, source: GithubSource, secret: str) -> HttpResponse:
        """The answer to the form itself: a secret that is shown once stands in no address and in
        no message, and reloading the page does not bring it back."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"Secret of {source.repository}",
            "source": source,
            "secret": secret,
            "hook_url": request.build_absolute_uri(HOOK_PATH),
            "back": self.object_url(source),
        }
        response = TemplateResponse(request, "work/secret.html", context)
        add_never_cache_headers(response)
        return response

    def panel_context(self, request: HttpRequest, obj: GithubSource) -> Mapping[str, Any]:
        results = obj.results.prefetch_related("items").order_by("-updated_at", "-id")[:SHOWN]
        deliveries = obj.deliveries.order_by("-id")[:SHOWN]
        return {
            "hook_url": request.build_absolute_uri(HOOK_PATH),
            "delivery_columns": DELIVERY_COLUMNS,
            "deliveries": [
                {
                    "event": row.event,
                    "outcome": row.outcome,
                    "delivery": row.delivery,
                    "received_at": row.received_at,
                }
                for row in deliveries
            ],
            "result_columns": RESULT_COLUMNS,
            "results": [
                {
                    "name": row.name,
                    "state": check_state(row),
                    "sha": row.sha[:10],
                    "item": _first(list(row.items.all())),
                    "updated_at": row.updated_at,
                    "_url": row.url,
                }
                for row in results
            ],
        }

    @button(
        quiet=True,
        label="New secret",
        action="work.hooks",
        confirm="The old secret proves nothing from this moment: GitHub's deliveries are refused"
        " until it has the new one.",
        reason=True,
    )
    def rotate(self, request: HttpRequest, source: GithubSource, reason: str) -> HttpResponse:
        made = github.rotate_secret(source, actor=actor_of(request), reason=reason)
        return self._once(request, made.source, made.secret)

    @button(
        quiet=True,
        label="Switch off",
        action="work.hooks",
        confirm="What it says is refused from now on. What it said stays.",
        reason=True,
        when=_is_on,
    )
    def switch_off(self, request: HttpRequest, source: GithubSource, reason: str) -> str:
        github.switch_source(source, actor=actor_of(request), active=False, reason=reason)
        return "Off."

    @button(label="Switch on", action="work.hooks", when=_is_off)
    def switch_on(self, request: HttpRequest, source: GithubSource, reason: str) -> str:
        github.switch_source(source, actor=actor_of(request), active=True)
        return "On."


def _first(items: list[Item]) -> dict[str, str] | str:
    if not items:
        return ""
    more = f" and {len(items) - 1} more" if len(items) > 1 else ""
    return {"text": f"{items[0].key}{more}", "url": item_url(items[0])}

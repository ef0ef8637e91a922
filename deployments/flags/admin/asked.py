"""What is going to change: what waits for consent, what waits for its time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of
from deployments.flags import services
from deployments.flags.models import ChangeRequest, FlagState, ScheduledChange
from deployments.flags.shown import links, segments, words


def _is_open(row: Any) -> str:
    return "" if row.status in {"waiting", "approved"} else "It is over."


class _Asked(ModelAdmin[Any]):
    """What both have in common: settings that somebody wants, beside those that stand."""

    change_form_template = "flags/row.html"
    panel_template = "flags/panel_asked.html"
    view_action = "flag.view"
    phone_columns = ("status", "place")

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows.select_related("flag", "environment", "change")

    def heading(self, obj: Any) -> str:
        return f"{obj.flag.flag_name} in {obj.environment.name}"

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """One question for what the segments of the whole page are called."""
        found = super().get_changelist_instance(request)
        found.result_list = list(found.result_list)
        for place in {row.workspace_id for row in found.result_list}:
            rows = [row for row in found.result_list if row.workspace_id == place]
            names = segments.names(place, (row.settings for row in rows))
            for row in rows:
                row.segment_names = names
        return found

    @admin.display(description="Flag", ordering="flag__flag_name")
    def name(self, row: Any) -> str:
        return str(row.flag.flag_name)

    @admin.display(description="In")
    def place(self, row: Any) -> str:
        return str(row.environment.name)

    @admin.display(description="It would read")
    def says(self, row: Any) -> str:
        return words.sentence(row.settings, getattr(row, "segment_names", None))

    @admin.display(description="By")
    def asked_by(self, row: Any) -> str:
        return str(row.author_ref)

    @admin.display(description="Flag")
    def flag_link(self, row: Any) -> Any:
        return row.flag

    def panel_context(self, request: HttpRequest, obj: Any) -> Mapping[str, Any]:
        state = FlagState.objects.filter(flag=obj.flag, environment=obj.environment).first()
        now = state.settings if state is not None else None
        names = segments.names(obj.workspace_id, (obj.settings, now or {}))
        return {
            "asked": obj,
            "says": words.sentence(obj.settings, names),
            "says_now": words.sentence(now, names) if now is not None else "",
            "now": now,
            "moved": state is not None and state.version != obj.base_version,
            "is_open": not _is_open(obj),
            "approval_url": links.approval(obj) if isinstance(obj, ChangeRequest) else "",
            "flag_url": links.row(obj.flag),
        }


_OPEN = {
    "open": ("Open", lambda rows: rows.open()),
    "over": ("Over", lambda rows: rows.exclude(status__in=("waiting", "approved"))),
}


@admin.register(ChangeRequest)
class ChangeRequestAdmin(_Asked):
    list_name = "Change requests"
    about = "Changes of flags that others consent to first."
    tabs = (("Open", "show=open"), ("Over", "show=over"), ("All", "view=all"))
    empty = "No change of a flag waits for consent."
    empty_hint = "Where an environment asks for it, “Rules” on a flag's page makes one."
    list_display = ("name", "status", "place", "says", "asked_by", "reason", "created_at")
    list_filter = (question("Show", "show", _OPEN), "status", "environment")
    search_fields = ("flag__flag_name", "reason")
    labels = {"created_at": "Asked", "apply_at": "To be applied", "item": "Work item"}
    head_clocks = ("created_at",)
    facts = (
        "status", "flag_link", "place", "asked_by", "reason", "item", "apply_at", "outcome",
        "change", "created_at", "uid",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("approval")

    @button(
        label="Withdraw",
        action="flag.change",
        reason=True,
        quiet=True,
        when=_is_open,
        confirm="Nobody is asked any more, and nothing changes.",
    )
    def withdraw(self, request: HttpRequest, row: ChangeRequest, reason: str) -> str:
        services.withdraw_request(row, actor=actor_of(request), reason=reason)
        return "Withdrawn."


@admin.register(ScheduledChange)
class ScheduledChangeAdmin(_Asked):
    list_name = "Planned changes"
    about = "Changes of flags that wait for their time. The time is the portal's own, in UTC."
    tabs = (("Waiting", "show=open"), ("Over", "show=over"), ("All", "view=all"))
    empty = "No change of a flag is planned."
    empty_hint = "“When” in the rule editor plans one."
    list_display = ("name", "status", "place", "says", "at", "asked_by")
    list_filter = (question("Show", "show", _OPEN), "status", "environment")
    search_fields = ("flag__flag_name", "reason")
    labels = {"at": "Takes effect", "created_at": "Planned", "item": "Work item"}
    head_clocks = ("at",)
    facts = (
        "status", "flag_link", "place", "at", "asked_by", "reason", "item", "outcome", "change",
        "created_at", "uid",
    )  # fmt: skip

    @button(
        label="Cancel",
        action="flag.change",
        reason=True,
        quiet=True,
        when=_is_open,
        confirm="Nothing will change at that time.",
    )
    def cancel(self, request: HttpRequest, row: ScheduledChange, reason: str) -> str:
        services.cancel_schedule(row, actor=actor_of(request), reason=reason)
        return "Cancelled."

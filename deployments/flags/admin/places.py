"""Environments of flags: how far each is, who reads there, whether changes are asked for first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin, button
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of
from deployments.flags import services
from deployments.flags.admin import cells
from deployments.flags.models import FlagEnvironment
from deployments.flags.shown import places


def _goes_at_once(place: FlagEnvironment) -> str:
    return "Changes there are asked for first already." if place.needs_approval else ""


def _asks_first(place: FlagEnvironment) -> str:
    return "" if place.needs_approval else "Changes there are made at once already."


@admin.register(FlagEnvironment)
class FlagEnvironmentAdmin(ModelAdmin[FlagEnvironment]):
    view_action = "flag.view"
    about = "How flags stand in each environment, who reads them there, and who is asked first."
    empty = "This workspace has no environment."
    empty_hint = "Each environment of the catalog stands here as soon as it is made."
    list_display = (
        "place", "flags", "consent", "revision", "tokens", "apps", "last_seen", "held",
    )  # fmt: skip
    phone_columns = ("flags", "consent")
    list_filter = (
        question(
            "Changes",
            "changes",
            {
                "asked": ("Consent first", lambda rows: rows.filter(needs_approval=True)),
                "free": ("At once", lambda rows: rows.filter(needs_approval=False)),
            },
        ),
    )
    list_select_related = ("environment",)
    search_fields = ("environment__name", "environment__slug")
    labels = {
        "place": "Environment", "consent": "Changes", "tokens": "Tokens in force",
        "apps": "SDK apps", "last_seen": "Last seen", "held": "Snapshot", "rule": "Consent by",
    }  # fmt: skip
    in_palette = True
    panel_template = "flags/panel_place.html"
    change_form_template = "flags/row.html"
    change_list_template = "flags/list.html"
    head_state = "consent"
    facts = ("consent", "rule", "environment", "revision", "held")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("environment")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """What is counted of all environments of the page, at once."""
        found = super().get_changelist_instance(request)
        found.result_list = list(found.result_list)
        counted = places.seen(found.result_list)
        for place in found.result_list:
            place.seen = counted[place.environment_id]
        return found

    # --- Cells --------------------------------------------------------------------------------

    @admin.display(description="Environment", ordering="environment__name")
    def place(self, row: FlagEnvironment) -> str:
        return row.environment.name

    @admin.display(description="Flags")
    def flags(self, row: FlagEnvironment) -> Any:
        marks = _seen(row).marks
        return cells.marks(marks) if marks else ""

    @admin.display(description="Changes", ordering="needs_approval")
    def consent(self, row: FlagEnvironment) -> str:
        return places.consent(row)

    @admin.display(description="Tokens in force")
    def tokens(self, row: FlagEnvironment) -> int:
        return _seen(row).tokens

    @admin.display(description="SDK apps")
    def apps(self, row: FlagEnvironment) -> int:
        return _seen(row).apps

    @admin.display(description="Last seen")
    def last_seen(self, row: FlagEnvironment) -> datetime | None:
        return _seen(row).last

    @admin.display(description="Snapshot")
    def held(self, row: FlagEnvironment) -> str:
        return places.held(row)

    @admin.display(description="Consent by")
    def rule(self, row: FlagEnvironment) -> Any:
        return places.policy_of(row)

    # --- An environment's page ----------------------------------------------------------------

    def panel_context(self, request: HttpRequest, obj: FlagEnvironment) -> Mapping[str, Any]:
        seen = places.seen([obj])[obj.environment_id]
        return {
            "seen": seen,
            "marks": cells.marks(seen.marks) if seen.marks else "",
            "app_columns": places.APP_COLUMNS,
            "apps": places.apps(obj),
            **places.leads(obj),
        }

    def _shown(self, request: HttpRequest, place: Any, obj: Any) -> Any:
        """Of two that undo each other only one is ever of use."""
        found = super()._shown(request, place, obj)
        if obj is None:
            return found
        idle = "ask_first" if obj.needs_approval else "at_once"
        return [each for each in found if each.name != idle]

    @button(
        label="Ask for consent first",
        action="flag.govern",
        reason=True,
        when=_goes_at_once,
        confirm="Whoever changes a flag there asks for it first, under the approval policy"
        " flag_change. Switching off and killing never wait.",
    )
    def ask_first(self, request: HttpRequest, place: FlagEnvironment, reason: str) -> str:
        return _switched(request, place, reason, needed=True)

    @button(
        label="Stop asking for consent",
        action="flag.govern",
        reason=True,
        quiet=True,
        when=_asks_first,
        confirm="Whoever may change flags changes them there at once. What was asked for goes on.",
    )
    def at_once(self, request: HttpRequest, place: FlagEnvironment, reason: str) -> str:
        return _switched(request, place, reason, needed=False)


def _switched(request: HttpRequest, place: FlagEnvironment, reason: str, *, needed: bool) -> str:
    services.set_needs_approval(
        place, needed, actor=actor_of(request), reason=reason, version=place.version
    )
    said = "asked for first" if needed else "made at once"
    return f"Changes in {place.environment.name} are {said} from now on."


def _seen(row: FlagEnvironment) -> places.Seen:
    return getattr(row, "seen", None) or places.Seen()

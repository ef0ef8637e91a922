"""Incidents: what burns first, and the page of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from controlplane.access import policy
from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.buttons import Place, ShownButton
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of
from controlplane.lib.defaults import define
from controlplane.lib.lasting import lasted
from incidents.models import Incident, SeverityLevel
from incidents.querysets import OVER, burning_first
from incidents.records import levels
from incidents.response import timeline
from incidents.shown import clocks, cockpit, moves

REFRESH_S = define(
    "incidents.room_refresh_s", 5, unit="seconds",
    why="How often the room asks for news: two who look at it see the same within a breath.",
)  # fmt: skip
RELATED = (
    *("workspace", "service", "environment", "item__project", "merged_into"),
    *("commander", "communications", "operations", "scribe", "acknowledged_by"),
)


def _of_level(code: str) -> Callable[[Any], Any]:
    return lambda rows: rows.filter(severity=code)


_LEVELS = {code: (code.upper().replace("SEV", "SEV-"), _of_level(code)) for code in
           ("sev1", "sev2", "sev3", "sev4")}  # fmt: skip


@admin.register(Incident)
class IncidentAdmin(ModelAdmin[Incident]):
    view_action = "incident.view"
    about = "What is wrong, how grave it is, and who is on it."
    tabs = (
        ("Burning", "standing=burning"),
        ("To be closed", "standing=after"),
        ("Over", "standing=over"),
        ("All", "view=all"),
    )
    empty = "Nothing burns."
    empty_hint = "Open one here, or let something that watches do it: POST /api/v1/incidents."
    list_display = [
        *("what", "severity", "status", "glance", "on_it", "due_at", "age", "alerts_told"),
        *("service",),
    ]
    phone_columns = ("severity", "status", "age")
    list_filter = (
        question(
            "Standing",
            "standing",
            {
                "burning": ("Burning", lambda rows: rows.burning()),
                "unanswered": (
                    "Nobody is on it", lambda rows: rows.burning().filter(acknowledged_at=None),
                ),
                "after": (
                    "To be closed",
                    lambda rows: rows.filter(status__in=["resolved", "review_pending"]),
                ),
                "over": ("Over", lambda rows: rows.filter(status__in=OVER)),
            },
        ),
        question("Severity", "severity", _LEVELS),
        *("status", "category", "origin", "service", "environment"),
    )  # fmt: skip
    list_select_related = ["service", "commander"]
    search_fields = ["ref", "title"]
    in_palette = True
    change_form_template = "incidents/record/row.html"
    change_list_template = "incidents/record/list.html"
    panel_template = "incidents/record/panel.html"
    refresh_s = int(REFRESH_S.value)
    timeline_rows = 24  # all of it has a page of its own
    labels: ClassVar[Mapping[str, str]] = {
        "what": "Incident", "glance": "Next", "on_it": "On it", "due_at": "Clock",
        "age": "For", "alerts_told": "Alerts", "impact": "Touches", "opened_at": "Opened",
        "started_at": "Began", "runbook": "Runbook", "operations": "Works on it",
        "communications": "Speaks", "scribe": "Writes", "merged_into": "Goes on as",
    }  # fmt: skip
    head_state = "status"
    head_severity = "severity"
    head_owner = "commander"
    head_clocks = ("due_at",)
    facts = (
        *("status", "severity", "commander", "ref", "service", "environment", "category", "origin"),
        *("impact", "tenants_told", "customer_facing", "data_at_risk", "legal_matter"),
        *("item", "runbook", "started_at", "opened_at", "acknowledged_by", "acknowledged_at"),
        *("communications", "operations", "scribe", "merged_into"),
        *("created_by", "summary", "symptoms", "root_cause", "uid"),
    )

    # --- The list -----------------------------------------------------------------------------

    def get_ordering(self, request: HttpRequest) -> Any:
        """What burns first, the gravest of it, then the newest."""
        return (burning_first().asc(), "severity", "-pk")

    @admin.display(description="Incident", ordering="id")
    def what(self, obj: Incident) -> SafeString:
        return format_html('<code class="small dk-ref">{}</code> {}', obj.ref, obj.title[:120])

    @admin.display(description="Next")
    def glance(self, obj: Incident) -> str:
        return cockpit.glance(obj)

    @admin.display(description="On it")
    def on_it(self, obj: Incident) -> Any:
        return obj.commander

    @admin.display(description="For", ordering="opened_at")
    def age(self, obj: Incident) -> Any:
        return lasted(obj.opened_at, obj.resolved_at or obj.closed_at)

    @admin.display(description="Alerts")
    def alerts_told(self, obj: Incident) -> str:
        if not obj.alert_count:
            return ""
        return f"{obj.firing_count:,} of {obj.alert_count:,}"

    @admin.display(description="Clock")
    def due_at(self, obj: Incident) -> datetime | None:
        """The promise that runs out first. In a list the level is there already."""
        level = getattr(obj, "rung", None) or levels.of(obj.workspace_id).get(obj.severity)
        return clocks.next_due(obj, level)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With the level of each row, asked for once for each workspace."""
        shown = super().get_changelist_instance(request)
        ladders: dict[int, dict[str, SeverityLevel]] = {}
        for row in shown.result_list:
            if row.workspace_id not in ladders:
                ladders[row.workspace_id] = levels.of(row.workspace_id)
            row.rung = ladders[row.workspace_id].get(row.severity)
        return shown

    def list_panel_context(self, request: HttpRequest) -> Mapping[str, Any]:
        may = policy.can(actor_of(request), "incident.open")
        return {"may_open": bool(may), "why_not_open": "" if may else may.reason}

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """A ref finds its incident; anything else words of titles."""
        number = search_term.strip().upper().removeprefix("INC-")
        if number != search_term.strip().upper() and number.isascii() and number.isdigit():
            return queryset.filter(ref=f"INC-{number[:9]}"), False
        return super().get_search_results(request, queryset, search_term)

    # --- One of them ----------------------------------------------------------------------------

    def whole(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related(*RELATED)

    def heading(self, obj: Incident) -> str:
        return f"{obj.ref} {obj.title}"

    @admin.display(description="Touches")
    def impact(self, obj: Incident) -> str:
        return "" if obj.impact_percent is None else f"{obj.impact_percent} % of users"

    @admin.display(description="Tenants")
    def tenants_told(self, obj: Incident) -> str:
        return ", ".join(obj.tenants)

    def story(self, request: HttpRequest, obj: Incident) -> Any:
        """With what was changed elsewhere while it burned."""
        return timeline.events(obj, actor_of(request))

    def newest(self, request: HttpRequest, obj: Incident, most: range) -> list[Any]:
        return timeline.newest(obj, actor_of(request), most)

    def panel_context(self, request: HttpRequest, obj: Incident) -> Mapping[str, Any]:
        return cockpit.panel(self._cockpit(request, obj))

    def _cockpit(self, request: HttpRequest, obj: Incident) -> cockpit.Cockpit:
        known: dict[int, cockpit.Cockpit] = request.__dict__.setdefault("_cockpits", {})
        if obj.pk not in known:
            found = known[obj.pk] = cockpit.Cockpit(obj, actor_of(request))
            obj.rung = found.level  # type: ignore[attr-defined]
        return known[obj.pk]

    def _shown(self, request: HttpRequest, place: Place, obj: Any) -> list[ShownButton]:
        if place != "detail" or obj is None:
            return super()._shown(request, place, obj)
        following = self._cockpit(request, obj).following
        first = following.move
        found = []
        if first is not None:
            found.append(_button(obj, first, following.refusal, primary=not following.refusal))
        slug = first.slug if first is not None else ""
        for move, refusal in moves.offered(obj, actor_of(request), slug):
            found.append(_button(obj, move, refusal))
        return sorted(found, key=lambda one: (bool(one.refusal), not one.primary))


def _button(row: Incident, move: moves.Move, refusal: str, *, primary: bool = False) -> ShownButton:
    label, url = moves.label(row, move), moves.url(row, move.slug)
    if move.asks:
        return ShownButton(
            move.slug, f"{label}…", url, refusal, asks=False, primary=primary, grave=move.grave,
            icon=move.icon, leads=True,
        )  # fmt: skip
    seen = f"?version={row.version}" if move.versioned else ""
    return ShownButton(move.slug, label, f"{url}{seen}", refusal, asks=False, primary=primary)

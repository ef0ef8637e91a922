"""Maintenance windows: the list of what is planned and done, and the page of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from controlplane.access import policy
from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.buttons import Place, ShownButton
from controlplane.base.admin.questions import question
from controlplane.base.web import actor_of
from controlplane.oncall.web.common import zone_for
from deployments.maintenance import links
from deployments.maintenance.querysets import ENDED
from deployments.models import MaintenanceWindow
from deployments.shown import window_moves, windows

RELATED = ("environment", "workspace", "item__project", "approval", "watcher", "review")


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(ModelAdmin[MaintenanceWindow]):
    list_name = "Maintenance"
    view_action = "maintenance.view"
    about = "When what is worked on, and who is told of it."
    tabs = (
        ("Upcoming", "when=upcoming"),
        ("Now", "when=now"),
        ("Past", "when=past"),
        ("All", "view=all"),
    )
    empty = "No maintenance is planned."
    empty_hint = "The playbook plans one each quarter: plan it, or POST /api/v1/maintenance."
    list_display = [
        *("title", "status", "place", "concerned", "starts_at", "ends_at", "kind", "ref"),
    ]  # fmt: skip
    phone_columns = ("status", "starts_at")
    list_filter = (
        question(
            "When",
            "when",
            {
                "upcoming": ("Upcoming", lambda rows: rows.to_come()),
                "now": ("Now", lambda rows: rows.under_way()),
                "past": ("Past", lambda rows: rows.filter(status__in=ENDED)),
            },
        ),
        *("environment", "status", "kind", "owner"),
    )
    search_fields = ["ref", "title", "partner"]
    in_palette = True
    change_form_template = "deployments/window_row.html"
    change_list_template = "deployments/window_list.html"
    panel_template = "deployments/window_panel.html"
    labels: ClassVar[Mapping[str, str]] = {
        "place": "Environment", "concerned": "Services", "starts_at": "From", "ends_at": "Until",
        "whose": "Whose", "work_item": "Work item", "trigger": "Because of",
        "tested_in_staging": "Tested in staging", "test_evidence": "What shows the test",
        "started_at": "Began", "finished_at": "Done", "closed_at": "Closed",
        "monitor_until": "Watched until", "close_reason": "How it went",
        "about": "What users are told", "rollback_plan": "The way back",
        "impact": "If it waits", "user_facing": "Users notice it",
    }  # fmt: skip
    head_state = "status"
    head_owner = "watcher"
    head_clocks = ("monitor_until",)
    facts = (
        *("status", "watcher", "ref", "starts_at", "ends_at", "place", "concerned", "kind"),
        *("whose", "trigger", "why_now", "impact", "user_facing", "work_item", "tested_in_staging"),
        *("tested_by", "tested_at", "started_at", "finished_at", "monitor_until", "closed_at"),
        *("close_reason", "created_by", "created_at", "about", "rollback_plan", "test_evidence"),
        "uid",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related(*RELATED)
        return rows.prefetch_related("parts__service")

    def get_ordering(self, request: HttpRequest) -> Any:
        """What comes next first, or what was last."""
        return (
            ["starts_at", "id"] if request.GET.get("when") == "upcoming" else ["-starts_at", "-id"]
        )

    @admin.display(description="Environment", ordering="environment__order")
    def place(self, obj: MaintenanceWindow) -> str:
        return str(obj.environment)

    @admin.display(description="Services")
    def concerned(self, obj: MaintenanceWindow) -> str:
        names = sorted(part.service.name for part in obj.parts.all())
        return ", ".join(names) or "everything"

    @admin.display(description="Whose")
    def whose(self, obj: MaintenanceWindow) -> str:
        return obj.partner

    @admin.display(description="How urgent")
    def why_now(self, obj: MaintenanceWindow) -> str:
        return obj.urgency

    @admin.display(description="Work item")
    def work_item(self, obj: MaintenanceWindow) -> str:
        return obj.item.key if obj.item is not None else ""

    def list_panel_context(self, request: HttpRequest) -> Mapping[str, Any]:
        may = policy.can(actor_of(request), "maintenance.plan")
        return {"may_plan": bool(may), "why_no_plan": "" if may else may.reason}

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> MaintenanceWindow | None:
        """Asked for by the buttons and by the page: fetched once, looked at once."""
        known: dict[str, MaintenanceWindow | None] = request.__dict__.setdefault("_windows", {})
        if object_id not in known:
            known[object_id] = super().get_object(request, object_id, from_field)
        return known[object_id]

    def heading(self, obj: MaintenanceWindow) -> str:
        return obj.title

    def panel_context(self, request: HttpRequest, obj: MaintenanceWindow) -> Mapping[str, Any]:
        return windows.panel(obj, actor_of(request), zone_for(request))

    def _shown(self, request: HttpRequest, place: Place, obj: Any) -> list[ShownButton]:
        """The next step first; what its stage has no use for is not there at all."""
        if place != "detail" or obj is None:
            return super()._shown(request, place, obj)
        actor = actor_of(request)
        step = windows.following(obj, actor)
        found = []
        if step.url:
            found.append(
                ShownButton(
                    "next", step.label, step.url, step.refusal, asks=False,
                    primary=not step.refusal, icon=step.icon, leads=not step.pressed,
                )
            )  # fmt: skip
        for move, refusal in window_moves.offered(obj, actor):
            if f"/move/{move.slug}/" in step.url or move.slug in _NOT_BESIDE.get(obj.status, ()):
                continue
            if move.slug == "tested" and obj.tested_in_staging:
                continue
            found.append(
                ShownButton(
                    move.slug, f"{move.label}…", window_moves.url(obj, move.slug), refusal,
                    asks=False, grave=move.grave, icon=move.icon, leads=True,
                )
            )  # fmt: skip
        decision = policy.can(actor, "maintenance.change", obj)
        for name, label, icon, states in _FORMS:
            if obj.status in states and links.door(obj, name) != step.url:
                refusal = "" if decision else decision.reason
                url = links.door(obj, name)
                found.append(
                    ShownButton(name, label, url, refusal, asks=False, icon=icon, leads=True)
                )
        return sorted(found, key=lambda one: (bool(one.refusal), not one.primary, one.grave))


_AHEAD = ("scheduled", "announced", "approved")
_FORMS = (
    ("reschedule", "Another time…", "calendar", (*_AHEAD, "missed")),
    ("change", "Edit", "edit", ("draft", *_AHEAD)),
)
# The next step leads there by itself when its time has come.
_NOT_BESIDE: dict[str, tuple[str, ...]] = {
    "draft": ("schedule",),
    "scheduled": ("ask",),
    "announced": ("ask", "announce", "start"),
    "approved": ("ask", "announce", "start", "tested"),
    "monitoring": ("close",),
}

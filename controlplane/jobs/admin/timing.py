"""Timers: promises with a due time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin, bulk, button
from controlplane.base.admin.linking import names_by_ref, ref_url
from controlplane.base.web import actor_of
from controlplane.jobs import leases, services, shown
from controlplane.jobs.models import Timer
from controlplane.lib.redaction import redact


def _only_open(timer: Timer) -> str:
    return "" if timer.state in leases.OPEN else "it is over"


def _can_run(timer: Timer) -> str:
    return "" if timer.state in {leases.WAITING, leases.DEAD} else "only waiting or dead timers"


@admin.register(Timer)
class TimerAdmin(ModelAdmin[Timer]):
    view_action = "job.view"
    keyed = True
    about = "Promises with a due time: reminders, escalations, expiries. None is forgotten."
    tabs = (
        ("Waiting", "state__exact=waiting"),
        ("Given up", "state__exact=dead"),
        ("Done", "state__exact=done"),
        ("All", "view=all"),
    )
    empty = "No timer is waiting."
    empty_hint = (
        "Deadlines of records set them. What was given up is the second tab;"
        " GET /api/v1/timers lists them all."
    )
    list_display = ("kind", "state", "due_at", "about_what", "attempts", "last_error")
    list_filter = ("state", "workspace")
    search_fields = ("kind", "key", "subject")
    phone_columns = ("about_what", "state", "due_at")
    list_select_related = ("workspace",)
    head_clocks = ("due_at",)
    fields = (
        "state", "kind", "key", "due_at", "ready_at", "attempts", "max_attempts", "workspace",
        "created_at", "claimed_at", "finished_at",
    )  # fmt: skip
    panel_template = "jobs/panel_timer.html"

    @admin.display(description="About")
    def about_what(self, timer: Timer) -> str:
        return getattr(timer, "about", "") or timer.subject or timer.key

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With the name of what each is about."""
        found = super().get_changelist_instance(request)
        names = names_by_ref([row.subject for row in found.result_list], actor_of(request))
        for row in found.result_list:
            row.about = names.get(row.subject, "")
        return found

    def heading(self, obj: Timer) -> str:
        return obj.kind

    def panel_context(self, request: HttpRequest, obj: Timer) -> Mapping[str, Any]:
        actor = actor_of(request)
        return {
            "payload": redact(obj.payload),
            "effect": shown.timer_effect(obj),
            "subject_url": ref_url(obj.subject, actor),
            "subject_events": shown.about(obj.subject, actor),
            "is_open": obj.state in leases.OPEN,
            "is_dead": obj.state == leases.DEAD,
            "retried": obj.state == leases.WAITING and obj.ready_at != obj.due_at,
        }

    @button(label="Run now", action="job.manage", reason=True, when=_can_run)
    def run_now(self, request: HttpRequest, obj: Timer, reason: str) -> str:
        services.run_timer_now(obj, actor=actor_of(request), reason=reason)
        return "The timer is due now."

    @button(quiet=True, label="Cancel", action="job.manage", reason=True, when=_only_open)
    def cancel(self, request: HttpRequest, obj: Timer, reason: str) -> str:
        services.cancel_timer(obj, actor=actor_of(request), reason=reason)
        return "The timer is cancelled."

    @bulk(label="Run the selected now", action="job.manage", reason=True)
    def run_selected(self, request: HttpRequest, obj: Timer, reason: str) -> None:
        services.run_timer_now(obj, actor=actor_of(request), reason=reason)

"""The watch over the portal itself: alarms, processes, modules of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.linking import url_of
from controlplane.base.web import actor_of
from controlplane.jobs import engine, heartbeats, shown
from controlplane.jobs.models import EngineCycle, Heartbeat, WatchAlarm
from controlplane.jobs.watch import ENGINE_STALE
from controlplane.lib import clock
from controlplane.lib.lasting import Lasting


@admin.register(WatchAlarm)
class WatchAlarmAdmin(ModelAdmin[WatchAlarm]):
    titled = True
    view_action = "job.view"
    labels = {"subject": "About", "closed_at": "Closed", "told_at": "People told"}
    keyed = True
    about = "What is silent, late or stuck in the portal itself. Each closes with its cause."
    tabs = (
        ("Open", "closed_at__isempty=1"),
        ("Closed", "closed_at__isempty=0"),
        ("All", "view=all"),
    )
    empty = "No alarm is open."
    empty_hint = "The watch looks every few seconds. GET /ready and manage.py doctor tell the same."
    list_display = ("message", "state", "kind", "subject", "opened_at", "lasted", "told_at")
    list_filter = ("critical", ("closed_at", admin.EmptyFieldListFilter))
    search_fields = ("kind", "subject", "message")
    in_palette = True
    head_clocks = ("opened_at", "lasted")
    fields = (
        "state", "kind", "subject", "opened_at", "closed_at", "lasted",
    )  # fmt: skip
    panel_template = "jobs/panel_watchalarm.html"

    @admin.display(description="State")
    def state(self, alarm: WatchAlarm) -> str:
        if alarm.closed_at is not None:
            return "closed"
        return "critical" if alarm.critical else "warning"

    @admin.display(description="Lasted")
    def lasted(self, alarm: WatchAlarm) -> timedelta | Lasting:
        return shown.lasted(alarm)

    def panel_context(self, request: HttpRequest, obj: WatchAlarm) -> Mapping[str, Any]:
        actor = actor_of(request)
        rows = [
            {
                "opened_at": alarm.opened_at,
                "lasted": shown.lasted(alarm),
                "message": alarm.message,
                "_url": url_of(alarm, actor),
            }
            for alarm in shown.earlier(obj)
        ]
        return {
            "runbook": shown.runbook(obj.kind),
            "is_open": obj.closed_at is None,
            "alarm_state": self.state(obj),
            "earlier": rows,
            "earlier_columns": (
                ("opened_at", "Opened", "when"),
                ("lasted", "Lasted", "duration"),
                ("message", "What it said"),
            ),
        }


@admin.register(Heartbeat)
class HeartbeatAdmin(ModelAdmin[Heartbeat]):
    view_action = "job.view"
    about = "Processes of the portal that have given a sign of life."
    empty = "No process has given a sign of life yet."
    empty_hint = "manage.py up starts them all; docs/deployment.md says how each starts alone."
    list_display = ("component", "state", "instance", "seen_at", "runs_since", "release")
    head_clocks = ("seen_at",)
    fields = ("state", "component", "runs_since", "release", "instance")

    @admin.display(description="State")
    def state(self, beat: Heartbeat) -> str:
        age = (clock.now() - beat.at).total_seconds()
        return "silent" if age > heartbeats.STALE.value else "up"

    @admin.display(description="Last sign of life", ordering="at")
    def seen_at(self, beat: Heartbeat) -> Any:
        return beat.at

    @admin.display(description="Release", ordering="version")
    def release(self, beat: Heartbeat) -> str:
        return beat.version

    @admin.display(description="Runs since")
    def runs_since(self, beat: Heartbeat) -> Any:
        return beat.started_at


@admin.register(EngineCycle)
class EngineCycleAdmin(ModelAdmin[EngineCycle]):
    view_action = "job.view"
    labels = {
        "done": "Done last time",
        "failures": "Failures in a row",
        "not_before": "Waits until",
    }
    about = "Parts of the engine that turn due rows into effects, each every few seconds."
    empty = "The engine has not turned yet."
    empty_hint = "A worker turns it. Without one: manage.py engine --loop."
    list_display = ("module", "health", "ok_at", "took", "done", "failures", "last_error")
    fields = (
        "health", "module", "ok_at", "took", "done", "failures", "not_before", "instance",
        "last_error",
    )  # fmt: skip

    @admin.display(description="Health")
    def health(self, cycle: EngineCycle) -> str:
        entry = engine.MODULES.get(cycle.module)
        allowed = timedelta(seconds=ENGINE_STALE.value) + 3 * (
            entry.every if entry else timedelta()
        )
        if cycle.ok_at is None:
            return "new"
        if clock.now() - cycle.ok_at > allowed:
            return "late"
        return "failing" if cycle.failures else "ok"

    @admin.display(description="Took")
    def took(self, cycle: EngineCycle) -> Any:
        return shown.span(cycle.duration_ms)

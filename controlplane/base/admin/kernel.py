"""Base's own tables in the console."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from controlplane.base import retention, signals
from controlplane.base.admin.buttons import bulk, button
from controlplane.base.admin.model_admin import ModelAdmin
from controlplane.base.models import RefCounter, RetentionRun, Signal
from controlplane.base.web import actor_of
from controlplane.jobs import leases


def _not_dead(signal: Signal) -> str:
    return "" if signal.state == leases.DEAD else "only a dead signal is replayed"


@admin.register(Signal)
class SignalAdmin(ModelAdmin[Signal]):
    view_action = "signal.view"
    keyed = True
    list_display = ("kind", "key", "state", "attempts", "created_at", "finished_at")
    list_filter = ("state", "workspace")
    search_fields = ("kind", "key")
    list_select_related = ("workspace",)

    @button(label="Replay", action="signal.replay", reason=True, when=_not_dead)
    def replay(self, request: HttpRequest, obj: Signal, reason: str) -> str:
        signals.replay(obj, actor=actor_of(request), reason=reason)
        return "The signal is waiting again."

    @bulk(label="Replay the selected", action="signal.replay", reason=True)
    def replay_selected(self, request: HttpRequest, obj: Signal, reason: str) -> None:
        signals.replay(obj, actor=actor_of(request), reason=reason)


@admin.register(RetentionRun)
class RetentionRunAdmin(ModelAdmin[RetentionRun]):
    view_action = "retention.view"
    keyed = True
    list_display = ("slug", "cutoff", "rows", "dry_run", "seconds", "error", "started_at")
    list_filter = ("dry_run",)
    search_fields = ("slug",)

    @button(label="Try it dry", action="retention.run", place="list")
    def dry_run(self, request: HttpRequest, reason: str) -> str:
        runs = retention.clean(actor=actor_of(request), dry_run=True, budget=3.0)
        return f"Would delete {sum(run.rows for run in runs):,} rows in {len(runs)} classes."


@admin.register(RefCounter)
class RefCounterAdmin(ModelAdmin[RefCounter]):
    view_action = "workspace.view"
    list_display = ("workspace", "prefix", "last")
    list_filter = ("workspace",)
    list_select_related = ("workspace",)

"""Base's own tables in the console."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import capfirst

from controlplane.base import retention, signals
from controlplane.base.admin.buttons import bulk, button
from controlplane.base.admin.linking import list_url
from controlplane.base.admin.model_admin import ModelAdmin
from controlplane.base.admin.questions import question
from controlplane.base.data_rules import kind_of_data
from controlplane.base.data_rules import retention as retention_classes
from controlplane.base.models import RefCounter, RetentionRun, Signal
from controlplane.base.web import actor_of
from controlplane.jobs import leases
from controlplane.lib.redaction import redact
from controlplane.lib.text import counted, short


def _not_dead(signal: Signal) -> str:
    return "" if signal.state == leases.DEAD else "only a dead signal is replayed"


def _words_of(consumer: Any) -> str:
    """What a consumer does: its first sentence, or where it is."""
    if consumer is None:
        return ""
    words = (consumer.__doc__ or "").strip().split("\n\n", 1)[0]
    return " ".join(words.split()) or f"{consumer.__module__}.{consumer.__name__}"


@admin.register(Signal)
class SignalAdmin(ModelAdmin[Signal]):
    view_action = "signal.view"
    labels = {"key": "Named", "created_at": "Sent"}
    keyed = True
    about = "News that one part of the portal has for another. Each is consumed exactly once."
    tabs = (
        ("Given up", "state__exact=dead"),
        ("Waiting", "state__exact=waiting"),
        ("Consumed", "state__exact=done"),
        ("All", "view=all"),
    )
    empty = "No signal is in this state."
    empty_hint = "They are consumed within seconds. manage.py engine turns what waits."
    list_display = ("kind", "state", "key", "attempts", "created_at", "error_short")
    fields = (
        "state", "kind", "key", "attempts", "max_attempts", "created_at", "claimed_at",
        "finished_at", "workspace", "correlation_id",
    )  # fmt: skip
    panel_template = "base/panel_signal.html"
    list_filter = ("state", "workspace")
    search_fields = ("kind", "key")
    list_select_related = ("workspace",)

    @admin.display(description="Last error")
    def error_short(self, signal: Signal) -> str:
        return short(signal.last_error)

    def heading(self, obj: Signal) -> str:
        return obj.kind

    def panel_context(self, request: HttpRequest, obj: Signal) -> Mapping[str, Any]:
        return {
            "payload": redact(obj.payload),
            "consumer": _words_of(signals.CONSUMERS.get(obj.kind)),
            "is_dead": obj.state == leases.DEAD,
            "is_open": obj.state in leases.OPEN,
        }

    @button(label="Replay", action="signal.replay", reason=True, when=_not_dead)
    def replay(self, request: HttpRequest, obj: Signal, reason: str) -> str:
        signals.replay(obj, actor=actor_of(request), reason=reason)
        return "The signal is waiting again."

    @bulk(label="Replay the selected", action="signal.replay", reason=True)
    def replay_selected(self, request: HttpRequest, obj: Signal, reason: str) -> None:
        signals.replay(obj, actor=actor_of(request), reason=reason)


Did = question(
    "Did",
    "did",
    {
        "deleted": ("Deleted rows", lambda rows: rows.filter(dry_run=False, rows__gt=0)),
        "held": ("Held something back", lambda rows: rows.filter(held__gt=0)),
        "failed": ("Failed", lambda rows: rows.exclude(error="")),
    },
)


@admin.register(RetentionRun)
class RetentionRunAdmin(ModelAdmin[RetentionRun]):
    view_action = "retention.view"
    labels = {"slug": "Class", "cutoff": "Older than", "rows": "Rows", "held": "Held back"}
    keyed = True
    about = (
        "What the clean-up deleted, class by class, or in a dry run would have, and what legal"
        " holds kept."
    )
    tabs = (
        ("Deleted", "did=deleted"),
        ("Held back", "did=held"),
        ("Failed", "did=failed"),
        ("Dry runs", "dry_run__exact=1"),
        ("All", "view=all"),
    )
    empty = "No such clean-up."
    empty_hint = "The job cleanup runs each hour; Try it dry counts what it would delete."
    list_display = ("what", "outcome", "rows", "held", "took", "cutoff", "started_at", "error")
    list_filter = ("dry_run", Did)
    fields = (
        *("outcome", "what", "slug", "rows", "held", "took", "dry_run", "cutoff"),
        *("started_at", "finished_at"),
    )
    panel_template = "base/panel_retentionrun.html"
    search_fields = ("slug",)

    @admin.display(description="What", ordering="slug")
    def what(self, run: RetentionRun) -> str:
        return capfirst(kind_of_data(run.slug))

    def heading(self, obj: RetentionRun) -> str:
        return f"Clean-up of {kind_of_data(obj.slug)}"

    @admin.display(description="Result")
    def outcome(self, run: RetentionRun) -> str:
        if run.error:
            return "failed"
        return "running" if run.finished_at is None else "done"

    @admin.display(description="Took")
    def took(self, run: RetentionRun) -> timedelta | None:
        return None if run.finished_at is None else run.finished_at - run.started_at

    def panel_context(self, request: HttpRequest, obj: RetentionRun) -> Mapping[str, Any]:
        rows = RetentionRun.objects.filter(slug=obj.slug, dry_run=False).order_by("-id")[:30]
        before = list(reversed(rows))
        return {
            "entry": retention_classes.get(obj.slug),
            "result": self.outcome(obj),
            "history": {
                "kind": "bar",
                "title": "Rows deleted",
                "period": "newest runs of this class",
                "unit": "count",
                "size": "small",
                "horizontal": False,
                "empty": "Nothing was deleted yet.",
                "categories": [f"{run.started_at:%d %b %H:%M}" for run in before],
                "series": [{"name": "rows", "values": [run.rows for run in before]}],
            },
        }

    @button(label="Try it dry", action="retention.run", place="list", whole=retention.EVERYTHING)
    def dry_run(self, request: HttpRequest, reason: str) -> HttpResponse:
        """It leads to what it counted, class by class: the list opens with what was deleted."""
        runs = retention.clean(actor=actor_of(request), dry_run=True, budget=3.0)
        held = sum(run.held for run in runs)
        kept = f" Legal holds keep {held:,} more." if held else ""
        total = counted(sum(run.rows for run in runs), "row")
        kinds = counted(sum(1 for run in runs if run.rows), "kind")
        messages.success(request, f"Would delete {total} of {kinds} of data.{kept}")
        return HttpResponseRedirect(list_url(RetentionRun, "dry_run__exact=1"))


@admin.register(RefCounter)
class RefCounterAdmin(ModelAdmin[RefCounter]):
    view_action = "workspace.view"
    labels = {"last": "Last number given", "prefix": "Series"}
    about = "The last number of each kind of ref. A change that was undone leaves a gap."
    empty = "No ref has been given yet."
    list_display = ("prefix", "last", "workspace")
    list_filter = ("workspace",)
    list_select_related = ("workspace",)

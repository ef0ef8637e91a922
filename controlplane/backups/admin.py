"""Backups and drills in the console: read there, made by jobs, reports and the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from controlplane.backups import services
from controlplane.backups.models import BackupReport, RestoreDrill
from controlplane.base.admin import ModelAdmin
from controlplane.base.admin.linking import list_url, url_of
from controlplane.base.web import actor_of
from controlplane.jobs.models import ScheduledJob
from controlplane.lib.actors import Actor
from controlplane.lib.text import short

DRAWN = 30
DRILL_COLUMNS = (
    ("what", "Drill"),
    ("ok", "Result", "state"),
    ("seconds", "Took", "duration"),
    ("rows", "Rows", "number"),
    ("at", "When", "when"),
)


def result(row: BackupReport | RestoreDrill) -> str:
    return "good" if row.ok else "failed"


def size_text(size: int | None) -> str:
    return f"{size / 1_000_000:,.1f} MB" if size is not None else "–"


def figures() -> list[dict[str, Any]]:
    """Recovery as measured, each beside its target."""
    found = services.figures()
    lost = None if found.rpo_seconds is None else round(found.rpo_seconds / 3600, 1)
    back = None if found.rto_seconds is None else round(found.rto_seconds / 60, 1)
    return [
        {
            "label": "Would be lost now (RPO)",
            "value": lost,
            "unit": "h",
            "target": found.rpo_target / 3600,
            "note": "since the newest good backup" if lost is not None else "no backup yet",
        },
        {
            "label": "To come back (RTO)",
            "value": back,
            "unit": "min",
            "target": found.rto_target / 60,
            "note": f"target {found.rto_target / 3600:.0f} h, as the newest good drill took"
            if back is not None
            else f"target {found.rto_target / 3600:.0f} h, not drilled yet",
        },
    ]


def drill_rows(drills: Sequence[RestoreDrill], actor: Actor) -> list[dict[str, Any]]:
    return [
        {
            "what": row.error or f"{row.tables} tables restored and compared",
            "ok": result(row),
            "seconds": row.seconds,
            "rows": row.rows,
            "at": row.started_at,
            "_url": url_of(row, actor),
        }
        for row in drills
    ]


def _job(name: str, actor: Actor) -> dict[str, Any]:
    row = ScheduledJob.objects.visible_to(actor).filter(name=name).first()
    return {"row": row, "url": url_of(row, actor)}


class RecoveryAdmin(ModelAdmin[Any]):
    """Both lists stand under the two figures that backups are for."""

    titled = True
    list_panel_template = "backups/list_recovery.html"
    job_name = ""
    command = ""

    def list_panel_context(self, request: HttpRequest) -> Mapping[str, Any]:
        return {
            "figures": figures(),
            "job": _job(self.job_name, actor_of(request)),
            "command": self.command,
        }


@admin.register(BackupReport)
class BackupReportAdmin(RecoveryAdmin):
    view_action = "backup.view"
    keyed = True
    job_name = "backups.daily"
    command = "manage.py backup"
    about = "Every backup that was tried, the portal's own and those reported from outside."
    tabs = (("Good", "ok__exact=1"), ("Failed", "ok__exact=0"), ("All", "view=all"))
    empty = "No such backup."
    empty_hint = "manage.py backup takes one now; other tools tell POST /api/v1/backups/reports."
    list_display = (
        "named", "outcome", "size_text", "took", "source", "finished_at", "tool", "error_short",
    )  # fmt: skip
    list_filter = ("ok", "source")
    search_fields = ("kind", "tool", "location")
    head_clocks = ("finished_at",)
    fields = (
        "outcome", "kind", "source", "size_text", "took", "tool", "started_at", "finished_at",
        "location", "reported_by", "workspace",
    )  # fmt: skip
    panel_template = "backups/panel_backupreport.html"

    @admin.display(description="Backup")
    def named(self, report: BackupReport) -> str:
        return f"{report.kind} of {report.finished_at:%Y-%m-%d %H:%M}"

    @admin.display(description="Result")
    def outcome(self, report: BackupReport) -> str:
        return result(report)

    @admin.display(description="Size")
    def size_text(self, report: BackupReport) -> str:
        return size_text(report.size)

    @admin.display(description="Took")
    def took(self, report: BackupReport) -> timedelta:
        return report.finished_at - report.started_at

    @admin.display(description="Error")
    def error_short(self, report: BackupReport) -> str:
        return short(report.error)

    def panel_context(self, request: HttpRequest, obj: BackupReport) -> Mapping[str, Any]:
        actor = actor_of(request)
        alike = BackupReport.objects.visible_to(actor).filter(kind=obj.kind, source=obj.source)
        alike = alike.filter(workspace=obj.workspace_id, pk__lte=obj.pk).order_by("-id")
        return {
            "result": result(obj),
            "took": self.took(obj),
            "drill_columns": DRILL_COLUMNS,
            "drill_rows": drill_rows(list(obj.drills.order_by("-id")[:20]), actor),
            "drills_url": list_url(RestoreDrill),
            "sizes": _sizes(list(alike[:DRAWN])),
        }


def _sizes(rows: Sequence[BackupReport]) -> dict[str, Any]:
    """A backup that is suddenly small is as suspect as one that failed."""
    oldest_first = list(reversed(rows))
    return {
        "kind": "bar",
        "title": "Size, beside those before it",
        "unit": "bytes",
        "size": "small",
        "horizontal": False,
        "empty": "Its size was not told.",
        "categories": [f"{row.finished_at:%d %b %H:%M}" for row in oldest_first],
        "series": [{"name": "size", "values": [row.size for row in oldest_first]}],
    }


@admin.register(RestoreDrill)
class RestoreDrillAdmin(RecoveryAdmin):
    view_action = "backup.view"
    keyed = True
    job_name = "backups.drill"
    command = "manage.py run_job backups.drill"
    about = "Backups restored for practice, compared row by row, and thrown away."
    tabs = (("Good", "ok__exact=1"), ("Failed", "ok__exact=0"), ("All", "view=all"))
    empty = "No such drill."
    empty_hint = "The job backups.drill restores the newest backup each Sunday."
    list_display = ("named", "outcome", "seconds_text", "tables", "rows", "data_age", "error_short")
    list_filter = ("ok",)
    head_clocks = ("started_at",)
    fields = ("outcome", "started_at", "seconds_text", "tables", "rows", "data_age", "report")
    panel_template = "backups/panel_restoredrill.html"

    @admin.display(description="Drill")
    def named(self, drill: RestoreDrill) -> str:
        return f"{drill.started_at:%Y-%m-%d %H:%M} UTC"

    @admin.display(description="Result")
    def outcome(self, drill: RestoreDrill) -> str:
        return result(drill)

    @admin.display(description="Took")
    def seconds_text(self, drill: RestoreDrill) -> timedelta:
        return timedelta(seconds=drill.seconds)

    @admin.display(description="Data was old")
    def data_age(self, drill: RestoreDrill) -> timedelta | None:
        age = drill.data_age_seconds
        return None if age is None else timedelta(seconds=round(age))

    @admin.display(description="Error")
    def error_short(self, drill: RestoreDrill) -> str:
        return short(drill.error)

    def panel_context(self, request: HttpRequest, obj: RestoreDrill) -> Mapping[str, Any]:
        before = RestoreDrill.objects.filter(pk__lte=obj.pk).order_by("-id")[:DRAWN]
        rows = list(reversed(before))
        return {
            "result": result(obj),
            "report_url": url_of(obj.report, actor_of(request)),
            "target": services.RTO_TARGET.value,
            "difference_columns": (
                ("table", "Table"),
                ("then", "Rows when dumped", "number"),
                ("now", "Rows restored", "number"),
            ),
            "difference_rows": [
                {"table": name, "then": then, "now": now}
                for name, (then, now) in list(obj.differences.items())[:200]
            ],
            "times": {
                "kind": "bar",
                "title": "How long coming back takes",
                "unit": "s",
                "size": "small",
                "horizontal": False,
                "categories": [f"{row.started_at:%d %b %H:%M}" for row in rows],
                "series": [{"name": "seconds", "values": [row.seconds for row in rows]}],
            },
        }

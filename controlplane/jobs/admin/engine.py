"""Jobs and their runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from controlplane.base.admin import ModelAdmin, button, named, question
from controlplane.base.admin.linking import list_url, url_of
from controlplane.base.web import actor_of
from controlplane.jobs import leases, nudges, progress, runs, shown
from controlplane.jobs.models import JobRun, ScheduledJob
from controlplane.jobs.registry import JOBS

_FAILED = Q(last_failed_at__isnull=False) & (
    Q(last_ok_at=None) | Q(last_failed_at__gt=F("last_ok_at"))
)
Health = question(
    "Health",
    "health",
    {
        "failing": ("Last try failed", lambda rows: rows.filter(_FAILED)),
        "new": ("Never well yet", lambda rows: rows.filter(last_ok_at=None)),
    },
)


@admin.register(ScheduledJob)
class ScheduledJobAdmin(ModelAdmin[ScheduledJob]):
    view_action = "job.view"
    labels = {
        "enabled": "Switched on",
        "last_ok_at": "Last went well",
        "last_failed_at": "Last failed",
        "next_run_at": "Next run",
        "first_seen_at": "Known since",
    }
    about = "What the portal does by itself, and how each of it fares."
    tabs = (
        ("Switched on", "enabled__exact=1"),
        ("Failing", "health=failing"),
        ("Switched off", "enabled__exact=0"),
        ("All", "view=all"),
    )
    empty = "No job is here."
    empty_hint = (
        "Jobs are written down when the engine first turns: manage.py up, or manage.py engine."
    )
    list_display = (
        "name", "health", "what", "words", "next_run_at", "last_ok_at", "last_failed_at",
    )  # fmt: skip
    list_filter = ("enabled", Health)
    search_fields = ("name",)
    in_palette = True
    head_clocks = ("next_run_at",)
    fields = (
        "health", "words", "next_run_at", "enabled", "last_ok_at", "last_failed_at", "silence",
        "time_limit", "tries", "first_seen_at",
    )  # fmt: skip
    panel_template = "jobs/panel_scheduledjob.html"

    @admin.display(description="Health")
    def health(self, job: ScheduledJob) -> str:
        return shown.job_health(job)

    @admin.display(description="What it does")
    def what(self, job: ScheduledJob) -> str:
        return JOBS[job.name].doc if job.name in JOBS else "No code of this release runs it."

    @admin.display(description="Schedule")
    def words(self, job: ScheduledJob) -> str:
        return shown.words_of(job.name, job.schedule)

    @admin.display(description="Silence is an alarm after")
    def silence(self, job: ScheduledJob) -> timedelta | None:
        return JOBS[job.name].silence_after if job.name in JOBS else None

    @admin.display(description="May take")
    def time_limit(self, job: ScheduledJob) -> timedelta | None:
        return timedelta(seconds=JOBS[job.name].time_limit) if job.name in JOBS else None

    @admin.display(description="Tries for each time")
    def tries(self, job: ScheduledJob) -> int | None:
        return JOBS[job.name].attempts if job.name in JOBS else None

    def heading(self, obj: ScheduledJob) -> str:
        return obj.name

    def panel_context(self, request: HttpRequest, obj: ScheduledJob) -> Mapping[str, Any]:
        found = shown.runs_of(obj.name)
        actor = actor_of(request)
        return {
            "what": self.what(obj),
            "words": self.words(obj),
            "silence": self.silence(obj),
            "job_health": self.health(obj),
            "next_times": shown.next_times(obj),
            "figures": shown.run_figures(found),
            "chart_data": shown.durations(found),
            "run_columns": _RUN_COLUMNS,
            "run_rows": shown.run_rows(found[:20], lambda run: url_of(run, actor)),
            "runs_url": list_url(JobRun, f"job={obj.name}"),
        }

    @button(label="Run now", action="job.manage")
    def run_now(self, request: HttpRequest, obj: ScheduledJob, reason: str) -> HttpResponse | str:
        run = runs.ask_run(obj.name, actor=actor_of(request))
        nudges.after_commit()
        words = "It starts within seconds. This page shows how far it is."
        url = url_of(run, actor_of(request))
        if not url:
            return words
        messages.success(request, words)
        return HttpResponseRedirect(url)

    @button(
        quiet=True,
        label="Switch off",
        action="job.manage",
        reason=True,
        when=lambda job: "" if job.enabled else "it is off",
    )
    def switch_off(self, request: HttpRequest, obj: ScheduledJob, reason: str) -> str:
        runs.set_enabled(obj, False, actor=actor_of(request), reason=reason)
        return "Its schedule is off. The watch will say so once it is overdue."

    @button(
        label="Switch on",
        action="job.manage",
        reason=True,
        when=lambda job: "it is on" if job.enabled else "",
    )
    def switch_on(self, request: HttpRequest, obj: ScheduledJob, reason: str) -> str:
        runs.set_enabled(obj, True, actor=actor_of(request), reason=reason)
        return "Its schedule is on."


_RUN_COLUMNS = (
    ("due_at", "Due", "when"),
    ("state", "State", "state"),
    ("took", "Took", "duration"),
    ("told", "What it told"),
)


def _can_stop(run: JobRun) -> str:
    if run.state not in leases.OPEN:
        return "it is over"
    return "it has been asked to stop" if run.cancel_requested_at else ""


@admin.register(JobRun)
class JobRunAdmin(ModelAdmin[JobRun]):
    view_action = "job.view"
    labels = {"name": "Job", "due_at": "For"}
    keyed = True
    about = "Every run of every job: when it was due, how long it took, what it told."
    tabs = (
        ("Failed", "state__exact=dead"),
        ("Running", "state__exact=leased"),
        ("Done", "state__exact=done"),
        ("All", "view=all"),
    )
    empty = "No run is in this state."
    empty_hint = (
        "Runs of the last weeks are kept. manage.py run_job NAME runs a job at the terminal."
    )
    list_display = ("name", "state", "due_at", "took", "told", "attempts", "asked_by")
    list_filter = ("state", named("Job", "job", "name"))
    search_fields = ("name",)
    head_clocks = ("due_at", "finished_at")
    fields = (
        "state", "job", "due_at", "asked_by", "took", "attempts", "max_attempts", "claimed_at",
        "finished_at", "ready_at", "instance", "cancel_requested_by", "cancel_requested_at",
    )  # fmt: skip
    panel_template = "jobs/panel_jobrun.html"

    @admin.display(description="Took")
    def took(self, run: JobRun) -> Any:
        return shown.span(run.duration_ms)

    @admin.display(description="What it told")
    def told(self, run: JobRun) -> str:
        return run.last_error or shown.counts_words(run.counts) or run.progress_note

    @admin.display(description="Job")
    def job(self, run: JobRun) -> ScheduledJob | str:
        return ScheduledJob.objects.filter(name=run.name).first() or run.name

    def heading(self, obj: JobRun) -> str:
        return obj.name

    def panel_context(self, request: HttpRequest, obj: JobRun) -> Mapping[str, Any]:
        entry = JOBS.get(obj.name)
        running = obj.state == leases.LEASED
        return {
            "what": entry.doc if entry else "",
            "is_running": running,
            "is_waiting": obj.state == leases.WAITING,
            "stopping": running and obj.cancel_requested_at is not None,
            "progress_value": obj.progress_done if obj.progress_total else None,
            "counts": [(name.replace("_", " "), value) for name, value in obj.counts.items()],
            "time_limit": entry.time_limit if entry else None,
            "retry": obj.state == leases.WAITING and obj.attempts > 0,
        }

    @button(quiet=True, label="Stop it", action="job.manage", reason=True, when=_can_stop)
    def cancel(self, request: HttpRequest, obj: JobRun, reason: str) -> str:
        row = progress.ask_cancel(obj, actor=actor_of(request), reason=reason)
        return "It will not run." if row.state == leases.CANCELLED else "It stops at its next step."

"""Timers, jobs, the watch and recurring obligations in the console."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from controlplane.access import policy
from controlplane.base.admin import ModelAdmin, bulk, button
from controlplane.base.web import actor_of
from controlplane.jobs import leases, nudges, obligations, runs, services
from controlplane.jobs.models import (
    EngineCycle,
    Heartbeat,
    JobRun,
    Obligation,
    ObligationRecord,
    ScheduledJob,
    Timer,
    WatchAlarm,
)


def _only_open(timer: Timer) -> str:
    return "" if timer.state in leases.OPEN else "it is over"


def _can_run(timer: Timer) -> str:
    return "" if timer.state in {leases.WAITING, leases.DEAD} else "only waiting or dead timers"


@admin.register(Timer)
class TimerAdmin(ModelAdmin[Timer]):
    view_action = "job.view"
    keyed = True
    list_display = ("kind", "key", "state", "due_at", "ready_at", "attempts", "workspace")
    list_filter = ("state", "workspace")
    search_fields = ("kind", "key", "subject")
    list_select_related = ("workspace",)
    exclude = ("lease_token",)

    @button(label="Cancel", action="job.manage", reason=True, when=_only_open)
    def cancel(self, request: HttpRequest, obj: Timer, reason: str) -> str:
        services.cancel_timer(obj, actor=actor_of(request), reason=reason)
        return "The timer is cancelled."

    @button(label="Run now", action="job.manage", reason=True, when=_can_run)
    def run_now(self, request: HttpRequest, obj: Timer, reason: str) -> str:
        services.run_timer_now(obj, actor=actor_of(request), reason=reason)
        return "The timer is due now."

    @bulk(label="Run the selected now", action="job.manage", reason=True)
    def run_selected(self, request: HttpRequest, obj: Timer, reason: str) -> None:
        services.run_timer_now(obj, actor=actor_of(request), reason=reason)


@admin.register(ScheduledJob)
class ScheduledJobAdmin(ModelAdmin[ScheduledJob]):
    view_action = "job.view"
    list_display = ("name", "schedule", "enabled", "next_run_at", "last_ok_at", "last_failed_at")
    list_filter = ("enabled",)
    search_fields = ("name",)

    @button(label="Run now", action="job.manage")
    def run_now(self, request: HttpRequest, obj: ScheduledJob, reason: str) -> str:
        runs.ask_run(obj.name, actor=actor_of(request))
        nudges.after_commit()
        return "The job will start within seconds; its run stands under Job runs."

    @button(
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


@admin.register(JobRun)
class JobRunAdmin(ModelAdmin[JobRun]):
    view_action = "job.view"
    keyed = True
    list_display = ("name", "due_at", "state", "attempts", "duration_ms", "counts", "asked_by")
    list_filter = ("state",)
    search_fields = ("name",)
    exclude = ("lease_token",)


@admin.register(Heartbeat)
class HeartbeatAdmin(ModelAdmin[Heartbeat]):
    view_action = "job.view"
    list_display = ("component", "instance", "at", "started_at", "version")


@admin.register(EngineCycle)
class EngineCycleAdmin(ModelAdmin[EngineCycle]):
    view_action = "job.view"
    list_display = ("module", "ok_at", "duration_ms", "done", "failures", "last_error", "instance")


@admin.register(WatchAlarm)
class WatchAlarmAdmin(ModelAdmin[WatchAlarm]):
    view_action = "job.view"
    list_display = ("kind", "subject", "message", "critical", "opened_at", "closed_at", "told_at")
    list_filter = ("critical", ("closed_at", admin.EmptyFieldListFilter))
    search_fields = ("kind", "subject")


@admin.register(Obligation)
class ObligationAdmin(ModelAdmin[Obligation]):
    view_action = "obligation.view"
    change_action = "obligation.manage"
    edit_fields = ("active", "owner_role")
    list_display = ("title", "cadence", "owner_role", "sign_role", "active", "workspace")
    list_filter = ("cadence", "active", "workspace")
    search_fields = ("title", "slug", "requirement")
    list_select_related = ("workspace",)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "owner_role":
            names = [(slug, policy.ROLES[slug][0]) for slug in sorted(policy.PEOPLE)]
            return forms.ChoiceField(choices=names)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def service_save(
        self, request: HttpRequest, obj: Obligation, form: Any, change: bool
    ) -> Obligation:
        return obligations.change(
            obj,
            actor=actor_of(request),
            active=form.cleaned_data["active"],
            owner_role=form.cleaned_data["owner_role"],
        )


def _is_due(record: ObligationRecord) -> str:
    return "" if record.status == ObligationRecord.Status.DUE else "it is recorded"


def _waits_for_signature(record: ObligationRecord) -> str:
    return "" if record.status == ObligationRecord.Status.RECORDED else "nothing to sign"


@admin.register(ObligationRecord)
class ObligationRecordAdmin(ModelAdmin[ObligationRecord]):
    view_action = "obligation.view"
    list_display = ("ref", "obligation", "period", "status", "due_at", "recorded_by", "signed_by")
    list_filter = ("status", "workspace")
    search_fields = ("obligation__title", "obligation__slug", "period")
    list_select_related = ("workspace", "obligation", "recorded_by", "signed_by")

    @button(label="Record as done", action="obligation.fulfil", reason=True, when=_is_due)
    def fulfil(self, request: HttpRequest, obj: ObligationRecord, reason: str) -> str:
        row = obligations.fulfil(obj, actor=actor_of(request), note=reason, version=obj.version)
        return f"{row.ref} is recorded."

    @button(label="Sign", action="obligation.sign", reason=True, when=_waits_for_signature)
    def sign(self, request: HttpRequest, obj: ObligationRecord, reason: str) -> str:
        row = obligations.sign(obj, actor=actor_of(request), statement=reason, version=obj.version)
        return f"{row.ref} is signed and complete."

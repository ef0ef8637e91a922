"""API doors: jobs and their runs, timers, open alarms, recurring obligations."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import URLPattern, path
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.rows import row_of
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest
from controlplane.jobs import leases, nudges, obligations, progress, runs, services
from controlplane.jobs.models import JobRun, ObligationRecord, ScheduledJob, Timer, WatchAlarm
from controlplane.jobs.models.obligations import Cadence
from controlplane.lib import clock

_STATES = [(state, label) for state, label in leases.STATES]


# --- Jobs: what belongs to the whole installation ----------------------------------------------


class JobRow(StrictSerializer):
    name = serializers.CharField()
    schedule = serializers.CharField()
    enabled = serializers.BooleanField()
    next_run_at = serializers.DateTimeField()
    last_ok_at = serializers.DateTimeField(allow_null=True)
    last_failed_at = serializers.DateTimeField(allow_null=True)


class JobsView(ListView):
    """Every job with its schedule, by name."""

    actions = {"GET": "job.view"}
    in_workspace = False
    output = JobRow
    sorts = {"name": ("name", "id")}
    tags = ["jobs"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return ScheduledJob.objects.visible_to(request.actor)


class RunRow(StrictSerializer):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    due_at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=_STATES)
    asked_by = serializers.CharField()
    attempts = serializers.IntegerField()
    finished_at = serializers.DateTimeField(allow_null=True)
    duration_ms = serializers.IntegerField(allow_null=True)
    counts = serializers.DictField()
    last_error = serializers.CharField()
    progress_done = serializers.IntegerField()
    progress_total = serializers.IntegerField(allow_null=True)
    progress_note = serializers.CharField()
    cancel_requested_at = serializers.DateTimeField(allow_null=True)


class RunFilter(PortalFilterSet):
    name = django_filters.CharFilter(max_length=100)
    state = django_filters.ChoiceFilter(choices=_STATES)


class RunsView(ListView):
    """Runs of jobs, newest first."""

    actions = {"GET": "job.view"}
    in_workspace = False
    output = RunRow
    filterset = RunFilter
    tags = ["jobs"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return JobRun.objects.visible_to(request.actor)


class JobRunNowView(PortalAPIView):
    """Run a job now. Needs a superuser, as jobs work for all workspaces."""

    actions = {"POST": "job.manage"}
    in_workspace = False
    inputs = {"POST": StrictSerializer}
    outputs = {"POST": RunRow}
    statuses = {"POST": 202}
    tags = ["jobs"]
    errors = [404, 409]

    def post(self, request: Any, name: str) -> HttpResponse:
        run = runs.ask_run(name, actor=request.actor)
        nudges.after_commit()
        return JsonAnswer(row_of(RunRow).from_object(run), 202)


class Reason(StrictSerializer):
    reason = serializers.CharField(max_length=300)


class JobRunCancelView(DetailView):
    """Stop a run: at once if it waits, else at its next step. Needs a superuser."""

    actions = {"POST": "job.manage"}
    in_workspace = False
    output = RunRow
    inputs = {"POST": Reason}
    outputs = {"POST": RunRow}
    tags = ["jobs"]
    errors = [409]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return JobRun.objects.visible_to(request.actor)

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        run = self.object(request, {"uid": uid})
        row = progress.ask_cancel(run, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(row))


class AlarmRow(StrictSerializer):
    uid = serializers.UUIDField()
    kind = serializers.CharField()
    subject = serializers.CharField()
    message = serializers.CharField()
    critical = serializers.BooleanField()
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)


class AlarmFilter(PortalFilterSet):
    critical = BooleanFilter()
    open = BooleanFilter(field_name="closed_at", lookup_expr="isnull")


class AlarmsView(ListView):
    """Alarms about the portal itself, newest first."""

    actions = {"GET": "job.view"}
    in_workspace = False
    output = AlarmRow
    filterset = AlarmFilter
    tags = ["jobs"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return WatchAlarm.objects.visible_to(request.actor)


# --- Timers and obligations: of a workspace ----------------------------------------------------


class TimerRow(StrictSerializer):
    uid = serializers.UUIDField()
    kind = serializers.CharField()
    key = serializers.CharField()
    subject = serializers.CharField()
    due_at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=_STATES)
    attempts = serializers.IntegerField()
    finished_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField()


class TimerFilter(PortalFilterSet):
    kind = django_filters.CharFilter(max_length=80)
    subject = django_filters.CharFilter(max_length=120)
    state = django_filters.ChoiceFilter(choices=_STATES)


class TimersView(ListView):
    """Promises with a due time, newest first."""

    actions = {"GET": "job.view"}
    output = TimerRow
    filterset = TimerFilter
    sorts = {"newest": ("-id",), "due": ("due_at", "id")}
    tags = ["jobs"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Timer.objects.visible_to(request.actor).filter(workspace=request.workspace)


class TimerCancelView(DetailView):
    """Take a promise back, with a reason."""

    actions = {"POST": "job.manage"}
    output = TimerRow
    inputs = {"POST": Reason}
    outputs = {"POST": TimerRow}
    tags = ["jobs"]
    errors = [409]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Timer.objects.visible_to(request.actor).filter(workspace=request.workspace)

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        timer = self.object(request, {"uid": uid})
        row = services.cancel_timer(timer, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(row))


class RecordRow(StrictSerializer):
    uid = serializers.UUIDField()
    number = serializers.IntegerField()
    obligation = serializers.CharField(source="obligation.slug")
    title = serializers.CharField(source="obligation.title")
    cadence = serializers.ChoiceField(source="obligation.cadence", choices=Cadence.choices)
    owner_role = serializers.CharField(source="obligation.owner_role")
    sign_role = serializers.CharField(source="obligation.sign_role")
    evidence = serializers.CharField(source="obligation.evidence")
    why = serializers.CharField(
        source="obligation.slug", help_text="What would be lost if nobody did it."
    )
    period = serializers.CharField()
    starts_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    status = serializers.ChoiceField(choices=ObligationRecord.Status.choices)
    note = serializers.CharField()
    evidence_url = serializers.CharField()
    recorded_at = serializers.DateTimeField(allow_null=True)
    signed_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class RecordFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=ObligationRecord.Status.choices)
    obligation = django_filters.CharFilter(field_name="obligation__slug", max_length=80)
    overdue = BooleanFilter(method="by_overdue")

    def by_overdue(self, rows: Any, name: str, value: bool) -> Any:
        late = {"due_at__lt": clock.now()}
        open_rows = rows.exclude(status=ObligationRecord.Status.COMPLETE)
        return open_rows.filter(**late) if value else rows.exclude(pk__in=open_rows.filter(**late))


class SaysWhy:
    """Read from the slug: the words stand in no table."""

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "why": obligations.why(row["why"])}


class RecordView(SaysWhy, DetailView):
    """One period of a recurring obligation."""

    actions = {"GET": "obligation.view"}
    output = RecordRow
    version = ["version"]
    tags = ["obligations"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _records(request)


class RecordsView(SaysWhy, ListView):
    """Periods of recurring obligations, by due time."""

    actions = {"GET": "obligation.view"}
    output = RecordRow
    filterset = RecordFilter
    sorts = {"due": ("due_at", "id"), "newest": ("-id",)}
    tags = ["obligations"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _records(request)


def _records(request: PortalRequest) -> QuerySet[Any]:
    rows = ObligationRecord.objects.visible_to(request.actor).select_related("obligation")
    return rows.filter(workspace=request.workspace)


class Fulfilment(StrictSerializer):
    note = serializers.CharField(max_length=4000)
    evidence_url = serializers.URLField(max_length=500, required=False)


class FulfilView(RecordView):
    """Record that an obligation was met, with what shows it."""

    actions = {"POST": "obligation.fulfil"}
    inputs = {"POST": Fulfilment}
    outputs = {"POST": RecordRow}
    if_match = {"POST": "optional"}
    errors = [409]

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        record = self.object(request, {"uid": uid})
        row = obligations.fulfil(
            record, actor=request.actor, version=record.version, **self.read(request)
        )
        return JsonAnswer(self.show(row))


class Signature(StrictSerializer):
    statement = serializers.CharField(max_length=4000)


class SignView(RecordView):
    """Confirm, as a second person, what another recorded."""

    actions = {"POST": "obligation.sign"}
    inputs = {"POST": Signature}
    outputs = {"POST": RecordRow}
    if_match = {"POST": "optional"}
    errors = [409]

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        record = self.object(request, {"uid": uid})
        row = obligations.sign(
            record, actor=request.actor, version=record.version, **self.read(request)
        )
        return JsonAnswer(self.show(row))


urlpatterns: list[URLPattern] = [
    path("v1/jobs", JobsView.as_view()),
    path("v1/jobs/runs", RunsView.as_view()),
    path("v1/jobs/runs/<uuid:uid>/cancel", JobRunCancelView.as_view()),
    path("v1/jobs/<str:name>/run", JobRunNowView.as_view()),
    path("v1/alarms", AlarmsView.as_view()),
    path("v1/timers", TimersView.as_view()),
    path("v1/timers/<uuid:uid>/cancel", TimerCancelView.as_view()),
    path("v1/obligations", RecordsView.as_view()),
    path("v1/obligations/<uuid:uid>", RecordView.as_view()),
    path("v1/obligations/<uuid:uid>/fulfil", FulfilView.as_view()),
    path("v1/obligations/<uuid:uid>/sign", SignView.as_view()),
]

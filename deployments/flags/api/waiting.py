"""What was changed, what is planned, what is asked for."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.serializers import OptionalReason, StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalRequest, RowView
from deployments.flags import services
from deployments.flags.api.common import CHANGE, TAGS, VIEW, SettingsField
from deployments.flags.diffs import differences
from deployments.flags.models import ChangeRequest, FlagChange, ScheduledChange


class ChangeRow(StrictSerializer):
    uid = serializers.UUIDField()
    flag = serializers.CharField(source="flag.flag_name")
    environment = serializers.CharField(
        source="environment.slug", allow_null=True, help_text="null: the flag as a whole"
    )
    kind = serializers.ChoiceField(choices=FlagChange.Kind.choices)
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    differences = serializers.SerializerMethodField()
    reason = serializers.CharField(allow_blank=True)
    item = serializers.CharField(allow_blank=True)
    by = serializers.CharField(source="actor_ref")
    at = serializers.DateTimeField()
    version = serializers.IntegerField()
    revision = serializers.IntegerField(allow_null=True)
    undoes = serializers.UUIDField(source="undoes.uid", allow_null=True)

    def get_differences(self, row: Any) -> list[dict[str, Any]]:
        raise NotImplementedError  # the view's `shape` fills it in


class ChangeFilter(PortalFilterSet):
    flag = django_filters.CharFilter(field_name="flag__flag_name", max_length=200)
    environment = django_filters.CharFilter(field_name="environment__slug", max_length=50)
    kind = django_filters.ChoiceFilter(choices=FlagChange.Kind.choices)
    since = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte")


class _Changes(RowView):
    output = ChangeRow
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = FlagChange.objects.visible_to(request.actor).of(request.workspace)
        return rows.select_related("flag", "environment", "undoes")

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        row["differences"] = differences(row["before"], row["after"])[:200]
        return row


class ChangesView(_Changes, ListView):
    """Every change of every flag, the newest first."""

    actions = {"GET": VIEW}
    filterset = ChangeFilter
    sorts = {"newest": ("-id",)}


class ChangeView(_Changes, DetailView):
    """One change, before and after."""

    actions = {"GET": VIEW}


class UndoForm(OptionalReason):
    override = serializers.BooleanField(default=False)


class ChangeUndoView(_Changes, DetailView):
    """Put back what it changed, as a new change. What was changed again since is not undone: the
    answer is 409 with the difference."""

    actions = {"POST": VIEW}  # the service asks for the right to what is undone
    inputs = {"POST": UndoForm}
    outputs = {"POST": ChangeRow}
    errors = (409, 422)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        change = self.object(request, {"uid": uid})
        made = services.undo(change, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(made), status=201)


class ScheduleRow(StrictSerializer):
    uid = serializers.UUIDField()
    flag = serializers.CharField(source="flag.flag_name")
    environment = serializers.CharField(source="environment.slug")
    settings = SettingsField()
    at = serializers.DateTimeField()
    reason = serializers.CharField(allow_blank=True)
    item = serializers.CharField(allow_blank=True)
    by = serializers.CharField(source="author_ref")
    status = serializers.ChoiceField(choices=ScheduledChange.Status.choices)
    outcome = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class ScheduleFilter(PortalFilterSet):
    flag = django_filters.CharFilter(field_name="flag__flag_name", max_length=200)
    environment = django_filters.CharFilter(field_name="environment__slug", max_length=50)
    status = django_filters.ChoiceFilter(choices=ScheduledChange.Status.choices)


class _Schedules(RowView):
    output = ScheduleRow
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = ScheduledChange.objects.visible_to(request.actor).of(request.workspace)
        return rows.select_related("flag", "environment")


class SchedulesView(_Schedules, ListView):
    """Changes at a time: waiting, applied, given up."""

    actions = {"GET": VIEW}
    filterset = ScheduleFilter
    sorts = {"soonest": ("at", "id"), "newest": ("-id",)}


class ScheduleView(_Schedules, DetailView):
    actions = {"GET": VIEW}
    version = ("version",)


class ScheduleCancelView(_Schedules, DetailView):
    """Take it back before its time."""

    actions = {"POST": CHANGE}
    inputs = {"POST": OptionalReason}
    outputs = {"POST": ScheduleRow}
    statuses = {"POST": 200}
    errors = (409,)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        planned = self.object(request, {"uid": uid})
        return JsonAnswer(
            self.show(services.cancel_schedule(planned, actor=request.actor, **self.read(request)))
        )


class RequestRow(StrictSerializer):
    uid = serializers.UUIDField()
    flag = serializers.CharField(source="flag.flag_name")
    environment = serializers.CharField(source="environment.slug")
    settings = SettingsField()
    base = SettingsField()
    base_version = serializers.IntegerField()
    reason = serializers.CharField()
    item = serializers.CharField(allow_blank=True)
    by = serializers.CharField(source="author_ref")
    apply_at = serializers.DateTimeField(allow_null=True)
    status = serializers.ChoiceField(choices=ChangeRequest.Status.choices)
    outcome = serializers.CharField(allow_blank=True)
    approval = serializers.UUIDField(
        source="approval.uid", allow_null=True, help_text="where it is signed: /api/v1/approvals"
    )
    created_at = serializers.DateTimeField()
    version = serializers.IntegerField()


class RequestFilter(PortalFilterSet):
    flag = django_filters.CharFilter(field_name="flag__flag_name", max_length=200)
    environment = django_filters.CharFilter(field_name="environment__slug", max_length=50)
    status = django_filters.ChoiceFilter(choices=ChangeRequest.Status.choices)


class _Requests(RowView):
    output = RequestRow
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = ChangeRequest.objects.visible_to(request.actor).of(request.workspace)
        return rows.select_related("flag", "environment", "approval")


class RequestsView(_Requests, ListView):
    """Changes that others consent to first."""

    actions = {"GET": VIEW}
    filterset = RequestFilter
    sorts = {"newest": ("-id",)}


class RequestView(_Requests, DetailView):
    actions = {"GET": VIEW}
    version = ("version",)


class RequestWithdrawView(_Requests, DetailView):
    """Take it back, also when it was consented to and waits for its time."""

    actions = {"POST": CHANGE}
    inputs = {"POST": OptionalReason}
    outputs = {"POST": RequestRow}
    statuses = {"POST": 200}
    errors = (409,)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        asked = self.object(request, {"uid": uid})
        done = services.withdraw_request(asked, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(done))

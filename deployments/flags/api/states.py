"""How a flag stands in one environment: read, replaced, explained, planned, asked for."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.access.services.saving import invalid
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import ListView, NowView, PortalAPIView, PortalRequest
from deployments.flags import services
from deployments.flags.api.common import (
    CHANGE,
    TAGS,
    VIEW,
    SettingsField,
    flag_of,
    state_of,
)
from deployments.flags.api.waiting import RequestRow, RequestsView, ScheduleRow, SchedulesView
from deployments.flags.explaining import explain
from deployments.flags.models import ChangeRequest, FlagState
from deployments.flags.services.gates import frozen


class StateRow(StrictSerializer):
    uid = serializers.UUIDField()
    flag = serializers.CharField(source="flag.flag_name")
    environment = serializers.CharField(source="environment.slug")
    enabled = serializers.BooleanField(source="flag.enabled", help_text="the master switch")
    settings = SettingsField()
    changed_at = serializers.DateTimeField()
    changed_by = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField()


class StateWhole(StateRow):
    needs_approval = serializers.BooleanField(source="environment.flag_environment.needs_approval")
    revision = serializers.IntegerField(source="environment.flag_environment.revision")
    frozen = serializers.SerializerMethodField(help_text="why changes must wait, if they must")

    def get_frozen(self, row: Any) -> str | None:
        raise NotImplementedError  # the view's `shape` fills it in


class StateChange(StrictSerializer):
    settings = SettingsField()
    version = serializers.IntegerField(
        min_value=1, required=False, help_text="the version you saw; or say it by If-Match"
    )
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)
    item = serializers.CharField(
        max_length=120, required=False, allow_blank=True, help_text="the work item it is done for"
    )
    override = serializers.BooleanField(
        default=False, help_text="in spite of a freeze, for those who may; the reason is recorded"
    )


class StatesView(ListView):
    """How the flag stands in each environment."""

    actions = {"GET": VIEW}
    output = StateRow
    sorts = {"order": ("environment__order", "id")}
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = FlagState.objects.visible_to(request.actor).of(request.workspace)
        flag = flag_of(request, self.kwargs["flag_name"])
        return rows.filter(flag=flag)


class StateView(NowView):
    """How the flag stands there. `PUT` replaces the whole document: if somebody else was first,
    the answer is 409 with what is different."""

    actions = {"GET": VIEW, "PUT": CHANGE}
    output = StateWhole
    inputs = {"PUT": StateChange}
    outputs = {"PUT": StateWhole}
    lookup = "environment"
    version = ("version", "flag__version", "environment__flag_environment__version")
    extra_columns = ("flag_id", "environment_id")
    tags = TAGS
    errors = (409, 422)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = FlagState.objects.visible_to(request.actor).of(request.workspace)
        return rows.select_related("flag", "environment__flag_environment").filter(
            flag__flag_name=self.kwargs["flag_name"]
        )

    def _found(self, rows: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return rows.filter(environment__slug=value)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        row["frozen"] = frozen(
            flag_of(self.request, self.kwargs["flag_name"]), row.pop("environment_id")
        )
        row.pop("flag_id")
        return row

    def put(self, request: Any, flag_name: str, environment: str) -> HttpResponse:
        state = self.object(request, {"environment": environment})
        values = self.read(request)
        version = self.seen(request, state, {"environment": environment})
        services.change_settings(state, actor=request.actor, **{"version": version, **values})
        return JsonAnswer(self.show(self.object(request, {"environment": environment})))


class ExplainForm(StrictSerializer):
    context = serializers.JSONField(  # type: ignore[assignment]
        help_text="as an SDK would send it: userId, properties, …"
    )


class ConditionRow(StrictSerializer):
    text = serializers.CharField()
    holds = serializers.BooleanField(allow_null=True, help_text="null: chance decides")


class ExplainedRule(StrictSerializer):
    number = serializers.IntegerField()
    title = serializers.CharField(allow_blank=True)
    outcome = serializers.CharField()
    why = serializers.CharField(allow_blank=True)
    conditions = ConditionRow(many=True)


class Explained(StrictSerializer):
    flag = serializers.CharField()
    environment = serializers.CharField()
    enabled = serializers.BooleanField()
    value = serializers.JSONField(allow_null=True)
    variant = serializers.CharField(allow_null=True)
    reason = serializers.CharField()
    detail = serializers.CharField(allow_blank=True)
    rule = serializers.CharField(allow_blank=True)
    requires = ConditionRow(many=True)
    rules = ExplainedRule(many=True)


class ExplainView(PortalAPIView):
    """What the flag would say in this context, and why: each rule, each condition."""

    actions = {"POST": "flag.ask"}
    inputs = {"POST": ExplainForm}
    outputs = {"POST": Explained}
    statuses = {"POST": 200}
    tags = TAGS

    def post(self, request: Any, flag_name: str, environment: str) -> HttpResponse:
        state = state_of(request, flag_name, environment)
        return JsonAnswer(explain(state, self.read(request)["context"]))


class ScheduleNew(StrictSerializer):
    settings = SettingsField()
    at = serializers.DateTimeField()
    version = serializers.IntegerField(min_value=1, required=False)
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)
    item = serializers.CharField(max_length=120, required=False, allow_blank=True)


class StateScheduleView(PortalAPIView):
    """Put these settings into place at a time."""

    actions = {"POST": CHANGE}
    inputs = {"POST": ScheduleNew}
    outputs = {"POST": ScheduleRow}
    tags = TAGS
    errors = (409, 422)

    def post(self, request: Any, flag_name: str, environment: str) -> HttpResponse:
        state = state_of(request, flag_name, environment)
        planned = services.schedule(
            state, actor=request.actor, **{"version": None, **self.read(request)}
        )
        return created(SchedulesView().show(planned), f"/api/v1/flag-schedules/{planned.uid}")


class RequestNew(StrictSerializer):
    settings = SettingsField()
    reason = serializers.CharField(max_length=300)
    version = serializers.IntegerField(min_value=1, required=False)
    apply_at = serializers.DateTimeField(required=False, allow_null=True)
    item = serializers.CharField(max_length=120, required=False, allow_blank=True)
    instead_of = serializers.UUIDField(
        required=False, help_text="an earlier request of the same question: its clock goes on"
    )


class StateRequestView(PortalAPIView):
    """Ask for consent to these settings. Signatures are given where approvals are."""

    actions = {"POST": CHANGE}
    inputs = {"POST": RequestNew}
    outputs = {"POST": RequestRow}
    tags = TAGS
    errors = (409,)

    def post(self, request: Any, flag_name: str, environment: str) -> HttpResponse:
        state = state_of(request, flag_name, environment)
        values = {"version": None, **self.read(request)}
        if "instead_of" in values:
            rows = ChangeRequest.objects.visible_to(request.actor).of(request.workspace)
            values["instead_of"] = _earlier(rows, values["instead_of"])
        asked = services.propose(state, actor=request.actor, **values)
        return created(RequestsView().show(asked), f"/api/v1/flag-requests/{asked.uid}")


def _earlier(rows: QuerySet[Any], uid: Any) -> ChangeRequest:
    found: ChangeRequest | None = rows.select_related("approval").filter(uid=uid).first()
    if found is None:
        raise invalid("instead_of", "There is no such request.")
    return found

"""The governance check by API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.serializers import StrictSerializer, read
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest
from missions import governance
from missions.api.missions import mission_of
from missions.governance.running import missions_of
from missions.models import GovernanceFinding, GovernanceRun, Mission

_LOOKED_AT = 100  # missions of one live answer
_SCOPES = [value for value in GovernanceRun.Scope.values if value != "mission"]


class GovernanceLine(StrictSerializer):
    mission = serializers.CharField(allow_blank=True)
    stage = serializers.CharField(allow_blank=True)
    rule = serializers.CharField()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=["ok", "gaps", "not_applicable", "failed"])
    text = serializers.CharField(allow_blank=True)


class GovernanceLook(StrictSerializer):
    result = serializers.ChoiceField(choices=GovernanceRun.Result.choices)
    missions = serializers.IntegerField()
    found = serializers.IntegerField()
    more = serializers.BooleanField()
    lines = GovernanceLine(many=True)


class GovernanceAsked(StrictSerializer):
    scope = serializers.ChoiceField(choices=_SCOPES, required=False, default="active")
    mission = serializers.CharField(max_length=40, required=False, default="")


class GovernanceRunRow(StrictSerializer):
    uid = serializers.UUIDField()
    scope = serializers.ChoiceField(choices=GovernanceRun.Scope.choices)
    mission = serializers.CharField(source="mission.ref", allow_null=True)
    result = serializers.ChoiceField(choices=GovernanceRun.Result.choices)
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField()
    started_by = serializers.CharField()
    missions = serializers.IntegerField()
    found = serializers.IntegerField()
    rules = serializers.JSONField()
    error = serializers.CharField()
    signed_by = serializers.CharField()
    signed_at = serializers.DateTimeField(allow_null=True)
    note = serializers.CharField()


class RunFilter(PortalFilterSet):
    scope = django_filters.ChoiceFilter(choices=GovernanceRun.Scope.choices)
    result = django_filters.ChoiceFilter(choices=GovernanceRun.Result.choices)


class CheckView(PortalAPIView):
    """Missions against the sixteen rules of governance: which gates, sign-offs, evidence, undo
    plans, telemetry hooks and staffing are missing."""

    actions = {"GET": "mission.view", "POST": "mission.check"}
    outputs = {"GET": GovernanceLook, "POST": GovernanceRunRow}
    inputs = {"POST": GovernanceAsked}
    query = ("scope", "mission")
    statuses = {"POST": 202}
    tags = ["missions"]

    def get(self, request: Any) -> HttpResponse:
        """Look now, and keep nothing.

        `?mission=MSN-7` looks at one; without it at the newest hundred of `scope`, and at what is
        asked of the workspace as a whole. `more` says that there were more: the check itself, by
        `POST`, looks at all of them.
        """
        given = {name: value for name in self.query if (value := request._request.GET.get(name))}
        scope, mission = _which(request, read(GovernanceAsked, given))
        found = missions_of(request.workspace, scope, mission)
        report = governance.look(
            request.workspace, found[:_LOOKED_AT], whole=scope in {"active", "all"}
        )
        result = "failed" if report.failed else "findings" if report.found else "clean"
        return JsonAnswer(
            {
                "result": result,
                "missions": len(report.scope.missions),
                "found": report.found,
                "more": len(found) > _LOOKED_AT,
                "lines": [
                    {
                        "mission": line.about if line.stage else "",
                        "stage": line.stage,
                        "rule": line.rule,
                        "title": line.title,
                        "status": line.status,
                        "text": line.text,
                    }
                    for line in report.lines()
                ],
            }
        )

    def post(self, request: Any) -> HttpResponse:
        """Check, keep what was found, and open a work item with each finding.

        Of one mission (`mission`) the answer is the check. Of many it is asked for: `result` is
        `asked`, and the address in `Location` tells within minutes what was found.
        """
        scope, mission = _which(request, self.read(request))
        given: dict[str, Any] = {"actor": request.actor, "scope": scope}
        if mission is not None:
            run = governance.check(request.workspace, mission=mission, **given)
        else:
            run = governance.ask(request.workspace, **given)
        location = {"Location": f"/api/v1/missions/governance-runs/{run.uid}"}
        return JsonAnswer(GovernanceRunRow(run).data, 202, location)


def _which(request: PortalRequest, asked: dict[str, Any]) -> tuple[str, Mission | None]:
    if not asked.get("mission"):
        return asked.get("scope") or "active", None
    return "mission", mission_of(request, asked["mission"])


def _runs(request: PortalRequest) -> QuerySet[Any]:
    rows: QuerySet[Any] = GovernanceRun.objects.visible_to(request.actor).filter(
        workspace=request.workspace
    )
    return rows.select_related("mission", "workspace")


class RunsView(ListView):
    """Governance checks, newest first."""

    actions = {"GET": "mission.view"}
    output = GovernanceRunRow
    filterset = RunFilter
    tags = ["missions"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _runs(request)


class RunView(DetailView):
    """One governance check."""

    actions = {"GET": "mission.view"}
    output = GovernanceRunRow
    tags = ["missions"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _runs(request)


class GovernanceSignature(StrictSerializer):
    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class SignView(DetailView):
    """The telemetry analyst has read it."""

    actions = {"POST": "mission.sign_check"}
    inputs = {"POST": GovernanceSignature}
    outputs = {"POST": GovernanceRunRow}
    output = GovernanceRunRow
    tags = ["missions"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _runs(request)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        run = self.object(request, {"uid": uid})
        run = governance.sign(run, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(run))


class GovernanceFindingRow(StrictSerializer):
    uid = serializers.UUIDField()
    rule = serializers.CharField()
    about = serializers.CharField()
    status = serializers.ChoiceField(choices=GovernanceFinding.Status.choices)
    text = serializers.CharField()
    item = serializers.CharField()
    first_seen = serializers.DateTimeField()
    last_seen = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)


class FindingFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=GovernanceFinding.Status.choices)
    rule = django_filters.CharFilter(max_length=40)
    about = django_filters.CharFilter(max_length=120)


class FindingsView(ListView):
    """What the checks found, newest first. Each has a work item while it is found."""

    actions = {"GET": "mission.view"}
    output = GovernanceFindingRow
    filterset = FindingFilter
    tags = ["missions"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = GovernanceFinding.objects.visible_to(request.actor).filter(
            workspace=request.workspace
        )
        return rows


urlpatterns = [
    path("v1/missions/governance-check", CheckView.as_view()),
    path("v1/missions/governance-runs", RunsView.as_view()),
    path("v1/missions/governance-runs/<uuid:uid>", RunView.as_view()),
    path("v1/missions/governance-runs/<uuid:uid>/sign", SignView.as_view()),
    path("v1/missions/governance-findings", FindingsView.as_view()),
]

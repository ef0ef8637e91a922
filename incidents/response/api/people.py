"""Roles, decisions, looks whether it works again, and splitting, over the API."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.access.models import User
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import ListView, PortalAPIView, PortalRequest
from controlplane.lib.given import refuse
from incidents.api import forms
from incidents.api.forms import TAGS
from incidents.models import Check, Incident
from incidents.response import checks, deciding, roles
from incidents.response.api.common import incident_here
from incidents.response.splitting import split

VIEW = "incident.view"


class RoleNamed(StrictSerializer):
    role = serializers.ChoiceField(choices=[(role, role) for role in roles.ROLES])
    person = serializers.UUIDField(allow_null=True, help_text="null: nobody")
    version = serializers.IntegerField(required=False, help_text="that was seen")


class Team(StrictSerializer):
    commander = serializers.UUIDField(allow_null=True)
    communications = serializers.UUIDField(allow_null=True)
    operations = serializers.UUIDField(allow_null=True)
    scribe = serializers.UUIDField(allow_null=True)
    version = serializers.IntegerField()


class DecisionRow(StrictSerializer):
    uid = serializers.UUIDField()
    text = serializers.CharField()
    why = serializers.CharField()
    decided_by = serializers.CharField()
    at = serializers.DateTimeField()


class DecisionNew(StrictSerializer):
    text = serializers.CharField(max_length=500)
    why = forms.text(max_length=1_000)


class CheckLine(StrictSerializer):
    slug = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    required = serializers.BooleanField(  # type: ignore[assignment]
        help_text="before it may be resolved"
    )
    ok = serializers.BooleanField(help_text="nothing more is asked of it")
    outcome = serializers.CharField(help_text="of the newest look; empty: nobody looked")
    note = serializers.CharField()
    by = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    snapshot = serializers.UUIDField(allow_null=True, help_text="of the figures as they stood")


class Checks(StrictSerializer):
    items = CheckLine(many=True)


class CheckNew(StrictSerializer):
    slug = serializers.ChoiceField(choices=[(slug, kind.label) for slug, kind in
                                            checks.KINDS.items()])  # fmt: skip
    outcome = serializers.ChoiceField(choices=Check.Outcome.choices)
    note = forms.text(max_length=500, help_text="what does not work, or why nobody looked")


class IncidentSplit(StrictSerializer):
    title = serializers.CharField(max_length=200)
    severity = serializers.CharField(max_length=8, help_text=forms.SEVERITY)
    alerts = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=500)
    reason = serializers.CharField(max_length=500)
    version = serializers.IntegerField(required=False, help_text="that was seen")


class SplitOff(StrictSerializer):
    ref = serializers.CharField()
    title = serializers.CharField()
    severity = serializers.CharField()
    split_from = serializers.CharField()
    alert_count = serializers.IntegerField()


def _team(row: Incident) -> dict[str, Any]:
    people = {role: getattr(row, role) for role in roles.ROLES}
    told: dict[str, Any] = {role: who.uid if who else None for role, who in people.items()}
    return {**told, "version": row.version}


class RolesView(PortalAPIView):
    """Who leads an incident, who speaks for it, who works on it and who writes."""

    actions = {"GET": VIEW, "POST": "incident.lead"}
    inputs = {"POST": RoleNamed}
    outputs = {"GET": Team, "POST": Team}
    statuses = {"POST": 200}
    tags = TAGS
    errors = (409,)

    def get(self, request: Any, ref: str) -> HttpResponse:
        return JsonAnswer(_team(incident_here(request, ref)))

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Name somebody, in the place of whoever had the role

        With the `version` that was seen, of two who name somebody at once the second is refused.
        """
        values = self.read(request)
        row, uid = incident_here(request, ref), values.pop("person")
        person = User.objects.filter(uid=uid).first() if uid is not None else None
        if uid is not None and person is None:
            raise refuse("person", "There is nobody like that here.")
        done = roles.assign(row, values.pop("role"), person, actor=request.actor, **values)
        return JsonAnswer(_team(done))


class DecisionsView(ListView):
    """What was decided while it burned, the newest first."""

    actions = {"GET": VIEW, "POST": "incident.decide"}
    output = DecisionRow
    inputs = {"POST": DecisionNew}
    outputs = {"POST": DecisionRow}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = incident_here(request, self.kwargs["ref"]).decisions.all()
        return found

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Keep a decision"""
        row = incident_here(request, ref)
        made = deciding.decide(row, actor=request.actor, **self.read(request))
        return created(self.show(made), f"{request.path}/{made.uid}")


class ChecksView(PortalAPIView):
    """Whether an incident works again: what somebody looked at since it was mitigated."""

    actions = {"GET": VIEW, "POST": "incident.mitigate"}
    inputs = {"POST": CheckNew}
    outputs = {"GET": Checks, "POST": Checks}
    statuses = {"POST": 200}
    tags = TAGS
    errors = (409,)

    def get(self, request: Any, ref: str) -> HttpResponse:
        return JsonAnswer(_lines(incident_here(request, ref)))

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Say what was seen

        With the figures a snapshot of the dashboards is kept. What customers need not be told is
        said by whoever may publish.
        """
        values = self.read(request)
        row = incident_here(request, ref)
        checks.note_check(
            row, values["slug"], values["outcome"], actor=request.actor,
            remark=values.get("note", ""),
        )  # fmt: skip
        return JsonAnswer(_lines(row))


def _lines(row: Incident) -> dict[str, Any]:
    return {"items": [_line(each) for each in checks.standing(row)]}


def _line(each: checks.Line) -> dict[str, Any]:
    newest = each.newest
    return {
        "slug": each.kind.slug, "label": each.kind.label, "required": each.required,
        "ok": each.ok, "outcome": newest.outcome if newest else "",
        "note": newest.note if newest else "", "by": newest.by if newest else "",
        "at": newest.at if newest else None,
        "snapshot": newest.figures.get("snapshot") if newest else None,
    }  # fmt: skip


class SplitView(PortalAPIView):
    """One incident was two."""

    actions = {"POST": "incident.merge"}
    inputs = {"POST": IncidentSplit}
    outputs = {"POST": SplitOff}
    tags = TAGS
    errors = (409,)

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Open another one with some of its alerts"""
        row = incident_here(request, ref)
        made = split(row, actor=request.actor, **self.read(request))
        told = {
            "ref": made.ref, "title": made.title, "severity": made.severity,
            "split_from": row.ref, "alert_count": made.alert_count,
        }  # fmt: skip
        return created(told, f"/api/v1/incidents/{made.ref}")

"""What is done against an incident, over the API; and what may have caused it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest
from incidents.api.forms import TAGS
from incidents.models import Action
from incidents.response import acting, suspects
from incidents.response.api.common import incident_here

VIEW, DO = "incident.view", "incident.mitigate"


class ActionRow(StrictSerializer):
    uid = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Action.Kind.choices)
    target = serializers.CharField()
    given = serializers.JSONField()
    reason = serializers.CharField()
    status = serializers.ChoiceField(choices=Action.Status.choices)
    code = serializers.CharField(help_text="of the refusal")
    result = serializers.CharField()
    undoes = serializers.UUIDField(source="undoes.uid", allow_null=True)
    asked_by = serializers.CharField()
    asked_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class ActionNew(StrictSerializer):
    kind = serializers.ChoiceField(choices=Action.Kind.choices)
    target = serializers.CharField(
        max_length=200, required=False, allow_blank=True,
        help_text="a flag, an integration's slug, DEP-12, an item's key, an agent, all, type:… or"
        " toolkit:…, a path, postgres_pool/3 of a runbook's third step; of what was done elsewhere"
        " what it was",
    )  # fmt: skip
    reason = serializers.CharField(max_length=500)
    minutes = serializers.IntegerField(required=False, min_value=1)
    limit = serializers.IntegerField(required=False, min_value=0)
    period_s = serializers.IntegerField(required=False, min_value=1)
    shared = serializers.BooleanField(required=False)
    agent = serializers.CharField(max_length=80, required=False)
    prompt = serializers.CharField(max_length=2_000, required=False)
    command = serializers.CharField(max_length=1_000, required=False)
    values = serializers.DictField(
        child=serializers.CharField(max_length=200), required=False,
        help_text="what a runbook's step asks for, by name",
    )  # fmt: skip
    version = serializers.IntegerField(required=False, help_text="that was seen")


class ActionUndo(StrictSerializer):
    reason = serializers.CharField(max_length=500)


class SuspectRow(StrictSerializer):
    kind = serializers.CharField()
    ref = serializers.CharField()
    title = serializers.CharField()
    at = serializers.DateTimeField()
    link = serializers.CharField()
    score = serializers.IntegerField(help_text="the higher, the nearer in time and service")
    same_service = serializers.BooleanField()
    note = serializers.CharField()
    do = serializers.CharField(help_text="the kind of action that stops it; empty: none")
    target = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]


class Suspects(StrictSerializer):
    items = SuspectRow(many=True)


class ActionFilter(PortalFilterSet):
    kind = django_filters.ChoiceFilter(choices=Action.Kind.choices)
    status = django_filters.ChoiceFilter(choices=Action.Status.choices)


class ActionsView(ListView):
    """What was done against an incident, the newest first."""

    actions = {"GET": VIEW, "POST": DO}
    output = ActionRow
    inputs = {"POST": ActionNew}
    outputs = {"POST": ActionRow}
    calls_out = True  # a step of a runbook waits for the world
    filterset = ActionFilter
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = incident_here(request, self.kwargs["ref"]).actions.all()
        return found

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Do something against an incident

        Once: asked for again it answers what came of it. A target that is gone or refuses is a
        row, too: look at `status` and `code`.
        """
        values = self.read(request)
        named = {name: values.pop(name) for name in ("kind", "reason")}
        target, version = values.pop("target", ""), values.pop("version", None)
        done = acting.act(
            incident_here(request, ref), named["kind"], target, actor=request.actor,
            reason=named["reason"], given=values, version=version,
        )  # fmt: skip
        return created(self.show(done), f"{request.path}/{done.uid}")


class ActionUndoView(DetailView):
    """Take back what was done."""

    actions = {"POST": DO}
    output = ActionRow
    inputs = {"POST": ActionUndo}
    outputs = {"POST": ActionRow}
    statuses = {"POST": 200}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = Action.objects.visible_to(request.actor).of(request.workspace)
        return rows.filter(incident__ref=self.kwargs["ref"]).select_related("incident")

    def post(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        """It is an action of its own, once; what it could not take back it says"""
        row = self.object(request, {"uid": uid})
        done = acting.take_back(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(done))


class SuspectsView(PortalAPIView):
    """What changed shortly before an incident, near by."""

    actions = {"GET": VIEW}
    outputs = {"GET": Suspects}
    tags = TAGS

    def get(self, request: Any, ref: str) -> HttpResponse:
        """The likeliest first, each with the action that stops it"""
        found = suspects.of(incident_here(request, ref), request.actor)
        return JsonAnswer({"items": [asdict(each) for each in found]})

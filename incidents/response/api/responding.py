"""Response policies, over the API."""

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
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from controlplane.catalog.models import Service
from controlplane.lib.given import refuse
from incidents.api.forms import TAGS
from incidents.models import Incident, ResponsePolicy
from incidents.response import responding

VIEW, KEEP = "incident.view", responding.KEEP


class ResponsePolicyRow(StrictSerializer):
    uid = serializers.UUIDField()
    title = serializers.CharField()
    mode = serializers.ChoiceField(choices=ResponsePolicy.Mode.choices)
    severities = serializers.ListField(child=serializers.CharField())
    category = serializers.CharField()
    service = serializers.CharField(source="service.slug", allow_null=True)
    only_alerts = serializers.BooleanField()
    actions = serializers.JSONField(help_text='[{"kind", "target", "given"}]')
    version = serializers.IntegerField()


class ResponsePolicyPut(StrictSerializer):
    title = serializers.CharField(max_length=120)
    severities = serializers.ListField(
        child=serializers.CharField(max_length=8), required=False, help_text="none: every one"
    )
    category = serializers.ChoiceField(
        choices=Incident.Category.choices, required=False, allow_blank=True
    )
    service = serializers.CharField(max_length=50, required=False, help_text="its slug")
    only_alerts = serializers.BooleanField(required=False)
    actions = serializers.ListField(child=serializers.DictField(), required=False, max_length=20)
    version = serializers.IntegerField(required=False, help_text="that was seen")


class ResponseMode(StrictSerializer):
    mode = serializers.ChoiceField(choices=ResponsePolicy.Mode.choices)
    reason = serializers.CharField(max_length=500)
    version = serializers.IntegerField(required=False, help_text="that was seen")


class ResponseWould(StrictSerializer):
    kind = serializers.CharField()
    target = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    works = serializers.BooleanField()
    said = serializers.CharField()


class ResponsePreview(StrictSerializer):
    items = ResponseWould(many=True)


class ResponseFilter(PortalFilterSet):
    mode = django_filters.ChoiceFilter(choices=ResponsePolicy.Mode.choices)


def _rows(request: PortalRequest) -> QuerySet[Any]:
    rows: Any = ResponsePolicy.objects
    found: QuerySet[Any] = rows.visible_to(request.actor).of(request.workspace)
    return found.select_related("workspace", "service")


def _given(request: Any, values: dict[str, Any]) -> dict[str, Any]:
    if "service" in values:
        services: Any = Service.objects
        rows = services.of(request.workspace)
        values["service"] = rows.filter(slug=values["service"]).first()
        if values["service"] is None:
            raise refuse("service", "There is none of that name here.")
    return values


class ResponsePoliciesView(ListView):
    """What happens by itself when an incident opens."""

    actions = {"GET": VIEW, "POST": KEEP}
    output = ResponsePolicyRow
    inputs = {"POST": ResponsePolicyPut}
    outputs = {"POST": ResponsePolicyRow}
    filterset = ResponseFilter
    sorts = {"title": ("title", "id"), "newest": ("-id",)}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _rows(request)

    def post(self, request: Any) -> HttpResponse:
        """Make one; it is off"""
        values = _given(request, self.read(request))
        values.pop("version", None)
        made = responding.save(request.workspace, actor=request.actor, **values)
        return created(self.show(made), f"{request.path}/{made.uid}")


class OneResponsePolicy(DetailView):
    output = ResponsePolicyRow
    version = ("version",)
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _rows(request)


class ResponsePolicyView(OneResponsePolicy):
    """One response policy."""

    actions = {"GET": VIEW, "PUT": KEEP, "DELETE": KEEP}
    inputs = {"PUT": ResponsePolicyPut}
    outputs = {"GET": ResponsePolicyRow, "PUT": ResponsePolicyRow}
    statuses = {"DELETE": 204}

    def put(self, request: Any, uid: Any) -> HttpResponse:
        """Say it anew; one that acts only says so until it is switched on again"""
        row = self.object(request, {"uid": uid})
        values = _given(request, self.read(request))
        done = responding.save(row.workspace, actor=request.actor, row=row, **values)
        return JsonAnswer(self.show(done))

    def delete(self, request: Any, uid: Any) -> HttpResponse:
        """Remove it"""
        responding.remove(self.object(request, {"uid": uid}), actor=request.actor)
        return HttpResponse(status=204)


class ResponseModeView(OneResponsePolicy):
    """Let a policy act, only say what it would do, or switch it off."""

    actions = {"POST": KEEP}
    inputs = {"POST": ResponseMode}
    outputs = {"POST": ResponsePolicyRow}
    statuses = {"POST": 200}

    def post(self, request: Any, uid: Any) -> HttpResponse:
        values = self.read(request)
        row = self.object(request, {"uid": uid})
        done = responding.switch(row, values.pop("mode"), actor=request.actor, **values)
        return JsonAnswer(self.show(done))


class ResponsePreviewView(OneResponsePolicy):
    """What a policy would do as things stand now; nothing is done."""

    actions = {"GET": KEEP}
    outputs = {"GET": ResponsePreview}

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Each action, and whether its target is there"""
        found = responding.preview(self.object(request, kwargs), actor=request.actor)
        return JsonAnswer({"items": [asdict(each) for each in found]})

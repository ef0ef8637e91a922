"""Legal holds by API: which stand, placing one, lifting it."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalRequest, RowView
from controlplane.lib.errors import NotFound
from controlplane.privacy import services
from controlplane.privacy.api.people import person_of
from controlplane.privacy.models import LegalHold

TAGS = ["privacy"]
VIEW = "legal_hold.view"


class LegalHoldRow(StrictSerializer):
    uid = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=LegalHold.Kind.choices)
    slug = serializers.CharField(help_text="The kind of data, where it is on one.")
    ref = serializers.CharField(help_text="The record, where it is on one.")
    person = serializers.UUIDField(source="person.uid", default=None, allow_null=True)
    workspace = serializers.CharField(
        source="workspace.slug",
        default=None,
        allow_null=True,
        help_text="Empty: on data of the whole installation.",
    )
    reason = serializers.CharField()
    placed_by = serializers.CharField()
    placed_at = serializers.DateTimeField()
    lifted_at = serializers.DateTimeField(allow_null=True)
    lifted_by = serializers.CharField()
    lift_reason = serializers.CharField()


class LegalHoldNew(StrictSerializer):
    kind = serializers.ChoiceField(choices=LegalHold.Kind.choices)
    slug = serializers.CharField(max_length=80, default="", allow_blank=True)
    ref = serializers.CharField(max_length=16, default="", allow_blank=True)
    person = serializers.UUIDField(required=False)
    reason = serializers.CharField(max_length=500)


class LegalHoldLift(StrictSerializer):
    reason = serializers.CharField(max_length=500)


class LegalHoldFilter(PortalFilterSet):
    kind = django_filters.ChoiceFilter(choices=LegalHold.Kind.choices)
    stands = BooleanFilter(field_name="lifted_at", lookup_expr="isnull")


def _holds(request: PortalRequest) -> QuerySet[Any]:
    rows = LegalHold.objects.visible_to(request.actor).at(request.workspace)
    return rows.select_related("person", "workspace")


class LegalHoldsView(ListView):
    """What must not go, by whose order, newest first; `POST` places a hold."""

    actions = {"GET": VIEW, "POST": "legal_hold.place"}
    output = LegalHoldRow
    inputs = {"POST": LegalHoldNew}
    outputs = {"POST": LegalHoldRow}
    statuses = {"POST": 201}
    filterset = LegalHoldFilter
    tags = TAGS
    errors = (409,)
    examples = {
        "POST": {"kind": "class", "slug": "alerts.events", "reason": "Order of 3 May, matter 17."}
    }

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _holds(request)

    def post(self, request: Any) -> HttpResponse:
        """Place a legal hold"""
        given = self.read(request)
        person = given.pop("person", None)
        whom = person_of(request, person) if person is not None else None
        row = services.place_hold(request.workspace, actor=request.actor, person=whom, **given)
        return created(self.show(row), f"/api/v1/privacy/holds/{row.uid}")


class LegalHoldView(DetailView):
    """One legal hold."""

    actions = {"GET": VIEW}
    output = LegalHoldRow
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _holds(request)


class LegalHoldLiftView(RowView):
    """Lift a legal hold: what it kept goes by its time again."""

    actions = {"POST": "legal_hold.lift"}
    output = LegalHoldRow
    inputs = {"POST": LegalHoldLift}
    outputs = {"POST": LegalHoldRow}
    statuses = {"POST": 200}
    tags = TAGS
    errors = (409,)

    def post(self, request: Any, **kwargs: Any) -> HttpResponse:
        row = _holds(request).filter(uid=kwargs["uid"]).first()
        if row is None:
            raise NotFound("There is no such hold.")
        return JsonAnswer(
            self.show(services.lift_hold(row, actor=request.actor, **self.read(request)))
        )


urlpatterns = [
    path("v1/privacy/holds", LegalHoldsView.as_view()),
    path("v1/privacy/holds/<uuid:uid>", LegalHoldView.as_view()),
    path("v1/privacy/holds/<uuid:uid>/lift", LegalHoldLiftView.as_view()),
]

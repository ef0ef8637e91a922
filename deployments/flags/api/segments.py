"""Segments, and what holds for all flags of an environment."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer, created, nothing
from controlplane.base.api.serializers import RequiredReason, StrictSerializer
from controlplane.base.api.views import ListView, NowView, PortalRequest
from deployments.flags import services
from deployments.flags.api.common import CHANGE, TAGS, VIEW, ConstraintsField
from deployments.flags.models import FlagEnvironment, Segment


class SegmentRow(StrictSerializer):
    uid = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    constraints = ConstraintsField()
    changed_at = serializers.DateTimeField()
    changed_by = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField()


class UseRow(StrictSerializer):
    flag = serializers.CharField()
    environment = serializers.CharField()


class SegmentWhole(SegmentRow):
    used_by = UseRow(many=True, source="*")


class SegmentNew(StrictSerializer):
    slug = serializers.CharField(max_length=50)
    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    constraints = ConstraintsField()


class SegmentChange(StrictSerializer):
    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)
    constraints = ConstraintsField(required=False)
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)
    override = serializers.BooleanField(default=False)


class SegmentsView(ListView):
    """Conditions under one name, for rules of many flags."""

    actions = {"GET": VIEW, "POST": CHANGE}
    output = SegmentRow
    inputs = {"POST": SegmentNew}
    outputs = {"POST": SegmentRow}
    sorts = {"name": ("name", "id"), "newest": ("-id",)}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Segment.objects.visible_to(request.actor).of(request.workspace)

    def post(self, request: Any) -> HttpResponse:
        segment = services.create_segment(
            request.workspace, actor=request.actor, **self.read(request)
        )
        return created(self.show(segment), f"{request.path}/{segment.slug}")


class SegmentView(NowView):
    """One segment and the rules that use it. One that is used can't be removed."""

    actions = {"GET": VIEW, "PATCH": CHANGE, "DELETE": CHANGE}
    output = SegmentWhole
    inputs = {"PATCH": SegmentChange}
    outputs = {"PATCH": SegmentWhole}
    statuses = {"DELETE": 204}
    lookup = "slug"
    version = ()  # its uses are no column: the ETag is of the whole answer
    extra_columns = ("workspace_id",)
    tags = TAGS
    errors = (409, 422)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Segment.objects.visible_to(request.actor).of(request.workspace)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        segment = Segment(slug=row["slug"], workspace_id=row.pop("workspace_id"))
        row["used_by"] = [
            {"flag": use.flag, "environment": use.environment} for use in services.uses_of(segment)
        ]
        return row

    def patch(self, request: Any, slug: str) -> HttpResponse:
        segment = self.object(request, {"slug": slug})
        changed = services.change_segment(
            segment, actor=request.actor, version=segment.version, **self.read(request)
        )
        return JsonAnswer(self.show(changed))

    def delete(self, request: Any, slug: str) -> HttpResponse:
        segment = self.object(request, {"slug": slug})
        services.remove_segment(segment, actor=request.actor, version=segment.version)
        return nothing()


class PlaceRow(StrictSerializer):
    environment = serializers.CharField(source="environment.slug")
    revision = serializers.IntegerField(help_text="rises with each change an SDK could see")
    needs_approval = serializers.BooleanField()
    version = serializers.IntegerField()


class PlaceChange(RequiredReason):
    needs_approval = serializers.BooleanField()


class PlacesView(ListView):
    """The environments: how far they are, and whether changes there need consent."""

    actions = {"GET": VIEW}
    output = PlaceRow
    sorts = {"order": ("environment__order", "id")}
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return FlagEnvironment.objects.visible_to(request.actor).of(request.workspace)


class PlaceView(NowView):
    actions = {"GET": VIEW, "PATCH": "flag.govern"}
    output = PlaceRow
    inputs = {"PATCH": PlaceChange}
    outputs = {"PATCH": PlaceRow}
    lookup = "environment__slug"
    version = ("version", "revision")
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = FlagEnvironment.objects.visible_to(request.actor).of(request.workspace)
        return rows.select_related("environment")

    def patch(self, request: Any, environment__slug: str) -> HttpResponse:
        place = self.object(request, {"environment__slug": environment__slug})
        values = self.read(request)
        changed = services.set_needs_approval(
            place, values["needs_approval"], actor=request.actor, reason=values["reason"]
        )
        return JsonAnswer(self.show(changed))

"""The status page over the API: made and changed by who keeps it. What it says is public."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import ListView, NowView, PortalRequest
from incidents.api.forms import TAGS, text
from incidents.models import StatusPage
from incidents.status import services

VIEW = "incident.view"


class StatusPageRow(StrictSerializer):
    uid = serializers.UUIDField()
    slug = serializers.CharField()
    title = serializers.CharField()
    intro = serializers.CharField()
    time_zone = serializers.CharField()
    is_open = serializers.BooleanField(help_text="anybody may read it")
    is_first = serializers.BooleanField(help_text="stands under /status/ itself")
    version = serializers.IntegerField()


class StatusPageFields(StrictSerializer):
    slug = text(max_length=40)
    title = text(max_length=80)
    intro = text(max_length=500)
    time_zone = text(max_length=64)
    is_open = serializers.BooleanField(required=False)
    is_first = serializers.BooleanField(required=False)


class StatusPageFilter(PortalFilterSet):
    pass


def _here(request: PortalRequest) -> QuerySet[Any]:
    rows: Any = StatusPage.objects.visible_to(request.actor)
    return rows.of(request.workspace)  # type: ignore[no-any-return]


class StatusPagesView(ListView):
    """The status page of the workspace, where there is one."""

    actions = {"GET": VIEW, "POST": services.KEEP}
    output = StatusPageRow
    inputs = {"POST": StatusPageFields}
    outputs = {"POST": StatusPageRow}
    filterset = StatusPageFilter
    sorts = {"slug": ("slug", "id")}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _here(request)

    def post(self, request: Any) -> HttpResponse:
        """Make the status page of the workspace; nobody reads it before it is opened"""
        made = services.create_page(request.workspace, actor=request.actor, **self.read(request))
        return created(self.show(_here(request).get(pk=made.pk)), f"{request.path}/{made.slug}")


class StatusPageView(NowView):
    """One status page."""

    actions = {"GET": VIEW, "PATCH": services.KEEP}
    output = StatusPageRow
    inputs = {"PATCH": StatusPageFields}
    outputs = {"GET": StatusPageRow, "PATCH": StatusPageRow}
    lookup = "slug"
    version = ("version",)
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _here(request)

    def patch(self, request: Any, slug: str) -> HttpResponse:
        """Change what is given"""
        row = self.object(request, {"slug": slug})
        seen = self.seen(request, row, {"slug": slug})
        given = self.read(request, partial=True)
        done = services.change_page(row, actor=request.actor, version=seen, **given)
        return JsonAnswer(self.show(_here(request).get(pk=done.pk)))

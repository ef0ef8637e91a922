"""What these routes share: the mission of the path, and one of its parts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.views import ListView, PortalAPIView, PortalRequest
from controlplane.lib.errors import NotFound
from missions.api import forms as mission_forms
from missions.api.missions import mission_of
from missions.models import Mission

VIEW = "mission.view"
TAGS = mission_forms.TAGS


def one(rows: Any, **wanted: Any) -> Any:
    found = rows.filter(**wanted).first()
    if found is None:
        raise NotFound("Nothing is here, or it is not yours to see.")
    return found


class Part(PortalAPIView):
    """Something of one mission."""

    tags = TAGS
    errors: ClassVar[Collection[int]] = (409,)
    statuses = {"POST": 200}

    def mission(self, request: Any) -> Mission:
        return mission_of(request, self.kwargs["ref"])

    def answer(self, body: Any, status: int = 200) -> HttpResponse:
        return JsonAnswer(body, status=status)


class Parts(ListView):
    """Pages of what a mission has of one kind."""

    tags = TAGS
    errors = (409,)
    model: Any = None

    def mission(self, request: Any) -> Mission:
        return mission_of(request, self.kwargs["ref"])

    def rows(self, request: PortalRequest) -> Any:
        rows = self.model.objects.visible_to(request.actor).of(request.workspace)
        return rows.filter(mission=self.mission(request))

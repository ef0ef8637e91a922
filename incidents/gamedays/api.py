"""Game days over the API: begun, followed while they are played, ended and scored."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from incidents.gamedays import playing, script
from incidents.models import Drill
from incidents.paging.api.drills import DRILL, VIEW, DrillFilter
from incidents.paging.api.forms import TAGS, DrillReason, DrillRow


class GameDayNew(StrictSerializer):
    scene = serializers.ChoiceField(choices=[(each.slug, each.title) for each in
                                             script.SCENES.values()])  # fmt: skip
    severity = serializers.CharField(max_length=8, default="sev1", help_text="the code of a level")
    title = serializers.CharField(max_length=150, required=False, default="", allow_blank=True)
    reason = serializers.CharField(max_length=500)


class GameDayPhase(StrictSerializer):
    slug = serializers.CharField()
    stretch = serializers.CharField(help_text="the phase of the playbook that it belongs to")
    label = serializers.CharField()  # type: ignore[assignment]
    goal_s = serializers.IntegerField(help_text="seconds from the beginning")
    due_at = serializers.DateTimeField(allow_null=True)
    took_s = serializers.FloatField(allow_null=True, help_text="null: it was not done (yet)")
    late = serializers.BooleanField()
    worth = serializers.IntegerField()
    points = serializers.FloatField()


class GameDayWhole(DrillRow):
    scene = serializers.CharField()
    severity = serializers.CharField()
    phases = GameDayPhase(many=True)


def _days(request: PortalRequest) -> QuerySet[Any]:
    here: Any = request.workspace
    rows: QuerySet[Any] = Drill.objects.visible_to(request.actor).filter(
        workspace=here, kind=Drill.Kind.GAME_DAY
    )
    return rows.select_related("incident__workspace")


def _whole(request: PortalRequest, row: Drill) -> Any:
    found: Any = _days(request).get(pk=row.pk)
    found.scene, found.severity = found.asked["scene"], found.asked["severity"]
    found.phases = playing.said(found, found.incident)
    return GameDayWhole(found).data


class GameDaysView(ListView):
    """Incidents that were played from the first call to the review."""

    actions = {"GET": VIEW, "POST": DRILL}
    output = DrillRow
    inputs = {"POST": GameDayNew}
    outputs = {"POST": GameDayWhole}
    filterset = DrillFilter
    sorts = {"newest": ("-id",)}
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _days(request)

    def post(self, request: Any) -> HttpResponse:
        """Begin one: whoever is on duty is really called, and told that it is played"""
        row = playing.begin_game_day(request.workspace, actor=request.actor, **self.read(request))
        return created(_whole(request, row), f"{request.path}/{row.uid}")


class GameDayView(DetailView):
    """One game day: each phase, by when it was to be done, and when it was."""

    actions = {"GET": VIEW}
    output = GameDayWhole
    outputs = {"GET": GameDayWhole}
    lookup = "uid"
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _days(request)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        return JsonAnswer(_whole(request, self.object(request, kwargs)))


class GameDayEndView(GameDayView):
    """End a game day and score it."""

    actions = {"POST": DRILL}
    inputs = {"POST": DrillReason}
    outputs = {"POST": GameDayWhole}
    errors = (409,)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        """What still burns of it is put away, and what was done is scored"""
        row = self.object(request, {"uid": uid})
        done = playing.end_game_day(row, actor=request.actor, **self.read(request))
        return JsonAnswer(_whole(request, done))


class GameDayCancelView(GameDayEndView):
    """Break a game day off."""

    def post(self, request: Any, uid: Any) -> HttpResponse:
        """Nothing is scored"""
        row = self.object(request, {"uid": uid})
        done = playing.cancel_game_day(row, actor=request.actor, **self.read(request))
        return JsonAnswer(_whole(request, done))


ONE = "v1/game-days/<uuid:uid>"
urlpatterns = [
    path("v1/game-days", GameDaysView.as_view()),
    path(ONE, GameDayView.as_view()),
    path(f"{ONE}/end", GameDayEndView.as_view()),
    path(f"{ONE}/cancel", GameDayCancelView.as_view()),
]

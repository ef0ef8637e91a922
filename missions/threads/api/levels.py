"""The service levels of a workspace's threads, in the form of the report that the measurement of
the pilot writes: its names are those of that document, not of this API."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import NowView
from missions.threads.api.finding import number_of
from missions.threads.api.forms import TAGS
from missions.threads.levels import VIEW, levels, window


class ThreadLevelFloor(StrictSerializer):
    def get_fields(self) -> dict[str, Any]:
        names = ("postSuccessRate", "readSuccessRate", "postToVisibleP95Ms",
                 "messageToWakeTriggerP95Ms")  # fmt: skip
        return {name: serializers.FloatField() for name in names}


class ThreadLevelCalls(StrictSerializer):
    attempts = serializers.IntegerField()
    successes = serializers.IntegerField()
    failures = serializers.IntegerField(help_text="the portal's own, not what a sender did wrong")

    def get_fields(self) -> dict[str, Any]:
        took = ("p50LatencyMs", "p95LatencyMs")
        return {
            **super().get_fields(),
            "successRate": serializers.FloatField(),
            **{name: serializers.FloatField(allow_null=True) for name in took},
        }


class ThreadLevels(StrictSerializer):
    workspace = serializers.CharField()
    until = serializers.DateTimeField()
    iterations = serializers.IntegerField(help_text="posts")
    thresholds = ThreadLevelFloor()
    post = ThreadLevelCalls()
    read = ThreadLevelCalls()
    trigger = ThreadLevelCalls()
    missed = serializers.ListField(child=serializers.CharField())

    def get_fields(self) -> dict[str, Any]:
        times = ("postToVisibleP95Ms", "messageToWakeTriggerP95Ms")
        return {
            **super().get_fields(),
            "from": serializers.DateTimeField(),
            "measuredAt": serializers.DateTimeField(),
            **{name: serializers.FloatField(allow_null=True) for name in times},
        }


class ThreadLevelsView(NowView):
    """How the workspace's threads stand to what was promised."""

    tags = TAGS
    actions = {"GET": VIEW}
    outputs = {"GET": ThreadLevels}
    query = ("days",)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """The service levels of threads: posts, reads and wakes of so many days"""
        start, end = window(number_of(request._request, "days", 7) or 0)
        return JsonAnswer(levels(request.workspace, actor=request.actor, start=start, end=end))

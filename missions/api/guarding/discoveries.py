"""What agents found out about tools: asked for here before a tool router is."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import PortalAPIView
from missions.api.forms import text
from missions.api.guarding import examples
from missions.api.guarding.common import TAGS
from missions.services import discoveries

_HOURLY = "of the last hour; null: find out, and bring it"


def _question() -> serializers.CharField:
    return serializers.CharField(max_length=discoveries.QUESTION)


class DiscoveredTool(StrictSerializer):
    tool = serializers.CharField(max_length=120)
    toolkit = text(max_length=50)
    detail = text(max_length=discoveries.DETAIL)


class DiscoveryAsked(StrictSerializer):
    questions = serializers.ListField(
        child=_question(), min_length=1, max_length=discoveries.MOST.value
    )


class DiscoveryAnswer(StrictSerializer):
    question = _question()
    tools = DiscoveredTool(many=True, allow_null=True, help_text=_HOURLY)


class DiscoveryAnswers(StrictSerializer):
    answers = DiscoveryAnswer(many=True)
    seen = serializers.CharField(
        help_text="goes back with what is found out; empty: nothing is remembered now"
    )


class DiscoveryFound(StrictSerializer):
    question = _question()
    tools = DiscoveredTool(many=True, max_length=discoveries.TOOLS)  # type: ignore[call-arg]


class DiscoveryBrought(StrictSerializer):
    seen = serializers.CharField(
        max_length=20, allow_blank=True, help_text="as it was answered when it was asked"
    )
    found = DiscoveryFound(  # type: ignore[call-arg]
        many=True, min_length=1, max_length=discoveries.MOST.value
    )


class DiscoveryKept(StrictSerializer):
    kept = serializers.IntegerField(help_text="none, when something changed since")


class DiscoveriesView(PortalAPIView):
    """Tools that agents of the workspace found, for an hour."""

    tags = TAGS
    actions = {"POST": "mission.session", "PUT": "mission.session"}
    inputs = {"POST": DiscoveryAsked, "PUT": DiscoveryBrought}
    outputs = {"POST": DiscoveryAnswers, "PUT": DiscoveryKept}
    examples = {"POST": examples.DISCOVERIES, "PUT": examples.DISCOVERED}
    statuses = {"POST": 200}

    def post(self, request: Any) -> HttpResponse:
        """Ask what is known of several questions to a tool router

        Remembered for an hour, of this workspace alone; a toolkit, connection or flag that changes
        makes all of it unknown.
        """
        asked = discoveries.ask(request.workspace, actor=request.actor, **self.read(request))
        return JsonAnswer(
            {"answers": [each._asdict() for each in asked.answers], "seen": asked.seen}
        )

    def put(self, request: Any) -> HttpResponse:
        """Bring what was found out since it was asked"""
        kept = discoveries.bring(request.workspace, actor=request.actor, **self.read(request))
        return JsonAnswer({"kept": kept})

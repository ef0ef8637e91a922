"""The timeline of an incident, over the API."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.serializers import NoInput, StrictSerializer
from controlplane.base.api.views import PortalAPIView
from incidents.api import forms
from incidents.api.forms import TAGS
from incidents.response import saying, timeline
from incidents.response.api.common import incident_here

MOST = 1_000


class TimelineRow(StrictSerializer):
    kind = serializers.ChoiceField(choices=list(timeline.KINDS.items()))
    at = serializers.DateTimeField()
    who = serializers.CharField()
    what = serializers.CharField()
    why = serializers.CharField()
    link = serializers.CharField()
    pk = serializers.IntegerField(help_text="of what people said; 0 otherwise")
    by = serializers.CharField(help_text="an opaque ref and a name; empty: no one of the portal's")
    before = serializers.ListField(child=serializers.CharField(), help_text="as it was said first")


class TimelineWhole(StrictSerializer):
    items = TimelineRow(many=True)
    more = serializers.IntegerField(help_text="so many earlier ones are left out")


class TimelineSaid(StrictSerializer):
    text = forms.text(max_length=10_000)
    log = forms.text(max_length=200_000, help_text="as a command printed it")


class TimelineKept(StrictSerializer):
    pk = serializers.IntegerField()
    text = serializers.CharField()
    created_at = serializers.DateTimeField()


class TreeKept(StrictSerializer):
    uid = serializers.UUIDField()
    title = serializers.CharField()
    sha256 = serializers.CharField()
    size = serializers.IntegerField()


class TimelineView(PortalAPIView):
    """Everything that happened with an incident, in one order, the newest first."""

    actions = {"GET": "incident.view", "POST": "incident.comment"}
    inputs = {"POST": TimelineSaid}
    outputs = {"GET": TimelineWhole, "POST": TimelineKept}
    statuses = {"POST": 201}
    query = ("kind",)
    tags = TAGS
    errors = (409,)

    def get(self, request: Any, ref: str) -> HttpResponse:
        """`kind`: only these, with commas between them"""
        row = incident_here(request, ref)
        kinds = request._request.GET.get("kind", "").split(",")
        found = timeline.lines(row, request.actor, kinds=kinds)
        items = [asdict(each) for each in found[:MOST]]
        return JsonAnswer({"items": items, "more": max(0, len(found) - MOST)})

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Say something; secrets are taken out"""
        values = self.read(request)
        row = incident_here(request, ref)
        made = saying.say(
            row, values.get("text", ""), actor=request.actor, log=values.get("log", "")
        )
        told = {"pk": made.pk, "text": made.text, "created_at": made.created_at}
        return created(told, request.path)


class TimelineTreeView(PortalAPIView):
    """Keep the dependency tree of its work item as it stands now."""

    actions = {"POST": "incident.comment"}
    inputs = {"POST": NoInput}
    outputs = {"POST": TreeKept}
    statuses = {"POST": 201}
    tags = TAGS
    errors = (409,)

    def post(self, request: Any, ref: str) -> HttpResponse:
        self.read(request)
        kept = saying.keep_tree(incident_here(request, ref), actor=request.actor)
        told = {"uid": kept.uid, "title": kept.title, "sha256": kept.sha256, "size": kept.size}
        return created(told, request.path)

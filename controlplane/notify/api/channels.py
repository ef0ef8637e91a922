"""Channels, and the test that shows what a receiver really answers."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest
from controlplane.lib.errors import NotFound
from controlplane.notify import services
from controlplane.notify.channels.gateways import FORMS
from controlplane.notify.models import Channel, Urgency


class ChannelRow(StrictSerializer):
    uid = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.CharField()
    target = serializers.CharField()
    urgencies = serializers.ListField(child=serializers.CharField())
    options = serializers.DictField(child=serializers.CharField())
    is_active = serializers.BooleanField()
    failures_in_a_row = serializers.IntegerField()
    last_ok_at = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField()
    version = serializers.IntegerField()


class GatewayOptions(StrictSerializer):
    """What a gateway to telephones needs beside an address and a secret."""

    form = serializers.ChoiceField(choices=list(FORMS.items()), required=False)
    account = serializers.CharField(max_length=80, required=False, allow_blank=True)
    sender = serializers.CharField(max_length=80, required=False, allow_blank=True)


class ChannelChange(StrictSerializer):
    name = serializers.CharField(max_length=80, required=False)
    target = serializers.CharField(max_length=300, required=False, allow_blank=True)
    secret = serializers.CharField(max_length=2000, required=False, write_only=True)
    urgencies = serializers.ListField(
        child=serializers.ChoiceField(choices=Urgency.choices), required=False, max_length=3
    )
    options = GatewayOptions(required=False)


class ChannelNew(ChannelChange):
    name = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(choices=Channel.Kind.choices)


class ChannelsView(ListView):
    actions = {"GET": "notify.view", "POST": "notify.manage_channels"}
    output = ChannelRow
    inputs = {"POST": ChannelNew}
    outputs = {"POST": ChannelRow}
    statuses = {"POST": 201}
    tags = ["channels"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Channel.objects.visible_to(request.actor).filter(workspace=request.workspace)

    def post(self, request: Any) -> HttpResponse:
        channel = services.create_channel(
            request.workspace, actor=request.actor, **self.read(request)
        )
        return created(self.show(channel), f"/api/v1/channels/{channel.uid}")


class ChannelView(DetailView):
    actions = {"GET": "notify.view", "PATCH": "notify.manage_channels"}
    output = ChannelRow
    inputs = {"PATCH": ChannelChange}
    outputs = {"PATCH": ChannelRow}
    version: ClassVar[Any] = ("version",)
    if_match = {"PATCH": "optional"}
    tags = ["channels"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Channel.objects.visible_to(request.actor).filter(workspace=request.workspace)

    def patch(self, request: Any, uid: UUID) -> HttpResponse:
        channel = self.object(request, {"uid": uid})
        changed = services.change_channel(
            channel, actor=request.actor, version=channel.version, **self.read(request)
        )
        return JsonAnswer(self.show(changed))


class TestResult(StrictSerializer):
    result = serializers.ChoiceField(choices=["accepted", "retry", "rejected"])
    detail = serializers.CharField()
    status = serializers.IntegerField(allow_null=True)


class Nothing(StrictSerializer):
    """An empty body."""


class ChannelTestView(PortalAPIView):
    """Send a test message now, and answer with what the receiver said."""

    actions = {"POST": "notify.manage_channels"}
    inputs = {"POST": Nothing}
    outputs = {"POST": TestResult}
    calls_out = True
    tags = ["channels"]

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        self.read(request)
        rows = Channel.objects.visible_to(request.actor).filter(workspace=request.workspace)
        channel = rows.filter(uid=uid).first()
        if channel is None:
            raise NotFound("Nothing is here, or it is not yours to see.")
        outcome = services.test_channel(channel, actor=request.actor)
        return JsonAnswer(
            {"result": outcome.kind, "detail": outcome.detail, "status": outcome.status}
        )

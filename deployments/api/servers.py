"""Servers tell who was let in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import created
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.api.views import PortalAPIView
from deployments import servers


class ServerVisitNew(StrictSerializer):
    host = serializers.CharField(max_length=200, help_text="which server")
    account = serializers.CharField(max_length=80, help_text="their name on the server")
    email = serializers.EmailField(
        required=False, allow_blank=True, help_text="of whose account in the portal it is"
    )
    began_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(required=False, allow_null=True)
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)
    session = serializers.CharField(
        max_length=80, required=False, allow_blank=True, help_text="names it on the server"
    )


class ServerVisitTold(StrictSerializer):
    uid = serializers.UUIDField(help_text="of its row in the audit log")
    on_duty = serializers.BooleanField()
    known = serializers.BooleanField(help_text="whether the e-mail is of somebody here")


class ServerVisitsView(PortalAPIView):
    """Somebody was on a server

    Told by the server that let them in. It stands in the audit log under `server.report`; the
    security lead hears of whoever was not on call then.
    """

    actions = {"POST": servers.ACTION}
    inputs = {"POST": ServerVisitNew}
    outputs = {"POST": ServerVisitTold}
    statuses = {"POST": 201}
    tags = ["audit"]

    def post(self, request: Any) -> HttpResponse:
        said = self.read(request)
        visit = servers.note_visit(request.workspace, actor=request.actor, **said)
        return created(asdict(visit), f"/api/v1/audit/events/{visit.uid}")

"""What leaves: messages, dead letters, news and its deliveries."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.serializers import OptionalReason, StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from controlplane.lib.errors import NotFound
from controlplane.notify import services
from controlplane.notify.models import Notification, OutboxMessage


class MessageRow(StrictSerializer):
    uid = serializers.UUIDField()
    topic = serializers.CharField()
    key = serializers.CharField()
    subject = serializers.CharField()
    state = serializers.CharField()
    attempts = serializers.IntegerField()
    max_attempts = serializers.IntegerField()
    last_error = serializers.CharField()
    ready_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class MessageFilter(PortalFilterSet):
    state = django_filters.ChoiceFilter(
        choices=[(state, state) for state in ("waiting", "leased", "done", "dead")]
    )
    topic = django_filters.CharFilter(max_length=60)


class OutboxView(ListView):
    """Messages on their way out, done or dead. `?state=dead` is the dead letters."""

    actions = {"GET": "notify.view"}
    output = MessageRow
    filterset = MessageFilter
    tags = ["outbox"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return OutboxMessage.objects.visible_to(request.actor).filter(workspace=request.workspace)


class ReplayView(DetailView):
    """Send a dead letter again, under its old key."""

    actions = {"POST": "notify.replay"}
    output = MessageRow
    inputs = {"POST": OptionalReason}
    outputs = {"POST": MessageRow}
    tags = ["outbox"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return OutboxMessage.objects.visible_to(request.actor).filter(workspace=request.workspace)

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        message = self.object(request, {"uid": uid})
        reason = self.read(request).get("reason", "")
        return JsonAnswer(self.show(services.replay(message, actor=request.actor, reason=reason)))


class NotificationRow(StrictSerializer):
    uid = serializers.UUIDField()
    kind = serializers.CharField()
    urgency = serializers.CharField()
    subject = serializers.CharField()
    about = serializers.CharField()
    note = serializers.CharField()
    created_at = serializers.DateTimeField()


class NotificationsView(ListView):
    """News of the workspace; who got it stands in its deliveries."""

    actions = {"GET": "notify.view"}
    output = NotificationRow
    tags = ["outbox"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Notification.objects.visible_to(request.actor).filter(workspace=request.workspace)


class DeliveryRow(StrictSerializer):
    uid = serializers.UUIDField()
    method = serializers.CharField()
    person = serializers.CharField(source="user.email", allow_null=True)
    channel = serializers.CharField(source="channel.name", allow_null=True)
    state = serializers.CharField()
    why = serializers.CharField()
    settled_at = serializers.DateTimeField(allow_null=True)


class DeliveriesView(ListView):
    """Every target of one notification, with its own result."""

    actions = {"GET": "notify.view"}
    output = DeliveryRow
    tags = ["outbox"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        news = Notification.objects.visible_to(request.actor).filter(
            workspace=request.workspace, uid=self.kwargs["uid"]
        )
        found: Notification | None = news.first()
        if found is None:
            raise NotFound("Nothing is here, or it is not yours to see.")
        return found.deliveries.all()

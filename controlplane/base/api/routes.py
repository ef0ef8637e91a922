"""Base's own routes: temporary rate limits."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.access.models import Agent, User
from controlplane.base.api import services
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import (
    OptionalReason,
    StrictModelSerializer,
    StrictSerializer,
)
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from controlplane.base.models import ThrottleRule
from controlplane.lib.errors import Invalid


class ThrottleInput(StrictSerializer):
    """Whom to limit, where, to how much, for how long."""

    agent = serializers.UUIDField(required=False, help_text="uid; else everybody.")
    person = serializers.UUIDField(required=False, help_text="uid; else everybody.")
    path = serializers.CharField(
        required=False, max_length=200, default="", allow_blank=True, help_text="`/api/v1/x*`"
    )
    shared = serializers.BooleanField(default=False, help_text="Count everybody together.")
    limit = serializers.IntegerField(min_value=0, max_value=1_000_000, help_text="0 stops them.")
    period_s = serializers.IntegerField(min_value=1, max_value=3_600, default=60)
    minutes = serializers.IntegerField(min_value=1, max_value=7 * 24 * 60)
    reason = serializers.CharField(max_length=300)


class Throttle(StrictModelSerializer):
    """A temporary rate limit."""

    actor = serializers.CharField(source="actor_label", help_text="Empty: everybody.")

    class Meta:
        model = ThrottleRule
        fields = [
            "uid",
            "actor",
            "path",
            "shared",
            "limit",
            "period_s",
            "reason",
            "created_at",
            "created_by",
            "expires_at",
            "lifted_at",
            "lifted_by",
        ]


class ThrottleFilter(PortalFilterSet):
    active = BooleanFilter(method="by_active", help_text="In force now.")

    class Meta:
        model = ThrottleRule
        fields: list[str] = []

    def by_active(
        self, rows: QuerySet[ThrottleRule], name: str, value: bool
    ) -> QuerySet[ThrottleRule]:
        in_force = ThrottleRule.objects.in_force().values("pk")
        return rows.filter(pk__in=in_force) if value else rows.exclude(pk__in=in_force)


class ThrottleList(ListView):
    """Temporary rate limits of the workspace."""

    actions = {"GET": "throttle.view", "POST": "throttle.manage"}
    inputs = {"POST": ThrottleInput}
    outputs = {"POST": Throttle}
    output = Throttle
    filterset = ThrottleFilter

    def rows(self, request: PortalRequest) -> QuerySet[ThrottleRule]:
        return ThrottleRule.objects.visible_to(request.actor).filter(workspace=request.workspace)

    def post(self, request: Any) -> HttpResponse:
        """Set a temporary rate limit"""
        values = self.read(request)
        agent, person = values.pop("agent", None), values.pop("person", None)
        whom = _whom(request, agent, person)
        rule = services.set_throttle(request.workspace, actor=request.actor, whom=whom, **values)
        return created(self.show(rule), f"{request.path}/{rule.uid}")


class ThrottleDetail(DetailView):
    """One temporary rate limit."""

    actions = {"GET": "throttle.view"}
    output = Throttle
    version = ("lifted_at",)

    def rows(self, request: PortalRequest) -> QuerySet[ThrottleRule]:
        return ThrottleRule.objects.visible_to(request.actor).filter(workspace=request.workspace)


class ThrottleLift(ThrottleDetail):
    """End a temporary rate limit before its time."""

    actions = {"POST": "throttle.manage"}
    inputs = {"POST": OptionalReason}
    outputs = {"POST": Throttle}
    if_match = {"POST": "optional"}

    def post(self, request: Any, **kwargs: Any) -> HttpResponse:
        rule = self.object(request, kwargs)
        values = self.read(request)
        return JsonAnswer(self.show(services.lift_throttle(rule, actor=request.actor, **values)))


def _whom(request: PortalRequest, agent: Any, person: Any) -> Agent | User | None:
    """The one caller meant. Somebody of another workspace is as unknown as nobody."""
    if agent and person:
        raise Invalid("Name an agent or a person.", details={"person": "Not beside an agent."})
    found: Agent | User | None = None
    if agent:
        found = Agent.objects.filter(uid=agent, workspace=request.workspace).first()
    elif person:
        members = User.objects.filter(
            memberships__workspace=request.workspace, memberships__left_at=None
        )
        found = members.filter(uid=person).first()
    else:
        return None
    if found is None:
        name = "agent" if agent else "person"
        raise Invalid("Nobody of this workspace.", details={name: "Nobody of this workspace."})
    return found

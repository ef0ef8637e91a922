"""A small resource for tests of the API base, over the agents of a workspace.

Used with `@pytest.mark.urls("tests.kit.sample_api")`.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django_filters.filters import CharFilter, ChoiceFilter, IsoDateTimeFilter, UUIDFilter
from rest_framework import serializers

from controlplane import urls as real
from controlplane.access.models import Agent
from controlplane.access.services.agents import create_agent
from controlplane.base.api import bodies
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.deprecation import deprecated
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.plain import plain_view
from controlplane.base.api.serializers import StrictModelSerializer, StrictSerializer
from controlplane.base.api.views import (
    ANYONE,
    SIGNED_IN,
    DetailView,
    ListView,
    PortalAPIView,
    PortalRequest,
)

calls: list[str] = []
raises: list[Exception] = []


class AgentInput(StrictSerializer):
    name = serializers.CharField(max_length=80)
    role = serializers.CharField(max_length=40, default="executor")
    uid = serializers.UUIDField(read_only=True)


class AgentOut(StrictModelSerializer):
    owner = serializers.CharField(source="owner.email", allow_null=True)
    shouted = serializers.SerializerMethodField()

    class Meta:
        model = Agent
        fields = ["uid", "name", "kind", "role", "created_at", "owner", "shouted"]

    def get_shouted(self, agent: Agent) -> str:
        return agent.name.upper()


class AgentFilter(PortalFilterSet):
    name = CharFilter()
    kind = ChoiceFilter(choices=Agent.Kind.choices)
    uid = UUIDFilter()
    since = IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    active = BooleanFilter(field_name="is_active")

    class Meta:
        model = Agent
        fields: list[str] = []


class Agents(ListView):
    """Agents of the workspace."""

    actions = {"GET": "agent.view", "POST": "agent.manage"}
    inputs = {"POST": AgentInput}
    outputs = {"POST": AgentOut}
    output = AgentOut
    filterset = AgentFilter
    sorts = {"newest": ("-created_at", "-id"), "name": ("name", "id")}

    def rows(self, request: PortalRequest) -> QuerySet[Agent]:
        return Agent.objects.visible_to(request.actor).filter(workspace=request.workspace)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "owner": row.get("owner"), "shouted": row["name"].upper()}

    def post(self, request: Any) -> HttpResponse:
        values = self.read(request)
        agent = create_agent(request.workspace, actor=request.actor, **values)
        calls.append(agent.name)
        transaction.on_commit(lambda: None)
        return created({"uid": agent.uid, "secret": "shown once", "name": agent.name}, "/there")


class AgentsSecret(Agents):
    secret_fields = ("secret",)
    list_etag = True


class AgentDetail(DetailView):
    """One agent."""

    actions = {"GET": "agent.view", "PATCH": "agent.view"}
    inputs = {"PATCH": AgentInput}
    output = AgentOut
    version = ("name", "token_epoch")
    if_match = {"PATCH": "required"}
    rows = Agents.rows
    shape = Agents.shape

    def patch(self, request: Any, **kwargs: Any) -> HttpResponse:
        return JsonAnswer({"name": self.object(request, kwargs).name})


class Line(StrictSerializer):
    amount = serializers.IntegerField()


class EchoInput(StrictSerializer):
    text = serializers.CharField(max_length=100, required=False)
    number = serializers.IntegerField(required=False)
    price = serializers.DecimalField(max_digits=8, decimal_places=2, required=False)
    flag = serializers.BooleanField(required=False)
    choice = serializers.ChoiceField(choices=["a", "b"], required=False)
    uid = serializers.UUIDField(required=False)
    at = serializers.DateTimeField(required=False)
    words = serializers.ListField(child=serializers.CharField(max_length=10), required=False)
    lines = Line(many=True, required=False)
    free = serializers.JSONField(required=False)
    map = serializers.DictField(required=False)


class Echo(PortalAPIView):
    """Reads a body and says how many fields it had."""

    actions = {"POST": SIGNED_IN, "PUT": "agent.manage", "DELETE": "agent.manage"}
    inputs = {"POST": EchoInput, "PUT": EchoInput}
    in_workspace = False
    max_body = 20_000

    def post(self, request: Any) -> HttpResponse:
        return JsonAnswer({"fields": len(self.read(request))})

    def put(self, request: Any) -> HttpResponse:
        return self.post(request)

    def delete(self, request: Any) -> HttpResponse:
        return JsonAnswer(status=204)


class Boom(PortalAPIView):
    """Raises what the test put in."""

    actions = {"GET": ANYONE, "POST": SIGNED_IN}
    inputs = {"POST": EchoInput}
    in_workspace = False

    def get(self, request: Any) -> HttpResponse:
        raise raises.pop()

    def post(self, request: Any) -> HttpResponse:
        calls.append("boom")
        return JsonAnswer({"sorry": True}, 502)


class Outside(PortalAPIView):
    """Asks somebody else: says whether a transaction was open meanwhile."""

    actions = {"POST": "agent.manage"}
    inputs = {"POST": EchoInput}
    calls_out = True

    def post(self, request: Any) -> HttpResponse:
        self.read(request)
        calls.append("open" if connection.in_atomic_block else "free")
        if raises:
            raise raises.pop()
        return JsonAnswer({"asked": len(calls)}, 502 if request.data.get("flag") else 200)


@deprecated(since=date(2026, 1, 1), sunset=date(2027, 1, 1), link="https://example.org/v2")
class Old(PortalAPIView):
    """Going away."""

    actions = {"GET": ANYONE}
    in_workspace = False

    def get(self, request: Any) -> HttpResponse:
        return JsonAnswer({})


@plain_view(
    actions={"POST": "agent.manage", "GET": "agent.view"},
    inputs={"POST": EchoInput},
    idempotent=True,
    query=("name",),
)
def plain_echo(request: HttpRequest) -> Any:
    """Answers without DRF."""
    if request.method == "GET":
        return {"workspace": request.workspace.slug}  # type: ignore[attr-defined]
    calls.append("plain")
    return 201, {"got": bodies.read_json(request, 10_000)}


api = [
    path("v1/agents", Agents.as_view()),
    path("v1/agents-secret", AgentsSecret.as_view()),
    path("v1/agents/<uuid:uid>", AgentDetail.as_view()),
    path("v1/echo", Echo.as_view()),
    path("v1/boom", Boom.as_view()),
    path("v1/outside", Outside.as_view()),
    path("v1/old", Old.as_view()),
    path("v1/plain", plain_echo),
]
urlpatterns = [path("api/", include(api)), *real.urlpatterns]
handler400, handler403 = real.handler400, real.handler403
handler404, handler500 = real.handler404, real.handler500

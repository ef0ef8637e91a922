"""Agents and service accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.access.api import forms
from controlplane.access.models import Agent, User
from controlplane.access.services import agents as services
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.views import DetailView, ListView, PortalRequest, RowView
from controlplane.lib.errors import Invalid

# In these bodies `role` is the agent's that is made or changed, not the sender's.
SENDER = ("agent_id", "workspace_id", "session_id")


class AgentFilter(PortalFilterSet):
    active = BooleanFilter(field_name="is_active")
    kind = django_filters.ChoiceFilter(choices=Agent.Kind.choices)
    role = django_filters.ChoiceFilter(choices=[(role, role) for role in forms.AGENT_ROLES])

    class Meta:
        model = Agent
        fields: list[str] = []


class AgentRows(RowView):
    output = forms.AgentOut
    tags = ("access",)

    def rows(self, request: PortalRequest) -> QuerySet[Agent]:
        mine = Agent.objects.visible_to(request.actor).filter(workspace=request.workspace)
        return mine.select_related("owner", "workspace")


class AgentList(AgentRows, ListView):
    """Agents and service accounts of the workspace."""

    actions = {"GET": "agent.view", "POST": "agent.manage"}
    inputs = {"POST": forms.AgentInput}
    outputs = {"POST": forms.AgentOut}
    filterset = AgentFilter
    sender_fields = SENDER
    sorts = {"newest": ("-id",), "name": ("name", "id")}

    def post(self, request: Any) -> HttpResponse:
        """Make an agent or a service account"""
        values = self.read(request)
        owner = _member(request, values.pop("owner", None))
        agent = services.create_agent(request.workspace, actor=request.actor, owner=owner, **values)
        return created(self.show(agent), f"{request.path}/{agent.uid}")


class AgentDetail(AgentRows, DetailView):
    """One agent or service account."""

    actions = {"GET": "agent.view", "PATCH": "agent.manage"}
    inputs = {"PATCH": forms.AgentChange}
    outputs = {"PATCH": forms.AgentOut}
    if_match = {"PATCH": "optional"}
    sender_fields = SENDER
    version = ("name", "role", "description", "owner_id", "is_active", "token_epoch")

    def patch(self, request: Any, **kwargs: Any) -> HttpResponse:
        """Change an agent; another role ends its tokens"""
        agent = self.object(request, kwargs)
        values = self.read(request)
        if "owner" in values:
            values["owner"] = _member(request, values["owner"])
        return JsonAnswer(self.show(services.change_agent(agent, actor=request.actor, **values)))


class _AgentVerb(AgentRows, DetailView):
    actions = {"POST": "agent.manage"}
    inputs = {"POST": forms.ReasonInput}
    outputs = {"POST": forms.AgentOut}
    service: ClassVar[Callable[..., Agent]]

    def post(self, request: Any, **kwargs: Any) -> HttpResponse:
        agent = self.object(request, kwargs)
        values = self.read(request)
        done = type(self).service(agent, actor=request.actor, **values)
        return JsonAnswer(self.show(done))


class AgentDeactivate(_AgentVerb):
    """End every key and token of an agent, until it is reactivated."""

    service = services.deactivate_agent


class AgentReactivate(_AgentVerb):
    """Let a deactivated agent's keys work again."""

    service = services.reactivate_agent


class AgentEndTokens(_AgentVerb):
    """End every token issued to an agent. Its keys go on."""

    service = services.end_tokens


def _member(request: PortalRequest, uid: UUID | None) -> User | None:
    """Somebody of another workspace is as unknown as nobody."""
    if uid is None:
        return None
    here = User.objects.filter(memberships__workspace=request.workspace, memberships__left_at=None)
    found = here.filter(uid=uid).first()
    if found is None:
        raise Invalid("No such member.", details={"owner": "Not a member of this workspace."})
    return found

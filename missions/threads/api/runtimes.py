"""Runtimes of agents: registered, alive, signed off."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest
from controlplane.lib.given import refuse
from missions.threads import drafts, services
from missions.threads.api import examples, forms
from missions.threads.models import RuntimeSession


class RuntimeFilter(PortalFilterSet):
    agent = django_filters.UUIDFilter(field_name="agent__uid")
    status = django_filters.ChoiceFilter(choices=RuntimeSession.Status.choices)
    adapter = django_filters.ChoiceFilter(choices=RuntimeSession.Adapter.choices)
    stale = BooleanFilter(method="whether_stale")

    def whether_stale(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        old = RuntimeSession.objects.stale().values("pk")
        return rows.filter(pk__in=old) if value else rows.exclude(pk__in=old)


class SessionsView(ListView):
    """Runtime sessions of the workspace's agents: of agents their own."""

    actions = {"GET": "thread.view", "POST": "thread.runtime"}
    inputs = {"POST": forms.RuntimeNew}
    outputs = {"POST": forms.RuntimeRow}
    output = forms.RuntimeRow
    filterset = RuntimeFilter
    tags = forms.TAGS
    sorts = {"newest": ("-id",), "beat": ("-beat_at", "-id")}
    # The agent is whose runtime it is: an operator registers those of others.
    sender_fields = ("workspace_id", "role")
    secret_fields = ("secret",)
    examples = {"POST": examples.RUNTIME}

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = RuntimeSession.objects.visible_to(request.actor)
        return rows.filter(workspace=request.workspace).select_related("agent")

    def post(self, request: Any) -> HttpResponse:
        """Say how an agent's session is reached; registered again, it is changed"""
        values = self.read(request)
        drafts.require_version(values)
        values.pop("schema_version", None)
        agent_id = values.pop("agent_id", None)
        if agent_id is None and request.actor.kind != "agent":
            raise refuse("agent_id", "Missing.")
        agent = (
            services.agent_of(request.actor) if agent_id is None
            else forms.agent_of(request.workspace, agent_id)
        )  # fmt: skip
        values["management"] = values.pop("management_mode")
        name = values.pop("session_id")
        row = services.register_runtime(agent, name, actor=request.actor, **values)
        return created(self.show(row), f"{request.path}/{row.uid}")


class SessionView(DetailView):
    """One runtime session."""

    actions = {"GET": "thread.view", "DELETE": "thread.runtime"}
    output = forms.RuntimeRow
    outputs = {"GET": forms.RuntimeRow, "DELETE": forms.RuntimeRow}
    version = ("version", "beat_at", "status")
    tags = forms.TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = RuntimeSession.objects.visible_to(request.actor)
        return rows.filter(workspace=request.workspace).select_related("agent", "workspace")

    def delete(self, request: Any, **kwargs: Any) -> HttpResponse:
        """Sign a session off: it is gone and can't be resumed"""
        row = self.object(request, kwargs)
        return JsonAnswer(self.show(services.deregister_runtime(row, actor=request.actor)))


class HeartbeatView(PortalAPIView):
    """A sign of life of an agent's own session."""

    actions = {"POST": "thread.beat"}
    inputs = {"POST": forms.SessionBeat}
    outputs = {"POST": forms.SessionBeaten}
    tags = forms.TAGS
    examples = {"POST": examples.BEAT}

    def post(self, request: Any) -> HttpResponse:
        """Say that a session is alive; the first beat registers it"""
        values = self.read(request)
        drafts.require_version(values)
        row = services.heartbeat(
            values["session_id"],
            actor=request.actor,
            runtime=values["runtime"],
            status=values["status"],
            resumable=values["resumable"],
            management=values["management_mode"],
            operator_busy_s=values.get("operator_busy_s"),
        )
        return JsonAnswer({"ok": True, "runtime_id": row.uid, "recorded_at": row.beat_at})

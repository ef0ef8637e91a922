"""Wakes of those who take part in a thread: asked for, listed, heard."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.serializers import NoInput
from controlplane.base.api.views import ListView, PortalRequest
from controlplane.lib.errors import NotFound
from missions.threads import drafts
from missions.threads.api import examples, forms
from missions.threads.api.finding import NOT_HERE
from missions.threads.api.threads import SENDER, VIEW, OneThread
from missions.threads.models import WakeTrigger
from missions.threads.waking.asking import acknowledge_wake, ask_wake


class ThreadTriggersView(ListView):
    """Wakes of those who take part in a thread."""

    actions = {"GET": VIEW, "POST": "thread.wake"}
    inputs = {"POST": forms.WakeAsk}
    outputs = {"POST": forms.WakeRow}
    output = forms.WakeRow
    tags = forms.TAGS
    sender_fields = SENDER
    examples = {"POST": examples.WAKE}

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        row = _One().thread(request, self.kwargs["thread"])
        wakes: QuerySet[Any] = WakeTrigger.objects.visible_to(request.actor).filter(thread=row)
        return wakes.select_related("agent", "session")

    def post(self, request: Any, thread: str) -> HttpResponse:
        """Wake somebody who takes part

        Asked again while a wake of it is open, that one is answered. `force` also wakes while a
        person types there: operators only.
        """
        values = self.read(request)
        drafts.require_version(values)
        row = _One().thread(request, thread)
        agent = forms.agent_of(request.workspace, values["target_agent_id"], "target_agent_id")
        done = ask_wake(
            row,
            agent,
            actor=request.actor,
            reason=values["reason"],
            prompt=values.get("trigger_prompt", ""),
            force=values["force"],
            request_key=values.get("request_key"),
        )
        return created(self.show(done))


class ThreadTriggerAckView(OneThread):
    """A wake that an agent says it heard."""

    actions = {"POST": "thread.beat"}
    inputs = {"POST": NoInput}
    outputs = {"POST": forms.WakeRow}
    output = forms.WakeRow

    def post(self, request: Any, thread: str, wake: UUID) -> HttpResponse:
        """Say that one is awake: whom the wake was for"""
        self.read(request)
        row = self.thread(request, thread)
        if not WakeTrigger.objects.filter(thread=row, uid=wake).exists():
            raise NotFound(NOT_HERE)
        return JsonAnswer(self.show(acknowledge_wake(wake, actor=request.actor)))


class _One(OneThread):
    """Finds the thread for a list that hangs on it."""

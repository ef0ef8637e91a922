"""Who takes part in a thread."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer, created
from missions.threads import services
from missions.threads.api import examples, forms
from missions.threads.api.threads import VIEW, OneThread, participant, participants
from missions.threads.services import pausing


class ThreadParticipantsView(OneThread):
    """Who takes part in a thread, and who has left it."""

    actions = {"GET": VIEW, "POST": "thread.people"}
    inputs = {"POST": forms.ThreadParticipantNew}
    outputs = {"GET": forms.ThreadParticipants, "POST": forms.ThreadParticipantRow}
    statuses = {"POST": 201}
    examples = {"GET": examples.PARTICIPANTS, "POST": examples.PARTICIPANT}

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Who takes part in a thread, and how far each has read"""
        return JsonAnswer({"participants": participants(self.thread(request, kwargs["thread"]))})

    def post(self, request: Any, thread: str) -> HttpResponse:
        """Let an agent take part; one that comes back goes on where it stopped"""
        row = self.thread(request, thread)
        values = self.read(request)
        agent = forms.agent_of(request.workspace, values["agent_id"])
        done = services.add_participant(
            row, agent, actor=request.actor, role=values.get("role", "")
        )
        return created(participant(done), f"{request.path}/{agent.uid}")


class ThreadParticipantView(OneThread):
    """One who takes part in a thread."""

    actions = {"PATCH": "thread.pause", "DELETE": "thread.people"}
    inputs = {"PATCH": forms.ThreadParticipantChange}
    outputs = {"PATCH": forms.ThreadParticipantRow, "DELETE": forms.ThreadParticipantRow}
    errors = (409,)

    def patch(self, request: Any, thread: str, agent: UUID) -> HttpResponse:
        """Say whether an agent is woken for what is said in this thread"""
        row = self.thread(request, thread)
        values = self.read(request)
        who = forms.agent_of(request.workspace, agent)
        done = pausing.mute_participant(
            row, who, actor=request.actor, muted=not values["wakes"], reason=values["reason"]
        )
        return JsonAnswer(participant(done))

    def delete(self, request: Any, thread: str, agent: UUID) -> HttpResponse:
        """Let an agent take part no longer; what it said stays"""
        row = self.thread(request, thread)
        who = forms.agent_of(request.workspace, agent)
        return JsonAnswer(participant(services.remove_participant(row, who, actor=request.actor)))

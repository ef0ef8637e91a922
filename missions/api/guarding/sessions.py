"""Sessions of agents in one mission."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from controlplane.base.api.errors import error_answer
from controlplane.base.api.rows import row_of
from controlplane.base.api.serializers import NoInput
from controlplane.lib.errors import Conflict
from missions import services
from missions.api.guarding import examples, forms
from missions.api.guarding.common import VIEW, Part, Parts, one
from missions.models import AgentSession


class SessionsView(Parts):
    """Sessions of agents in a mission, one each, those that beat last first."""

    actions = {"GET": VIEW}
    model = AgentSession
    output = forms.SessionRow
    sorts = {"newest": ("-beat_at", "-id")}


class SessionView(Part):
    """What an agent remembers of a mission."""

    actions = {"GET": VIEW, "PUT": "mission.session"}
    inputs = {"PUT": forms.SessionPut}
    outputs = {"GET": forms.SessionWhole, "PUT": forms.SessionWhole}
    examples = {"PUT": examples.SESSION}

    def get(self, request: Any, ref: str, agent: str) -> HttpResponse:
        """The session of one agent, with its snapshot"""
        row = one(self.mission(request).sessions.all(), agent=agent)
        return self.answer(row_of(forms.SessionWhole).from_object(row))

    def put(self, request: Any, ref: str, agent: str) -> HttpResponse:
        """Open it, write in it, or let its heart beat

        With a snapshot it names the `version` it goes on from. Somebody else wrote since: 409 with
        the version that is there, nothing of this is kept, and the conflict is counted.
        """
        done = services.write_session(
            self.mission(request), agent, actor=request.actor, **self.read(request)
        )
        if done.conflict:
            # Answered, not raised: that it happened stays.
            return error_answer(
                Conflict(
                    "Somebody wrote in this session since. Read it again.",
                    details={"version": done.session.version},
                ),
                request._request,
            )
        return self.answer(row_of(forms.SessionWhole).from_object(done.session))


class EndSessionView(Part):
    """A session at its end."""

    actions = {"POST": "mission.session"}
    inputs = {"POST": NoInput}
    outputs = {"POST": forms.SessionWhole}

    def post(self, request: Any, ref: str, agent: str) -> HttpResponse:
        """End it"""
        self.read(request)
        row = one(self.mission(request).sessions.select_related("mission"), agent=agent)
        done = services.end_session(row, actor=request.actor)
        return self.answer(row_of(forms.SessionWhole).from_object(done))

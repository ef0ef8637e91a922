"""The brief, the checklist and the checkpoint of one mission."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.serializers import NoInput, OptionalReason
from missions import services
from missions.api import examples, forms, shapes
from missions.api.missions import VIEW, OneMission, mission_of
from missions.services.checkpoints import request_of
from missions.services.holding import brief_of


class BriefView(OneMission):
    """What a mission is to achieve, and how one will know."""

    actions = {"GET": VIEW, "PUT": "mission.brief"}
    inputs = {"PUT": forms.BriefPut}
    outputs = {"GET": forms.BriefRow, "PUT": forms.BriefRow}
    examples = {"PUT": examples.BRIEF}
    errors = (409,)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """The brief of a mission"""
        return JsonAnswer(shapes.brief(brief_of(mission_of(request, kwargs["ref"]))))

    def put(self, request: Any, ref: str) -> HttpResponse:
        """Write in the brief; what is left out stays

        With the `version` that was read, it is refused if somebody wrote in it since.
        """
        row = mission_of(request, ref)
        done = services.put_brief(row, actor=request.actor, **self.read(request))
        return JsonAnswer(shapes.brief(done))


class CheckpointView(OneMission):
    """The checkpoint at the end of the stage a mission is in. It is signed under approvals."""

    actions = {"GET": VIEW, "POST": "mission.ask"}
    inputs = {"POST": NoInput}
    outputs = {"GET": forms.Checkpoint, "POST": forms.Checkpoint}
    statuses = {"POST": 200}
    if_match = {"POST": "optional"}
    errors = (409, 422)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """What is asked of whom, and who has signed"""
        return JsonAnswer(shapes.checkpoint(request_of(mission_of(request, kwargs["ref"]))))

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Ask the people of the checkpoint

        Everything else its stage asks must hold; 422 names what does not, and who can mend it.
        Asked again while nothing changed, it answers the same question.
        """
        self.read(request)
        row = self.object(request, {"ref": ref})
        asked = services.ask_checkpoint(row, actor=request.actor)
        return JsonAnswer(shapes.checkpoint(asked))


class WithdrawView(OneMission):
    """Take back what is asked at the checkpoint."""

    actions = {"POST": "mission.ask"}
    inputs = {"POST": OptionalReason}
    outputs = {"POST": forms.Checkpoint}
    statuses = {"POST": 200}
    if_match = {"POST": "optional"}
    errors = (409,)

    def post(self, request: Any, ref: str) -> HttpResponse:
        row = self.object(request, {"ref": ref})
        done = services.withdraw_checkpoint(row, actor=request.actor, **self.read(request))
        return JsonAnswer(shapes.checkpoint(done))


class TickView(OneMission):
    """A line of the checklist of the stage a mission is in."""

    actions = {"POST": "mission.tick"}
    inputs = {"POST": forms.Tick}
    outputs = {"POST": forms.MissionWhole}
    statuses = {"POST": 200}
    if_match = {"POST": "optional"}
    examples = {"POST": examples.TICK}
    errors = (409,)

    def post(self, request: Any, ref: str, line: str) -> HttpResponse:
        """Say that a line is done, and show what by"""
        row = self.object(request, {"ref": ref})
        given = self.read(request)
        services.tick_line(
            row,
            line,
            actor=request.actor,
            note_=given.get("note", ""),
            evidence=given.get("evidence", ()),
        )
        return self.whole(request, ref)


class UntickView(OneMission):
    """A tick taken back."""

    actions = {"POST": "mission.tick"}
    inputs = {"POST": forms.Reason}
    outputs = {"POST": forms.MissionWhole}
    statuses = {"POST": 200}
    if_match = {"POST": "optional"}
    errors = (409,)

    def post(self, request: Any, ref: str, line: str) -> HttpResponse:
        """Take a tick back"""
        row = self.object(request, {"ref": ref})
        services.untick_line(row, line, actor=request.actor, **self.read(request))
        return self.whole(request, ref)

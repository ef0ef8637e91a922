"""The end of one mission: feedback, the retrospective, what follows, what it was planned from."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse

from controlplane.access.models import User, Workspace
from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.serializers import NoInput
from controlplane.lib.errors import NotFound
from missions.api.guarding.common import VIEW, Part, Parts, one
from missions.api.learning import examples, forms, shapes
from missions.models import Asset, AssetUse, Feedback
from missions.services import asset_use, feedback, followups, reading, retrospectives
from missions.web.people import people_in

WRITE, CLASSIFY = "mission.retrospective", "mission.classify"


def person_of(workspace: Workspace, field: str, uid: uuid.UUID) -> User:
    """Somebody who works here; of anybody else it says the same, whether they are elsewhere."""
    found: User | None = people_in(workspace).filter(uid=uid).first()
    if found is None:
        raise reading.refuse(field, "Somebody of this workspace.")
    return found


class FeedbackView(Parts):
    """What people say about a mission."""

    actions = {"GET": VIEW, "POST": "mission.feedback"}
    model = Feedback
    output = forms.FeedbackRow
    inputs = {"POST": forms.FeedbackGiven}
    outputs = {"POST": forms.FeedbackRow}
    statuses = {"POST": 200}
    examples = {"POST": examples.FEEDBACK}

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Say how it went, for yourself

        Asked or not, from Reflect & Improve until a month after its end. Said again, it takes the
        place of what you said.
        """
        given = self.read(request)
        said = feedback.give_feedback(self.mission(request), actor=request.actor, **given)
        return JsonAnswer(self.show(said))


class DeclineView(Part):
    """No feedback."""

    actions = {"POST": "mission.feedback"}
    inputs = {"POST": forms.WhyGiven}
    outputs = {"POST": forms.FeedbackAsked}

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Say nothing, and why; it counts as an answer"""
        feedback.decline_feedback(self.mission(request), actor=request.actor, **self.read(request))
        return self.answer({"asked": 0})


class AskView(Part):
    """Who is asked how a mission went."""

    actions = {"POST": "mission.ask_feedback"}
    inputs = {"POST": forms.FeedbackAsk}
    outputs = {"POST": forms.FeedbackAsked}

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Ask people; who was asked before is not asked again"""
        row = self.mission(request)
        given = self.read(request)["people"]
        people = [person_of(row.workspace, "people", uid) for uid in given]
        asked = feedback.ask_feedback(row, people, actor=request.actor)
        return self.answer({"asked": len(asked)})


class RetrospectiveView(Part):
    """What is learnt from a mission."""

    actions = {"GET": VIEW, "PATCH": WRITE}
    inputs = {"PATCH": forms.RetrospectiveWrite}
    outputs = {"GET": forms.RetrospectiveRow, "PATCH": forms.RetrospectiveRow}
    examples = {"PATCH": examples.RETROSPECTIVE}
    errors = (404, 409)

    def get(self, request: Any, ref: str) -> HttpResponse:
        """The newest retrospective of a mission, with its figures and what follows"""
        found = retrospectives.retrospective_of(self.mission(request))
        if found is None:
            raise NotFound("Nobody wrote one yet.")
        return self.answer(shapes.retrospective(found))

    def patch(self, request: Any, ref: str) -> HttpResponse:
        """Write in it; what is left out stays, and the figures are taken anew"""
        done = retrospectives.write_retrospective(
            self.mission(request), actor=request.actor, **self.read(request)
        )
        return self.answer(shapes.retrospective(done))


class CountView(Part):
    """The figures of a retrospective."""

    actions = {"POST": WRITE}
    inputs = {"POST": NoInput}
    outputs = {"POST": forms.RetrospectiveRow}

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Take the figures anew; what was signed about the old ones falls"""
        self.read(request)
        done = retrospectives.refresh_figures(self.mission(request), actor=request.actor)
        return self.answer(shapes.retrospective(done))


class ReuseView(Part):
    """What of a mission can be used again."""

    actions = {"POST": CLASSIFY}
    inputs = {"POST": forms.Reuse}
    outputs = {"POST": forms.RetrospectiveRow}
    examples = {"POST": examples.REUSE}

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Classify it, and say why"""
        given = self.read(request)
        done = retrospectives.classify_reuse(
            self.mission(request), given["reuse"], actor=request.actor, reason=given["reason"]
        )
        return self.answer(shapes.retrospective(done))


class SettledView(Part):
    """What should be learnt from a mission."""

    actions = {"POST": CLASSIFY}
    inputs = {"POST": forms.Settled}
    outputs = {"POST": forms.RetrospectiveRow}

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Say that it stands in the training backlog, or why there is nothing"""
        done = retrospectives.settle_training(
            self.mission(request), actor=request.actor, note_=self.read(request).get("note", "")
        )
        return self.answer(shapes.retrospective(done))


class FollowUpsView(Part):
    """What follows a mission."""

    actions = {"POST": WRITE}
    inputs = {"POST": forms.FollowUpNew}
    outputs = {"POST": forms.FollowUpRow}
    examples = {"POST": examples.FOLLOWUP}

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Note what is to be done, by whom, until when: it becomes a work item

        The same again, word for word, is there already.
        """
        row, given = self.mission(request), self.read(request)
        given["owner"] = person_of(row.workspace, "owner", given["owner"])
        made = followups.add_followup(row, actor=request.actor, **given)
        return self.answer(shapes.followup(made))


class UsesView(Parts):
    """What of the library a mission was planned from."""

    actions = {"GET": VIEW, "POST": "library.use"}
    model = AssetUse
    output = forms.UseRow
    inputs = {"POST": forms.UseNew}
    outputs = {"POST": forms.UseRow}
    statuses = {"POST": 200}
    examples = {"POST": examples.USE}

    def rows(self, request: Any) -> Any:
        rows = AssetUse.objects.visible_to(request.actor).of(request.workspace)
        return rows.filter(mission=self.mission(request))

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Note that the mission is planned from an asset

        Once a mission and asset; noted again, it stays as it was. Choosing a play whose
        precedents name assets by their uid notes them by itself.
        """
        given = self.read(request)
        rows = Asset.objects.visible_to(request.actor).of(request.workspace)
        asset = one(rows, uid=given["asset"])
        made = asset_use.use_asset(
            self.mission(request), asset, actor=request.actor, number=given.get("number"),
            note_=given.get("note", ""),
        )  # fmt: skip
        return JsonAnswer(self.show(made))

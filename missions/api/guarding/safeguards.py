"""Safeguards of one mission."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from controlplane.base.api.answers import created
from controlplane.base.api.serializers import NoInput
from missions import services
from missions.api.guarding import examples, forms, shapes
from missions.api.guarding.common import VIEW, Part, one


class SafeguardsView(Part):
    """Safeguards of a mission, and who knows them."""

    actions = {"GET": VIEW, "POST": "mission.suggest"}
    inputs = {"POST": forms.SafeguardNew}
    outputs = {"GET": forms.Safeguards, "POST": forms.SafeguardRow}
    statuses = {"POST": 201}
    examples = {"POST": examples.SAFEGUARD}

    def get(self, request: Any, ref: str) -> HttpResponse:
        """Safeguards of a mission, their digest, and who acknowledged them as they stand"""
        return self.answer(shapes.all_safeguards(self.mission(request)))

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Suggest one: of a template, or in words of one's own with what speaks for it"""
        made = services.suggest_safeguard(
            self.mission(request), actor=request.actor, **self.read(request)
        )
        return created(shapes.safeguard(made), f"{request.path}/{made.uid}")


class DefaultsView(Part):
    """What the workspace asks of all its missions."""

    actions = {"POST": "mission.suggest"}
    inputs = {"POST": NoInput}
    outputs = {"POST": forms.Safeguards}

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Suggest the workspace's defaults that are not there yet"""
        self.read(request)
        row = self.mission(request)
        services.suggest_defaults(row, actor=request.actor)
        return self.answer(shapes.all_safeguards(row))


class SafeguardView(Part):
    """A decision on one safeguard."""

    actions = {"POST": "mission.safeguards"}
    inputs = {"POST": forms.SafeguardDecide}
    outputs = {"POST": forms.SafeguardRow}
    examples = {"POST": examples.DECIDE}

    def post(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        """Accept it, accept it with changes, or reject it"""
        rows = self.mission(request).safeguards.select_related("template", "mission__workspace")
        given = self.read(request)
        done = services.decide_safeguard(
            one(rows, uid=uid), given.pop("to"), actor=request.actor, **given
        )
        return self.answer(shapes.safeguard(done))


class AcknowledgeView(Part):
    """Somebody knows a mission's safeguards."""

    actions = {"POST": "mission.acknowledge"}
    inputs = {"POST": forms.Acknowledge}
    outputs = {"POST": forms.Safeguards}

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Acknowledge them as they stand: the owner, and a validator who is somebody else"""
        row = self.mission(request)
        given = self.read(request)
        services.acknowledge_safeguards(
            row, actor=request.actor, digest_seen=given.get("digest", "")
        )
        return self.answer(shapes.all_safeguards(row))

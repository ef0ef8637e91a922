"""What a mission's page rests on, read once for head and page."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from controlplane.approvals.models import Request
from controlplane.approvals.shown import page as approvals
from controlplane.lib.actors import Actor
from missions.gates.kinds import Check
from missions.gates.looking import Look
from missions.models import Mission
from missions.shown.moves import Now
from missions.standing import Standing, standing


class Cockpit:
    def __init__(self, mission: Mission, actor: Actor) -> None:
        self.mission, self.actor = mission, actor
        self.look = Look(mission)

    @cached_property
    def roles(self) -> frozenset[str]:
        return frozenset(self.actor.roles_in(self.mission.workspace_id))

    @cached_property
    def stands(self) -> Standing:
        return standing(self.mission, self.look)

    @property
    def request(self) -> Request | None:
        """The question of the stage it is in."""
        return self.look.approval

    @cached_property
    def signing(self) -> list[Any]:
        """The slots of that question: who signed, whom it waits for."""
        return approvals.steps_of(self.request, self.actor) if self.request is not None else []

    @cached_property
    def now(self) -> Now:
        asked = self.request.status if self.request is not None else ""
        return Now(self.mission, self.look.brief.is_locked, asked)

    @property
    def here(self) -> list[Check]:
        """At the end of the stage it is in; of a draft at the door of the first."""
        return [each for each in self.stands.checks if each.stage == self.mission.stage]

    @property
    def onward(self) -> list[Check]:
        """At the door of the next."""
        return [each for each in self.stands.checks if each.stage != self.mission.stage]

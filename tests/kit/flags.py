"""A workspace with flags and the people around them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from controlplane.access.models import User, Workspace
from controlplane.lib.actors import Actor
from deployments.flags import services
from deployments.flags.models import Flag, FlagChange, FlagEnvironment, FlagState
from tests import make


class World:
    """A release manager who changes flags, a lead who signs, and one flag, off everywhere."""

    def __init__(self, workspace: Workspace | None = None, person: User | None = None) -> None:
        self.workspace = workspace or make.workspace()
        self.person = person or make.person(self.workspace, "release_manager")
        self.actor = make.actor(self.person)

    @cached_property
    def lead(self) -> Actor:
        return make.actor(make.person(self.workspace, "engineering_lead"))

    @cached_property
    def flag(self) -> Flag:
        return self.make("new-planner")

    def make(self, name: str, **fields: Any) -> Flag:
        return services.create_flag(self.workspace, name, actor=self.actor, **fields)

    def state(self, where: str = "staging", flag: Flag | None = None) -> FlagState:
        found: FlagState = FlagState.objects.select_related(
            "flag__workspace", "flag__item", "environment"
        ).get(flag=flag or self.flag, environment__slug=where)
        return found

    def put(
        self,
        settings: dict[str, Any],
        where: str = "staging",
        flag: Flag | None = None,
        **more: Any,
    ) -> FlagState:
        """Change settings, whatever version stands."""
        state = self.state(where, flag)
        more = {"actor": self.actor, "version": state.version, **more}
        return services.change_settings(state, settings, **more)

    def guard(self, where: str = "production", *, needed: bool = True) -> FlagEnvironment:
        place = FlagEnvironment.objects.get(workspace=self.workspace, environment__slug=where)
        return services.set_needs_approval(
            place, needed, actor=self.lead, reason="Users feel it there."
        )

    def revisions(self) -> dict[str, int]:
        rows = FlagEnvironment.objects.filter(workspace=self.workspace)
        return dict(rows.values_list("environment__slug", "revision"))

    def changes(self, flag: Flag | None = None) -> list[FlagChange]:
        return list(FlagChange.objects.filter(flag=flag or self.flag).order_by("id"))


def rule(percent: int = 100, **more: Any) -> dict[str, Any]:
    return {"percent": percent, **more}


def on(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"on": True, "rules": list(rules), **more}

"""A mission from its intent to its retrospective: five people in the browser, six agents."""

from __future__ import annotations

from typing import Any

from deployments.flags import services as flags
from deployments.flags.models import FlagState
from deployments.flags.serving.store import store
from tests import make
from tests.day.town import Town
from tests.kit.guarding import World
from tests.kit.team import Team
from tests.missions import test_team_in_browser as lived

FOLLOWS = "Ask legal for a standing consent"  # what its retrospective leaves to do


def whole(town: Town, settings: Any) -> None:
    settings.ENVIRONMENT = "staging"
    team = Team(town.browser, town.workspace)
    World(team.workspace, owner=team.mo.user).integration("crm")
    _switched_on(town)
    lived.whole_mission(team, town.folder)


def _switched_on(town: Town) -> None:
    """Missions of this type may be started; the flag is there since the morning."""
    manager = make.actor(town.person("release_manager"))
    found = FlagState.objects.filter(
        flag__workspace=town.workspace, flag__flag_name="mission_type_outreach",
        environment__slug="staging",
    )  # fmt: skip
    for state in found:
        flags.change_settings(state, {"on": True}, actor=manager, version=state.version)
    store.clear()

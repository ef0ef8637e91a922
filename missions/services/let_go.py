"""What toolkits and safeguards say before a step of an agent is let go."""

from __future__ import annotations

from missions import guarding
from missions.models import Mission, MissionToolkit
from missions.services.dispatching import LIMITS, Asked, asked_first
from missions.services.toolkits import why_not


@asked_first("toolkit")
def toolkit(asked: Asked) -> str:
    """A step calls what the mission was given, as it was given. What came from another system past
    Prepare was given its toolkits there: of these it calls what the play names that was signed."""
    if not asked.toolkit:
        return ""
    given = MissionToolkit.objects.filter(mission=asked.mission).select_related("integration")
    elsewhere = asked.mission.source == Mission.Source.IMPORT and not given.exists()
    named = asked.mission.plays.selected().filter(steps__toolkit=asked.toolkit)
    if elsewhere and named.exists():
        return ""
    found = given.filter(integration__slug=asked.toolkit).first()
    return why_not(found, mutating=asked.mutating)


def calls_a_minute(mission: Mission, slug: str) -> int | None:
    """The least that a safeguard in force allows; of one that names a toolkit, of that one."""
    told = []
    for safeguard in mission.safeguards.holding().only("params"):
        most = safeguard.params.get(guarding.RATE) if isinstance(safeguard.params, dict) else None
        about = safeguard.params.get(guarding.OF_TOOLKIT, slug) if most is not None else ""
        if isinstance(most, int) and not isinstance(most, bool) and most >= 0 and about == slug:
            told.append(most)
    return min(told, default=None)


LIMITS.append(calls_a_minute)

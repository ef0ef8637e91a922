"""Rows, locked and as they are now. Always the work item's key first where a row is written that
names it, then the mission, its visit and brief, its request for consent: nobody waits in a circle.
"""

from __future__ import annotations

from controlplane.lib.errors import Conflict, InvalidTransition
from missions.models import Brief, Mission, StageVisit

RELATED = ("workspace", "owner", "item__project")


def hold(mission: Mission, *, version: int | None = None) -> Mission:
    """The mission as it is now, locked until the transaction ends. With a version: only if
    nobody changed it since."""
    rows = Mission.objects.select_for_update(of=("self",), no_key=True)
    row: Mission = rows.select_related(*RELATED).get(pk=mission.pk)
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": row.version, "status": row.status},
        )
    return row


def require_status(mission: Mission, *statuses: str) -> None:
    if mission.status not in statuses:
        wanted = " or ".join(statuses)
        raise InvalidTransition(
            f"{mission.ref} is {mission.get_status_display().lower()}; "
            f"this is for one that is {wanted}.",
            details={"status": mission.status, "legal": ", ".join(statuses)},
        )


def open_visit(mission: Mission) -> StageVisit | None:
    """Where it stands now, of a mission that is held or only read."""
    rows = StageVisit.objects.open().filter(mission=mission).select_related("approval")
    found: StageVisit | None = rows.first()
    if found is not None:
        found.mission = mission
    return found


def visit_of(mission: Mission) -> StageVisit:
    found = open_visit(mission)
    if found is None:
        raise InvalidTransition(
            f"{mission.ref} is in no stage: it is {mission.get_status_display().lower()}.",
            details={"status": mission.status},
        )
    return found


def brief_of(mission: Mission) -> Brief:
    found: Brief = Brief.objects.get(mission=mission)
    found.mission = mission
    return found

"""Who hears of a missed promise: the first time the first step of the ladder, then the next."""

from __future__ import annotations

from incidents.models import Ticket
from incidents.paging import policies
from incidents.support.holding import level_of


def roles_for(row: Ticket, number: int) -> list[str]:
    """Roles of the first so many steps of its priority's policy, and from the last step on those
    its level informs."""
    level = level_of(row)
    version, _ = policies.find(row.workspace_id, level.policy)
    steps = version.steps
    found = [
        str(target["ref"])
        for step in steps[: max(1, number)]
        for target in step.get("targets", [])
        if target.get("kind") == "role"
    ]
    informed = list(level.informed) if number >= len(steps) else []
    return list(dict.fromkeys([*found, *informed]))

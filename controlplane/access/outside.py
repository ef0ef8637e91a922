"""People of other houses: they sign on the desk and read what is shared with them, nothing else of
a workspace."""

from __future__ import annotations

from controlplane.access.role_table import OUTSIDE
from controlplane.lib.actors import Actor


def is_outside(actor: Actor, workspace_id: int | None) -> bool:
    """Every role they hold there is one of another house. Whoever holds one of this house beside
    it, or opened the workspace by break-glass, is of the house."""
    if workspace_id is None or workspace_id in actor.break_glass:
        return False
    roles = actor.roles_in(workspace_id)
    return bool(roles) and roles <= OUTSIDE


def outside_of(actor: Actor) -> frozenset[int]:
    """Workspaces this actor looks into from outside."""
    return frozenset(each for each in actor.roles if is_outside(actor, each))


def inside_of(actor: Actor) -> frozenset[int]:
    """Workspaces this actor is of."""
    return actor.workspace_ids - outside_of(actor)

"""In which workspaces somebody may do something: asked without a row, where rows are looked for.

Who works in two workspaces is not the same in both: whoever operates one may be a partner in the
other, to whom threads are not shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.access import policy
from controlplane.lib.actors import Actor

VIEW = "thread.view"


@dataclass(frozen=True, slots=True)
class Place:
    workspace_id: int


def where(actor: Actor, action: str) -> list[int]:
    return sorted(pk for pk in actor.workspace_ids if policy.can(actor, action, Place(pk)))

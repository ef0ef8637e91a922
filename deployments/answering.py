"""Who answers for an item of operations that nobody is named for: the person on call."""

from __future__ import annotations

from controlplane.oncall import duty
from deployments.gates.looking import ON_CALL


def assignee(workspace_id: int, item_type: str) -> str:
    """The address of whoever is on duty now, or "" where nobody is."""
    found = duty.on_duty(ON_CALL, workspace=workspace_id)
    return found[0].person.email if found else ""

"""Rows, locked and as they are now, in one order, so that nobody waits in a circle:

1. the work item, where a row will name it that did not (`work.refer`: a flag that gets an item, a
   change request); whoever deletes an item holds it and comes for the flags;
2. the workspace's turn (`lock_workspace`); a kill asks for neither of these two;
3. the flag, its state, the approval's request;
4. the environments, which the triggers take in the order of their ids.

To say something on an item is to lock it. With a flag held nobody does: the outbox does it later.
"""

from __future__ import annotations

from typing import Any

from controlplane.lib.errors import Conflict, Invalid
from deployments.flags.diffs import differences
from deployments.flags.models import Flag, FlagChange, FlagState
from deployments.flags.services.noting import lock_workspace


def hold_flag(flag: Flag, *, version: int | None = None, archived: bool = False) -> Flag:
    row: Flag = Flag.objects.select_for_update(of=("self",), no_key=True).get(pk=flag.pk)
    if version is not None and row.version != version:
        raise _conflict(row, None, version, None)
    if row.is_archived and not archived:
        raise Invalid("The flag is archived. Restore it first.", code="CONFLICT")
    return row


def hold_state(
    state: FlagState, *, version: int | None = None, archived: bool = False
) -> FlagState:
    """The state as it is now, with its flag, both held, in the workspace's turn."""
    lock_workspace(state.workspace_id)
    flag = hold_flag(state.flag, archived=archived)
    row: FlagState = (
        FlagState.objects.select_for_update(of=("self",), no_key=True)
        .select_related("environment")
        .get(pk=state.pk)
    )
    row.flag = flag
    if version is not None and row.version != version:
        raise _conflict(flag, row, version, row.settings)
    return row


def _conflict(flag: Flag, state: FlagState | None, seen: int, now: Any) -> Conflict:
    """Somebody else was first: who, and what of it is different from what the caller saw."""
    rows = FlagChange.objects.about(flag).filter(environment_id=state and state.environment_id)
    newer = list(rows.filter(version__gt=seen).order_by("version"))
    details: dict[str, Any] = {
        "version": state.version if state else flag.version,
        "seen_version": seen,
        "changed_by": state.changed_by if state else flag.changed_by,
        "changed_at": (state or flag).changed_at.isoformat(),
        "changes": [
            {
                "kind": each.kind,
                "by": each.actor_ref,
                "at": each.at.isoformat(),
                "reason": each.reason,
                "differences": differences(each.before, each.after)[:50],
            }
            for each in newer[:20]
        ],
    }
    if newer and now is not None:
        details["differences"] = differences(newer[0].before, now)[:100]
    return Conflict("Somebody changed it since you looked. Look again.", details=details)

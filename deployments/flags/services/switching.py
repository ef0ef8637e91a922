"""The master switch: off everywhere at once, and on again.

Nothing stands in a kill's way: no freeze, no consent, no broker, no lock but the flag's own. That
is why it only takes away: a flag that is on where another is off stays off while that is killed.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from deployments.flags.models import Flag, FlagChange
from deployments.flags.services.holding import hold_flag
from deployments.flags.services.noting import lock_workspace, note, short_reason
from deployments.flags.services.returning import pass_return


@transaction.atomic
def kill(flag: Flag, *, actor: Actor, reason: str = "", item: str = "") -> Flag:
    """Off, everywhere. Killing what is off already is a yes too."""
    policy.require(actor, "flag.kill", flag)
    return switch(flag, enabled=False, actor=actor, reason=reason, item=item)


@transaction.atomic
def enable(
    flag: Flag, *, actor: Actor, reason: str = "", item: str = "", override: bool = False
) -> Flag:
    """As it was before the kill: on where its settings say so. With `override`, in spite of a
    freeze, for those who may."""
    policy.require(actor, "flag.enable", flag)
    return switch(flag, enabled=True, actor=actor, reason=reason, item=item, override=override)


def switch(
    flag: Flag,
    *,
    enabled: bool,
    actor: Actor,
    reason: str,
    item: str = "",
    undoes: FlagChange | None = None,
    override: bool = False,
) -> Flag:
    reason = short_reason(reason, required=False)
    if enabled:
        lock_workspace(flag.workspace_id)  # what it is compared with must not move meanwhile
    # An archived flag is off already; who kills it in a hurry is not sent to restore it first.
    row = hold_flag(flag, archived=not enabled)
    if row.enabled == enabled:
        return row
    passed: dict[str, Any] = {}
    if enabled:
        passed = pass_return(row, actor=actor, override=override, reason=reason)
    row.enabled = enabled
    row.version += 1
    row.changed_at, row.changed_by = clock.now(), actor.ref[:80]
    row.save(update_fields=["enabled", "version", "changed_at", "changed_by"])
    kind = FlagChange.Kind.ENABLE if enabled else FlagChange.Kind.KILL
    note(
        row,
        FlagChange.Kind.UNDO if undoes else kind,
        f"flag.{kind}",
        actor=actor,
        before={"enabled": not enabled},
        after={"enabled": enabled},
        reason=reason,
        item=item,
        undoes=undoes,
        details=passed or None,
    )
    return row

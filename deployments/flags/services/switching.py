"""The master switch: off everywhere at once, and on again.

Nothing stands in a kill's way: no freeze, no consent, no broker, no lock but the flag's own.
"""

from __future__ import annotations

from django.db import transaction

from controlplane.access import policy
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from deployments.flags.models import Flag, FlagChange
from deployments.flags.services.holding import hold_flag
from deployments.flags.services.noting import note, short_reason


@transaction.atomic
def kill(flag: Flag, *, actor: Actor, reason: str = "", item: str = "") -> Flag:
    """Off, everywhere. Killing what is off already is a yes too."""
    policy.require(actor, "flag.kill", flag)
    return switch(flag, enabled=False, actor=actor, reason=reason, item=item)


@transaction.atomic
def enable(flag: Flag, *, actor: Actor, reason: str = "", item: str = "") -> Flag:
    """As it was before the kill: on where its settings say so."""
    policy.require(actor, "flag.enable", flag)
    return switch(flag, enabled=True, actor=actor, reason=reason, item=item)


def switch(
    flag: Flag,
    *,
    enabled: bool,
    actor: Actor,
    reason: str,
    item: str = "",
    undoes: FlagChange | None = None,
) -> Flag:
    reason = short_reason(reason, required=False)
    # An archived flag is off already; who kills it in a hurry is not sent to restore it first.
    row = hold_flag(flag, archived=not enabled)
    if row.enabled == enabled:
        return row
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
    )
    return row

"""What every change of a flag leaves: a row of its history, an audit row, news.

News are rows: the signal for packages above, the outbox message that tells people and the work
item. Nothing here waits for a broker, a mail server or somebody else's lock on an item.
"""

from __future__ import annotations

from typing import Any

from django.db import connection

from controlplane.access.services.saving import invalid
from controlplane.audit.services import record
from controlplane.base import cache
from controlplane.base.signals import emit
from controlplane.lib.actors import Actor
from controlplane.notify import outbox
from deployments.flags.models import Flag, FlagChange, FlagEnvironment, FlagState

TOPIC = "flags.told"
SIGNAL = "flags.changed"


def note(
    flag: Flag,
    kind: str,
    action: str,
    *,
    actor: Actor,
    state: FlagState | None = None,
    before: Any = None,
    after: Any = None,
    reason: str = "",
    item: str = "",
    undoes: FlagChange | None = None,
    details: dict[str, Any] | None = None,
) -> FlagChange:
    """Call it after the row is written: the version and the revision are those it has now."""
    row = FlagChange.objects.create(
        workspace_id=flag.workspace_id,
        flag=flag,
        environment_id=state.environment_id if state else None,
        kind=kind,
        before=before,
        after=after,
        reason=reason,
        item=item[:120],
        actor_ref=actor.ref[:80],
        version=state.version if state else flag.version,
        revision=revision_of(state.environment_id) if state else None,
        undoes=undoes,
    )
    told = {"change": str(row.uid), "version": row.version, **(details or {})}
    if item:
        told["item"] = item
    record(
        actor,
        action,
        flag,
        before=before,
        after=after,
        reason=reason,
        details=told,
        label=str(state) if state else flag.flag_name,
    )
    cache.forget_tools(flag.workspace_id)
    payload = {"change": str(row.uid)}
    emit(
        SIGNAL,
        key=str(row.uid),
        payload={**payload, "flag": flag.flag_name, "kind": kind},
        workspace_id=flag.workspace_id,
    )
    outbox.enqueue(
        TOPIC,
        payload,
        key=f"flag-change:{row.uid}",
        workspace_id=flag.workspace_id,
        subject=f"feature_flags.flag:{flag.pk}",
    )
    return row


def revision_of(environment_id: int) -> int | None:
    """Where this transaction brought the environment."""
    rows = FlagEnvironment.objects.filter(environment_id=environment_id)
    found: int | None = rows.values_list("revision", flat=True).first()
    return found


def short_reason(reason: str, *, required: bool = True) -> str:
    reason = " ".join(reason.replace("\x00", "").split())
    if required and len(reason) < 4:
        raise invalid("reason", "Say why, in a few words.")
    if len(reason) > 300:
        raise invalid("reason", "Keep the reason within 300 characters.")
    return reason


def lock_workspace(workspace_id: int) -> None:
    """Edits of one workspace's flags take turns: what one names (a segment, a prerequisite)
    another may be taking away. Taken before any row; kills never ask for it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_FLAGS, workspace_id % 2**31])


_FLAGS = 0x666C6167

"""Erasing events: a workspace's, or those of one mission, with everything computed from them.

Of days that are closed only the sums stay, which name nobody. A closed day's table stands alone
until the clean-up drops it: what lies there goes as well.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit import services as audit
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid
from telemetry.models import Partition
from telemetry.partitions import holding, tables
from telemetry.rollups import marks, passes, sessions, statements

# The minutes of what goes, and those of errors whose failed call goes: they count again.
_ERASE = f"""
    WITH gone AS (
        DELETE FROM telemetry_events
        WHERE workspace_id IS NOT DISTINCT FROM %(workspace)s
          AND (%(mission)s::text IS NULL OR mission = %(mission)s)
        RETURNING occurred_at, correlation_id,
            event_type = '{statements.CALL}' AND status = 'error' AS failed
    ), minutes AS (
        SELECT occurred_at FROM gone
        UNION ALL
        SELECT e.occurred_at FROM gone JOIN telemetry_events e
            ON e.correlation_id = gone.correlation_id
            AND e.workspace_id IS NOT DISTINCT FROM %(workspace)s
            AND e.occurred_at BETWEEN gone.occurred_at - %(apart)s AND gone.occurred_at + %(apart)s
        WHERE gone.failed AND e.event_type = '{statements.CALL_ERROR}'
    ), marked AS (
        INSERT INTO telemetry_dirty (workspace_id, grain, bucket, at)
        SELECT DISTINCT %(workspace)s::bigint, 'minute',
            date_trunc('minute', occurred_at, 'UTC'), statement_timestamp()
        FROM minutes
    )
    SELECT count(*) FROM gone
"""  # noqa: S608 - constants only
_OF_CLOSED_DAY = """
    DELETE FROM {table}
    WHERE workspace_id IS NOT DISTINCT FROM %(workspace)s
      AND (%(mission)s::text IS NULL OR mission = %(mission)s)
"""
_FORGET_MISSIONS = """
    DELETE FROM telemetry_missionday m
    WHERE m.workspace_id IS NOT DISTINCT FROM %(workspace)s
      AND (%(mission)s::text IS NULL OR m.mission = %(mission)s)
      AND EXISTS (SELECT 1 FROM telemetry_partition p
          WHERE p.day = m.day AND p.sealed_at IS NULL AND p.state IN ('open', 'sealed'))
"""


def erase_events(
    actor: Actor, workspace: Workspace | None, *, mission: str = "", reason: str
) -> int:
    """Erase all events of a workspace (None: of the installation) or those of one mission, and
    have what was summed up of open days computed anew. Answers how many there were."""
    policy.require(actor, "telemetry.erase", workspace or "telemetry.event:*")
    if not reason.strip():
        raise Invalid("Say why these events are erased.", details={"reason": "required"})
    params: dict[str, Any] = {
        "workspace": workspace.pk if workspace else None,
        "mission": mission or None,
        "apart": timedelta(minutes=passes.APART.value + 1),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        # A roller at work still sees what goes, and would store its sums after us.
        marks.take_turn(cursor, wait=True)
        holding.require_free(params["workspace"], mission)
        erased = _erase(cursor, params)
        audit.record(
            actor,
            "telemetry.erase",
            workspace or "telemetry.event:*",
            workspace_id=workspace.pk if workspace else None,
            reason=reason,
            details={"mission": mission or None, "events": erased},
        )
    return erased


def _erase(cursor: CursorWrapper, params: dict[str, Any]) -> int:
    cursor.execute("SET LOCAL statement_timeout = '120s'")
    erased = _erase_closed(cursor, params)
    cursor.execute(_ERASE, params)
    erased += int(cursor.fetchone()[0])
    cursor.execute(_FORGET_MISSIONS, params)
    cursor.execute(sessions.ERASE, params)
    return erased


def _erase_closed(cursor: CursorWrapper, params: dict[str, Any]) -> int:
    """Of days whose sums are final, detached or about to be. Their count goes along: a file of
    the day is compared with it."""
    erased = 0
    settled = Partition.objects.exclude(state=Partition.State.DROPPED).exclude(sealed_at=None)
    for day in settled.order_by("day").values_list("day", flat=True):
        if tables.exists(day):
            cursor.execute(_OF_CLOSED_DAY.format(table=tables.name_of(day)), params)
            Partition.objects.filter(day=day).update(rows=F("rows") - cursor.rowcount)
            erased += cursor.rowcount
    return erased

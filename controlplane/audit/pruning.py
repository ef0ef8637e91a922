"""Letting go of events after their year: first the chain says so, then the rows may leave.

The trigger on DELETE asks two things, whoever deletes: the row is older than 365 days, and a
`prune` link in the chain of seals names it. Links and leaves stay, so the rest stays provable
and a kept copy of a pruned event can still be proved genuine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connections, transaction
from django.db.backends.utils import CursorWrapper

from controlplane.audit import anchors, chain, sealing
from controlplane.audit.models import AuditSeal
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.lib.errors import Conflict, Invalid, NotAllowed

LEAST = timedelta(days=365)  # also written into the trigger of migration 0002
RETENTION = define(
    "audit.retention_days",
    400,
    unit="days",
    why="one year by policy, and a month to notice a mistake",
)


# Asked before anything goes: each answers why it may not, or nothing. The log is the lowest package
# and can't ask those above it.
REFUSALS: list[Callable[[], str]] = []


@dataclass(frozen=True, slots=True)
class Prune:
    through_seal: int
    events: int
    deleted: int
    cutoff: datetime


def prune(actor: Actor, *, before: datetime | None = None, dry_run: bool = True) -> Prune:
    """Remove events older than `before` (by default the retention). Only whole sealed batches go.

    Run at a terminal of the installation: no role of any workspace carries this.
    """
    if not actor.sees_all:
        raise NotAllowed("the audit log is pruned at a terminal of the installation only")
    now = clock.now()
    cutoff = before or now - timedelta(days=RETENTION.value)
    if cutoff > now - LEAST:
        raise Invalid("audit events are kept at least 365 days", details={"before": str(cutoff)})
    if not dry_run:
        _require_nothing_against_it()
    done, through, ids = _eligible(cutoff)
    events = sum(last - first + 1 for first, last in ids)
    if dry_run or not events:
        # A prune cut short by a crash is finished by the next one.
        deleted = 0 if dry_run else _delete(done)
        return Prune(through, events, deleted, cutoff)
    details = {"through_seal": through, "events": events, "before": cutoff}
    record(actor, "audit.prune", "audit.log:all", details=details)
    with transaction.atomic(using=sealing.alias()), connections[sealing.alias()].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [sealing.LOCK])
        sealing.append(cursor, kind="prune", ids=ids, leaves=[])
    anchors.export()
    return Prune(through, events, _delete(through), cutoff)


def _require_nothing_against_it() -> None:
    for refusal in REFUSALS:
        if why := refusal():
            raise Conflict(why)


def _eligible(cutoff: datetime) -> tuple[int, int, chain.Ranges]:
    """(newest seal pruned already, newest that may go, the ids between)."""
    with connections[sealing.alias()].cursor() as cursor:
        done = _pruned_through(cursor)
        cursor.execute(
            "SELECT max(n), range_agg(ids) FROM audit_auditseal"
            " WHERE kind = 'batch' AND n > %s AND at < %s",
            [done, cutoff],
        )
        through, ids = cursor.fetchone()
    runs = [(part.lower, part.upper - 1) for part in ids] if ids else []
    return done, int(through or done), runs


def _pruned_through(cursor: CursorWrapper) -> int:
    cursor.execute(
        "SELECT coalesce(max(b.n), 0) FROM audit_auditseal b, audit_auditseal p"
        " WHERE b.kind = 'batch' AND p.kind = 'prune' AND b.ids <@ p.ids"
    )
    return int(cursor.fetchone()[0])


def _delete(through: int) -> int:
    """Seal by seal, each its own short transaction. Says how many rows really left."""
    using = sealing.alias()
    batches = AuditSeal.objects.using(using).filter(kind="batch", n__lte=through).order_by("n")
    deleted = 0
    for ids in batches.values_list("ids", flat=True):
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            for first, last in ids:
                cursor.execute(
                    "DELETE FROM audit_auditevent WHERE id BETWEEN %s AND %s", [first, last]
                )
                deleted += cursor.rowcount
    return deleted

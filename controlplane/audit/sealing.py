"""Sealing: waiting events into a chain of signed Merkle batches, outside the writers' way.

A chain at write time would make every transaction wait for the one before it; here writers only
add a waiting id, and one sealer at a time (an advisory lock) turns what is committed into links.
"""

from __future__ import annotations

import logging
import math
import time
from datetime import datetime

from django.conf import settings
from django.db import connection, connections, transaction
from django.db.backends.utils import CursorWrapper

from controlplane.audit import anchors, chain
from controlplane.audit.models import AuditSeal
from controlplane.lib.defaults import define
from controlplane.lib.keys import derive

logger = logging.getLogger(__name__)

BATCH = define(
    "audit.seal_batch",
    5_000,
    unit="events",
    why="one link holds at most this many leaves, so that sealing stays a short transaction",
)
MAX_LAG = define(
    "audit.max_seal_lag_s",
    60.0,
    unit="s",
    why="events may wait this long for their seal before it is an alarm: until sealed, the owner"
    " of the database could remove one unseen",
)
# Arbitrary but fixed: sealers and pruners of this database take turns on it.
LOCK = 0x61756469742D6C6F


def alias() -> str:
    """The connection that may write seals: the owner's where there is one."""
    return "owner" if "owner" in connections else "default"


def keys() -> dict[str, bytes]:
    """key id -> key, the current one first. Old ones only verify."""
    found = [derive("audit-seal", settings.AUDIT_SEAL_KEY)]
    old = [*settings.AUDIT_SEAL_KEYS_OLD, *settings.SECRET_KEY_FALLBACKS]
    # A key configured later replaces the one that was derived from SECRET_KEY until then.
    old += [settings.SECRET_KEY] if settings.AUDIT_SEAL_KEY else []
    found += [derive("audit-seal", each) for each in old]
    return {chain.key_id(key): key for key in found}


def seal_batch(limit: int | None = None) -> int:
    """Seal one batch; how many events it holds. 0: nothing waits, or another sealer is at work."""
    with transaction.atomic(using=alias()), connections[alias()].cursor() as cursor:
        if not take_turn(cursor):
            return 0
        ids = _take_pending(cursor, limit or BATCH.value)
        if not ids:
            return 0
        leaves = _leaves(cursor, ids)
        append(cursor, kind="batch", ids=chain.ranges(ids), leaves=leaves)
    return len(ids)


def seal_all(deadline: float = math.inf) -> int:
    """Seal until nothing waits or the time is up; then carry the new hashes outside."""
    sealed = 0
    while time.monotonic() < deadline and (count := seal_batch()):
        sealed += count
    if sealed:
        anchors.export()
    return sealed


def take_turn(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
    return bool(cursor.fetchone()[0])


def _take_pending(cursor: CursorWrapper, limit: int) -> list[int]:
    cursor.execute(
        "DELETE FROM audit_auditpending WHERE event_id IN"
        " (SELECT event_id FROM audit_auditpending ORDER BY event_id LIMIT %s) RETURNING event_id",
        [limit],
    )
    return sorted(row[0] for row in cursor.fetchall())


def _leaves(cursor: CursorWrapper, ids: list[int]) -> list[bytes]:
    cursor.execute("SELECT id, leaf FROM audit_auditevent WHERE id = ANY(%s)", [ids])
    found = {row[0]: bytes(row[1]) for row in cursor.fetchall()}
    gone = [each for each in ids if each not in found]
    if gone:
        # Sealed as missing, so that the proof says so for ever.
        logger.critical("audit events vanished before they were sealed: %s", gone[:20])
    return [found.get(each, chain.ZERO) for each in ids]


def append(
    cursor: CursorWrapper, *, kind: str, ids: chain.Ranges, leaves: list[bytes]
) -> AuditSeal:
    """Add a link to the chain. The caller holds the turn."""
    cursor.execute(
        "SELECT clock_timestamp(), last.n, last.hash FROM (SELECT 1) one"
        " LEFT JOIN (SELECT n, hash FROM audit_auditseal ORDER BY n DESC LIMIT 1) last ON true"
    )
    at, last, prev = cursor.fetchone()
    link = chain.Link(
        n=(last or 0) + 1,
        kind=kind,
        at_us=microseconds(at),
        ids=ids,
        count=len(leaves) if kind == "batch" else sum(b - a + 1 for a, b in ids),
        root=chain.merkle_root(leaves),
        prev=bytes(prev) if prev is not None else chain.ZERO,
    )
    key_id, key = next(iter(keys().items()))
    link_hash = link.hash()
    return AuditSeal.objects.using(alias()).create(
        n=link.n,
        kind=kind,
        at=at,
        ids=ids,
        count=link.count,
        leaves=b"".join(leaves),
        root=link.root,
        prev=link.prev,
        hash=link_hash,
        key_id=key_id,
        sig=chain.sign(key, link_hash),
    )


def microseconds(at: datetime) -> int:
    """Exact: a float of seconds would lose the last digits."""
    return int(at.replace(microsecond=0).timestamp()) * 1_000_000 + at.microsecond


def lag() -> float:
    """Seconds the oldest event has waited for its seal; 0.0 when none waits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM clock_timestamp() - min(e.at)) FROM audit_auditevent e"
            " WHERE e.id IN (SELECT event_id FROM audit_auditpending ORDER BY event_id LIMIT 1000)"
        )
        waited = cursor.fetchone()[0]
    return max(0.0, float(waited or 0.0))


def overdue() -> bool:
    return lag() > MAX_LAG.value

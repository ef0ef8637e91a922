"""Taking and leaving marks. One roller at a time works with them (`take_turn`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db.backends.utils import CursorWrapper

# Of a workspace (None: the installation), the beginning of a minute, an hour or a day.
Bucket = tuple[int | None, datetime]
# Arbitrary but fixed: rollers, sealers and erasers of this database take turns on it.
LOCK = 0x74656C656D2D726C
LOOKED_AT = 20_000  # marks of one pass: hundreds of batches leave one each for the same minute

# In two steps, and no join: this table is filled and emptied all day, so its statistics often say
# that it is empty while thousands of marks wait, and a plan for one row never ends over those.
_LOOK = """
    SELECT id, workspace_id, bucket FROM telemetry_dirty
    WHERE grain = %(grain)s AND at <= clock_timestamp() - %(rest)s * interval '1 second'
      AND bucket >= coalesce(%(low)s, '-infinity'::timestamptz)
      AND bucket < coalesce(%(high)s, 'infinity'::timestamptz)
      AND at <= coalesce(%(until)s, 'infinity'::timestamptz)
    ORDER BY id LIMIT %(looked_at)s
"""
_TAKE = "DELETE FROM telemetry_dirty WHERE id = ANY(%s::bigint[])"
_MARK = """
    INSERT INTO telemetry_dirty (workspace_id, grain, bucket, at)
    SELECT new.workspace_id, %(grain)s, new.bucket, clock_timestamp()
    FROM unnest(%(workspaces)s::bigint[], %(buckets)s::timestamptz[]) AS new (workspace_id, bucket)
    WHERE NOT EXISTS (
        SELECT 1 FROM telemetry_dirty d
        WHERE d.grain = %(grain)s AND d.bucket = new.bucket
          AND d.workspace_id IS NOT DISTINCT FROM new.workspace_id
    )
"""


def take_turn(cursor: CursorWrapper, *, wait: bool = False) -> bool:
    """Be the only roller until the transaction ends. False: another one is at work."""
    if wait:
        cursor.execute("SET LOCAL lock_timeout = '60s'")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        return True
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
    return bool(cursor.fetchone()[0])


def take(
    cursor: CursorWrapper,
    grain: str,
    *,
    most: int,
    rest: float = 0.0,
    low: datetime | None = None,
    high: datetime | None = None,
    until: datetime | None = None,
) -> tuple[set[Bucket], int]:
    """The buckets marked longest ago and how many marks that were. All marks of a bucket that
    were seen go; one that is set meanwhile, or after `until`, stays for a later pass."""
    params: dict[str, Any] = {"grain": grain, "rest": rest, "looked_at": LOOKED_AT}
    cursor.execute(_LOOK, {**params, "low": low, "high": high, "until": until})
    found: dict[Bucket, list[int]] = {}
    for mark_id, workspace, bucket in cursor.fetchall():
        found.setdefault((workspace, bucket), []).append(mark_id)
    taken = list(found)[:most]
    ids = [mark_id for bucket in taken for mark_id in found[bucket]]
    if ids:
        cursor.execute(_TAKE, [ids])
    return set(taken), len(ids)


def mark(cursor: CursorWrapper, grain: str, buckets: Collection[Bucket]) -> None:
    """Leave one mark for each that has none of this grain."""
    if buckets:
        cursor.execute(_MARK, {"grain": grain, **arrays(buckets)})


def arrays(buckets: Iterable[Bucket]) -> dict[str, Any]:
    """As the statements want them, in one order for all."""
    ordered = sorted(buckets, key=lambda each: (each[1], each[0] or 0))
    return {
        "workspaces": [workspace for workspace, _ in ordered],
        "buckets": [bucket for _, bucket in ordered],
    }

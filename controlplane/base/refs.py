"""Handing out the numbers of refs (`INC-12`): per workspace and prefix, rising, never twice."""

from __future__ import annotations

from django.db import connection

from controlplane.lib.refs import PREFIXES, Ref

# One statement: the row lock of ON CONFLICT serialises racers, and the lock is held until the
# caller commits, so numbers are committed in order. A rolled back caller leaves a gap.
_NEXT = """
    INSERT INTO base_refcounter (workspace_id, prefix, last) VALUES (%s, %s, 1)
    ON CONFLICT (workspace_id, prefix) DO UPDATE SET last = base_refcounter.last + 1
    RETURNING last
"""


def allocate(workspace_id: int, prefix: str) -> Ref:
    """The next ref. Call it late in the transaction: racers for the same prefix wait here."""
    if prefix not in PREFIXES:
        raise ValueError(f"no ref prefix {prefix!r}; add it to lib.refs.PREFIXES")
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [workspace_id, prefix])
        row = cursor.fetchone()
    return Ref(prefix, int(row[0]))

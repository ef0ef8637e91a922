"""Readiness, kept true in the transaction of every change.

An item waits (`blocked`) while it is active itself and something active stands before it
(`open_blockers`), or its parent waits, however far up. Both columns are written here and nowhere
else. The definition, once, in words and once in SQL (`_TRUTH`): what the checker compares.

Why one lock for each workspace: two edges added at once can close a cycle that neither sees; an
edge added while its target closes would count a blocker that is gone; and two closings that share
dependents would lock their rows in different orders. Whoever changes an edge, or whether an item
is active, holds `locked(workspace)` until it commits; whatever else changes an item (claiming,
titles, comments) does not, and takes its one row alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db import connection

from controlplane.work import vocabulary

# The first of two keys of PostgreSQL's advisory locks: "work graph".
_LOCKS = 0x776F726B
_MAX_KEY = 2**31

# What an UPDATE of many rows sets beside: to what it is. PostgreSQL asks once for each statement
# which generated columns follow from what it sets, unless none does: then it reads the expressions
# of all of them anew for every row, which takes longer than writing the row. `active` follows from
# this one. It changes nothing, so no index is touched for it.
_ONCE = "category = {}.category"

# A waiter waits while children are at work: for all of them, or for the first to be done.
_UNMET = """
    EXISTS (SELECT 1 FROM work_item c WHERE c.parent_id = e.target_id AND c.active)
    AND NOT (
        e.metadata LIKE '%%any-children%%'
        AND EXISTS (
            SELECT 1 FROM work_item c WHERE c.parent_id = e.target_id AND c.category = 'done'
        )
    )
"""

# An item began or ceased to be at work: all that follows from it, in one statement, since it is run
# under the lock. What waits for it, or for the children of its parent, counts one more or less;
# then whose flag turns, from these and the item itself down the tree. All turn one way, so each is
# reached from above at the latest, and each row is written once: of a hub's dependents each.
# The count in the recursion is asked by edge: to join what moved would try each pair of a hub's.
_WAITING = f"""
    waiting AS MATERIALIZED (
        SELECT seen.* FROM (
            SELECT e.id, e.item_id, e.unmet AS was, ({_UNMET}) AS held
            FROM work_dependency e WHERE e.kind = 'waits-for' AND e.target_id = %(parent)s
            OFFSET 0
        ) seen WHERE seen.was <> seen.held
    ), told AS (
        UPDATE work_dependency e SET unmet = waiting.held FROM waiting WHERE e.id = waiting.id
    ),
"""  # noqa: S608 - no input stands in it
_WAIT = """
            UNION ALL
            SELECT item_id, CASE WHEN held THEN 1 ELSE -1 END FROM waiting
"""
_WAITED = """
        + (
            SELECT coalesce(sum(CASE WHEN held THEN 1 ELSE -1 END), 0) FROM waiting
            WHERE waiting.item_id = c.id
        )
"""
_SETTLE = """
    WITH RECURSIVE {waiting} moved AS (
        SELECT id, sum(by)::int AS by FROM (
            SELECT item_id AS id, %(by)s AS by FROM work_dependency
            WHERE target_id = %(id)s AND kind = ANY(%(blocking)s) AND %(by)s <> 0
            {wait}
            UNION ALL
            SELECT %(id)s, 0
        ) counts GROUP BY id
    ), turned(id, now) AS (
        SELECT i.id, NOT i.blocked FROM moved
        JOIN work_item i ON i.id = moved.id LEFT JOIN work_item p ON p.id = i.parent_id
        WHERE i.blocked <> (
            i.active AND (i.open_blockers + moved.by > 0 OR coalesce(p.blocked, false))
        )
        UNION
        SELECT c.id, NOT c.blocked FROM turned JOIN work_item c ON c.parent_id = turned.id
        WHERE c.blocked <> (c.active AND (turned.now OR c.open_blockers + (
            SELECT count(*) * %(by)s FROM work_dependency e
            WHERE e.item_id = c.id AND e.target_id = %(id)s AND e.kind = ANY(%(blocking)s)
        ) {waited} > 0))
    ), written AS (
        UPDATE work_item i SET open_blockers = i.open_blockers + changed.by,
            blocked = coalesce(changed.now, i.blocked), {once}
        FROM (
            SELECT id, sum(by)::int AS by, bool_or(now) AS now FROM (
                SELECT id, by, NULL::boolean AS now FROM moved
                UNION ALL
                SELECT id, 0, now FROM turned
            ) both_kinds GROUP BY id
        ) changed
        WHERE i.id = changed.id AND (changed.by <> 0 OR changed.now IS NOT NULL)
        RETURNING i.id, i.open_blockers, i.blocked
    )
    SELECT open_blockers, blocked FROM written WHERE id = %(id)s
"""
_WITH_PARENT = _SETTLE.format(waiting=_WAITING, wait=_WAIT, waited=_WAITED, once=_ONCE.format("i"))
# Most have none, and to plan for what waits for its children takes as long as all the rest.
_ALONE = _SETTLE.format(waiting="", wait="", waited="", once=_ONCE.format("i"))

_WAITERS = f"""
    WITH seen AS (
        SELECT e.id, e.item_id, e.unmet AS was, ({_UNMET}) AS held
        FROM work_dependency e WHERE e.kind = 'waits-for' AND e.target_id = ANY(%(parents)s)
    ), turned AS (
        UPDATE work_dependency e SET unmet = seen.held FROM seen
        WHERE e.id = seen.id AND seen.was <> seen.held RETURNING e.item_id, e.unmet
    ), sums AS (
        SELECT item_id, sum(CASE WHEN unmet THEN 1 ELSE -1 END) AS by FROM turned GROUP BY item_id
    )
    UPDATE work_item i SET open_blockers = i.open_blockers + sums.by, {_ONCE.format("i")} FROM sums
    WHERE i.id = sums.item_id RETURNING i.id
"""  # noqa: S608 - no input stands in it

_HELD = "c.active AND (c.open_blockers > 0 OR coalesce(p.blocked, false))"
_WRONG_AMONG = f"""
    SELECT c.id FROM work_item c LEFT JOIN work_item p ON p.id = c.parent_id
    WHERE c.id = ANY(%(ids)s) AND c.blocked <> ({_HELD})
"""  # noqa: S608
_WRONG_BELOW = f"""
    SELECT c.id FROM work_item p JOIN work_item c ON c.parent_id = p.id
    WHERE p.id = ANY(%(ids)s) AND c.blocked <> ({_HELD})
"""  # noqa: S608
_TURN = f"""
    UPDATE work_item i SET blocked = NOT i.blocked, {_ONCE.format("i")} WHERE i.id = ANY(%s)
"""  # noqa: S608

# One workspace, or with none named all of them; no edge leads from one into another.
_HERE = "(%(workspace)s::bigint IS NULL OR {}.workspace_id = %(workspace)s)"

# Recomputed from statuses and edges alone. LEFT JOIN and one recursion: a correlated EXISTS over
# the recursion takes a hundred times as long.
_TRUTH = f"""
    WITH RECURSIVE unmet AS (
        SELECT e.id, e.item_id, ({_UNMET}) AS held FROM work_dependency e
        JOIN work_item t ON t.id = e.target_id AND {_HERE.format("t")}
        WHERE e.kind = 'waits-for'
    ), counted AS (
        SELECT item_id, sum(n) AS n FROM (
            SELECT d.item_id, count(*) AS n FROM work_dependency d
            JOIN work_item t ON t.id = d.target_id AND t.active AND {_HERE.format("t")}
            WHERE d.kind = ANY(%(blocking)s) GROUP BY d.item_id
            UNION ALL
            SELECT item_id, count(*) FROM unmet WHERE held GROUP BY item_id
        ) both_kinds GROUP BY item_id
    ), held AS (
        SELECT i.id FROM work_item i JOIN counted c ON c.item_id = i.id
        WHERE i.active AND c.n > 0
        UNION
        SELECT child.id FROM held h JOIN work_item child ON child.parent_id = h.id
        WHERE child.active
    )
    SELECT i.id, coalesce(c.n, 0)::int AS open_blockers, h.id IS NOT NULL AS blocked
    FROM work_item i
    LEFT JOIN counted c ON c.item_id = i.id
    LEFT JOIN held h ON h.id = i.id
    WHERE {_HERE.format("i")}
"""  # noqa: S608

_WRONG = f"""
    SELECT t.id FROM ({_TRUTH}) t JOIN work_item i ON i.id = t.id
    WHERE i.open_blockers <> t.open_blockers OR i.blocked <> t.blocked
    ORDER BY t.id
"""  # noqa: S608

_WRONG_EDGES = f"""
    SELECT e.id FROM work_dependency e JOIN work_item i ON i.id = e.item_id
    WHERE e.kind = 'waits-for' AND e.target_id IS NOT NULL AND e.unmet <> ({_UNMET})
      AND {_HERE.format("i")}
"""  # noqa: S608

_WRONG_PARENTS = f"""
    SELECT i.id FROM work_item i
    LEFT JOIN work_dependency e ON e.item_id = i.id AND e.kind = 'parent-child'
         AND e.target_id IS NOT NULL
    WHERE i.parent_id IS DISTINCT FROM e.target_id
      AND {_HERE.format("i")}
"""  # noqa: S608

_REBUILD_EDGES = f"""
    UPDATE work_dependency e SET unmet = ({_UNMET})
    FROM work_item i WHERE i.id = e.item_id AND i.workspace_id = %(workspace)s
     AND e.kind = 'waits-for' AND e.target_id IS NOT NULL AND e.unmet <> ({_UNMET})
"""  # noqa: S608

_REBUILD = f"""
    UPDATE work_item i
    SET open_blockers = t.open_blockers, blocked = t.blocked, {_ONCE.format("i")}
    FROM ({_TRUTH}) t WHERE t.id = i.id
     AND (i.open_blockers <> t.open_blockers OR i.blocked <> t.blocked)
"""  # noqa: S608

# UNION, not UNION ALL: a set, or a graph of diamonds takes for ever.
_REACHES = """
    WITH RECURSIVE above(id) AS (
        VALUES (%(start)s::bigint)
        UNION
        SELECT e.target_id FROM above a JOIN work_dependency e ON e.item_id = a.id
        WHERE e.kind = ANY(%(ordered)s) AND e.target_id IS NOT NULL
    )
    SELECT 1 FROM above WHERE id = %(goal)s LIMIT 1
"""


def lock(workspace_id: int) -> None:
    """Be the only one who changes this workspace's graph, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCKS, workspace_id % _MAX_KEY])


def activity_changed(item: Any, *, was_active: bool) -> None:
    """Call it after the item's status is stored, under the lock. The item is told what it has now
    itself."""
    values = {
        "id": item.pk,
        "parent": item.parent_id,
        "by": int(item.active) - int(was_active),
        "blocking": _blocking(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_ALONE if item.parent_id is None else _WITH_PARENT, values)
        for item.open_blockers, item.blocked in cursor.fetchall():
            pass  # at most one row: its own, where it changed


def waiters_of(parents: Collection[int]) -> list[int]:
    """Count anew what waits for the children of these. Answers whose counter moved."""
    return _ids(_WAITERS, parents=list(parents))


def count_edge(item_id: int, by: int) -> None:
    """An edge that blocks came or went."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE work_item SET open_blockers = open_blockers + %s WHERE id = %s", [by, item_id]
        )


def count_off(ids: Collection[int]) -> None:
    """Edges that blocked these went: one for each time it is named."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE work_item i SET open_blockers = i.open_blockers - gone.n,"  # noqa: S608
            f" {_ONCE.format('i')} FROM"
            " (SELECT id, count(*) AS n FROM unnest(%s::bigint[]) AS e(id) GROUP BY id) gone"
            " WHERE i.id = gone.id",
            [list(ids)],
        )


def settle(ids: Iterable[int]) -> None:
    """Write `blocked` of these and of all below whose own depends on it, level by level: each
    round writes only rows whose value turns."""
    wrong = set(_ids(_WRONG_AMONG, ids=list(ids)))
    while wrong:
        with connection.cursor() as cursor:
            cursor.execute(_TURN, [list(wrong)])
        wrong = set(_wrong_below(wrong))


def _wrong_below(ids: Collection[int]) -> list[int]:
    return _ids(_WRONG_BELOW, ids=list(ids))


def reaches(start: int, goal: int) -> bool:
    """Whether `goal` stands somewhere before, or over, `start`."""
    return bool(_ids(_REACHES, start=start, goal=goal, ordered=list(vocabulary.ORDERED)))


def mismatches(workspace_id: int | None = None) -> list[int]:
    """Items whose kept readiness differs from the definition. Always empty, or there is a bug."""
    wrong = set(_ids(_WRONG, workspace=workspace_id, blocking=_blocking()))
    wrong.update(_ids(_WRONG_PARENTS, workspace=workspace_id))
    wrong.update(-edge for edge in _ids(_WRONG_EDGES, workspace=workspace_id))
    return sorted(wrong)


def rebuild(workspace_id: int) -> int:
    """Write everything anew from statuses and edges: after an import, or a repair. Under the
    lock. Answers how many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(_REBUILD_EDGES, {"workspace": workspace_id})
        changed = int(cursor.rowcount)
        cursor.execute(_REBUILD, {"workspace": workspace_id, "blocking": _blocking()})
        return changed + int(cursor.rowcount)


def _blocking() -> list[str]:
    return list(vocabulary.BLOCKING)


def _ids(sql: str, **parameters: Any) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [row[0] for row in cursor.fetchall()]

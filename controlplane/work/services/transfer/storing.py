"""Many rows at once: COPY for what is new, one statement a thousand for what changed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from controlplane.work import vocabulary

_AT_ONCE = 1_000
_JSON = frozenset({"metadata", "extra"})

# Rows are matched by id and bring only the columns named: the others keep what they have.
_CHANGE = """
    UPDATE work_item i SET ({columns}) = ROW({sources}), revision = i.revision + 1
    FROM json_populate_recordset(NULL::work_item, %s::json) r WHERE i.id = r.id
"""
_PARENTS = """
    UPDATE work_item i SET parent_id = e.target_id
    FROM work_dependency e
    WHERE e.item_id = i.id AND e.kind = 'parent-child' AND e.target_id IS NOT NULL
      AND i.id = ANY(%s) AND i.parent_id IS DISTINCT FROM e.target_id
"""
_ORDERED = """
    SELECT e.item_id, e.target_id FROM work_dependency e
    JOIN work_item i ON i.id = e.item_id
    WHERE i.workspace_id = %s AND e.kind = ANY(%s) AND e.target_id IS NOT NULL
"""
# `bd-a1f.12`: the twelfth child of bd-a1f, whoever its parent is by now.
_CHILDREN = r"""
    UPDATE work_item p SET last_child = c.n FROM (
        SELECT upper(regexp_replace(key, '\.[0-9]+$', '')) AS above,
               max(substring(key from '\.([0-9]{1,9})$')::int) AS n
        FROM work_item WHERE project_id = %(project)s AND key ~ '\.[0-9]{1,9}$' GROUP BY 1
    ) c WHERE p.project_id = %(project)s AND upper(p.key) = c.above AND p.last_child < c.n
"""
_NUMBERS = r"""
    UPDATE work_project p SET last_number = greatest(p.last_number, coalesce((
        SELECT max(substring(i.key from '-([0-9]{1,15})$')::bigint) FROM work_item i
        WHERE i.project_id = p.id AND i.key ~ '^[A-Za-z0-9_.-]+-[0-9]{1,15}$'
    ), 0)) WHERE p.id = %(project)s AND p.ids = 'sequence'
"""


def allow(seconds: int) -> None:
    """Let single statements, and the thinking between them, take this long until the transaction
    ends: a hundred thousand rows take longer than any request may otherwise."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, true),"
            " set_config('idle_in_transaction_session_timeout', %s, true)",
            [f"{seconds}s", f"{seconds}s"],
        )


def expect_many() -> None:
    """Plan for a full table. The statistics are of the time before the rows came, and the
    application may not renew them: PostgreSQL would look up each of them by itself."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('enable_nestloop', 'off', true)")


def ids_of(uids: Sequence[UUID]) -> list[int]:
    """Of items that were copied in, in this order. The portal's role may not draw numbers from a
    sequence by itself: only what it inserts may."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT uid, id FROM work_item WHERE uid = ANY(%s)", [list(uids)])
        found = dict(cursor.fetchall())
    return [found[uid] for uid in uids]


def copy(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    named = ", ".join(columns)
    count = 0
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({named}) FROM STDIN") as copying,
    ):
        for row in rows:
            copying.write_row(row)
            count += 1
    return count


def document(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def change(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    sql = _CHANGE.format(
        columns=", ".join(columns), sources=", ".join(f"r.{name}" for name in columns)
    )
    with connection.cursor() as cursor:
        for start in range(0, len(rows), _AT_ONCE):
            part = json.dumps(rows[start : start + _AT_ONCE], default=_plain)
            cursor.execute(sql, [part])


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(type(value).__name__)


def set_parents(ids: Collection[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_PARENTS, [list(ids)])


def count_on(project_id: int) -> None:
    """Numbers given from now on come after those that were brought."""
    with connection.cursor() as cursor:
        cursor.execute(_CHILDREN, {"project": project_id})
        cursor.execute(_NUMBERS, {"project": project_id})


def ordered_edges(workspace_id: int) -> list[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(_ORDERED, [workspace_id, list(vocabulary.ORDERED)])
        return [(row[0], row[1]) for row in cursor.fetchall()]


def loop_in(edges: Iterable[tuple[int, int]]) -> list[int]:
    """The items of one loop, in order; empty when there is none."""
    after: dict[int, list[int]] = {}
    waiting: dict[int, int] = {}
    for item, target in edges:
        after.setdefault(target, []).append(item)
        waiting[item] = waiting.get(item, 0) + 1
        waiting.setdefault(target, 0)
    free = [item for item, number in waiting.items() if not number]
    while free:
        done = free.pop()
        del waiting[done]
        for item in after.get(done, ()):
            waiting[item] -= 1
            if not waiting[item]:
                free.append(item)
    return _walk(after, waiting) if waiting else []


def _walk(after: Mapping[int, Sequence[int]], left: Mapping[int, int]) -> list[int]:
    """All that is left waits for something left: going back from any of it ends in a loop."""
    before = {item: target for target in left for item in after.get(target, ()) if item in left}
    at = next(iter(left))
    path: dict[int, None] = {}
    while at not in path:
        path[at] = None
        at = before[at]
    walked = list(path)
    return walked[walked.index(at) :]

"""What stands in the way of closing an item."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection

from controlplane.work import vocabulary
from controlplane.work.models import Item

_NAMED = 5

# The first few of each, in one look: a status flip asks this under the workspace's lock.
_BEFORE = """
    (SELECT 1, t.id, t.key FROM work_dependency e JOIN work_item t ON t.id = e.target_id
     WHERE e.item_id = %(id)s AND e.kind = ANY(%(blocking)s)
       AND t.active AND t.id <> ALL(%(closing)s)
     ORDER BY t.id LIMIT %(most)s)
    UNION ALL
    (SELECT 2, t.id, t.key FROM work_dependency e JOIN work_item t ON t.id = e.target_id
     WHERE e.item_id = %(id)s AND e.kind = %(waits)s AND e.unmet ORDER BY t.id LIMIT %(most)s)
    UNION ALL
"""
_UNDER = """
    (SELECT 3, c.id, c.key FROM work_item c
     WHERE c.parent_id = %(id)s AND c.active AND c.id <> ALL(%(closing)s)
     ORDER BY c.id LIMIT %(most)s)
"""
_WORDS = {
    1: "blocked by open issues",
    2: "waits for the children of",
    3: "has open children",
}


# What an item of operations stands for may go on: (item) -> why it stays open, or the empty text.
# The packages above put themselves here.
stays_open: list[Callable[[Item], str]] = []


def open_work(item: Item, *, also_closing: frozenset[int] = frozenset()) -> list[str]:
    """Sentences; empty when it may be closed. What closes in the same step does not stand in the
    way."""
    found: dict[int, list[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            _BEFORE + _UNDER if item.open_blockers else _UNDER,
            {
                "id": item.pk,
                "blocking": list(vocabulary.BLOCKING),
                "waits": vocabulary.WAITS,
                "closing": list(also_closing),
                "most": _NAMED + 1,
            },
        )
        for why, _, key in sorted(cursor.fetchall()):
            found.setdefault(why, []).append(key)
    words = [f"{_WORDS[why]} {_some(keys)}" for why, keys in found.items()]
    if item.is_operations:
        words += filter(None, (ask(item) for ask in stays_open))
    return words


def _some(keys: list[str]) -> str:
    if len(keys) > _NAMED:
        return f"[{', '.join(keys[:_NAMED])}, …]"
    return f"[{', '.join(keys)}]"

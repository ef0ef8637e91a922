"""Rows of others that name an item."""

from __future__ import annotations

from django.db import connection


def refer(*item_ids: int | None) -> set[int]:
    """Let these items stay until the transaction ends; which of them are there. For whoever will
    write a key to them: call it before you take rows of your own.

    To write the key takes this very lock, and whoever deletes an item holds it and comes for the
    rows that name it. With your rows taken first, the two wait for each other in a circle.
    """
    ids = sorted({each for each in item_ids if each is not None})
    if not ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_REFER, [ids])
        return {row[0] for row in cursor}


_REFER = "SELECT id FROM work_item WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE"

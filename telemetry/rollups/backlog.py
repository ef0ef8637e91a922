"""How far the rollups are behind."""

from __future__ import annotations

from django.db import connection

MOST = 200_001


def waiting() -> dict[str, int]:
    """Marks that wait, by grain, counted to 200,001 in all."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT grain, count(*) FROM"
            " (SELECT grain FROM telemetry_dirty LIMIT %s) AS marks GROUP BY grain",
            [MOST],
        )
        return {grain: int(number) for grain, number in cursor.fetchall()}


def oldest_mark() -> float:
    """Seconds that the oldest minute has waited; 0.0 when none does. Marks come in the order of
    their ids, so a few of the first tell."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM clock_timestamp() - min(at)) FROM (SELECT at"
            " FROM telemetry_dirty WHERE grain = 'minute' ORDER BY id LIMIT 1000) AS first"
        )
        waited = cursor.fetchone()[0]
    return max(0.0, float(waited or 0.0))

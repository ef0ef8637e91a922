"""How what is promised after and during incidents is kept, by month: reviews, and updates. Drills,
false alarms and duplicates don't count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

# A review counts in the month it was due, once it is published or late; an update in the month it
# was due, too.
_BY_MONTH = """
    WITH reviews AS (
        SELECT to_char(i.review_due_at AT TIME ZONE 'UTC', 'YYYY-MM') AS month,
            count(*) FILTER (WHERE r.first_published_at <= i.review_due_at) AS kept,
            count(*) FILTER (
                WHERE coalesce(r.first_published_at, %(now)s) > i.review_due_at) AS late
        FROM incidents_incident i LEFT JOIN incidents_incidentreview r ON r.incident_id = i.id
        WHERE i.workspace_id = ANY(%(spaces)s::bigint[]) AND i.review_due_at >= %(since)s
          AND i.origin <> 'drill' AND i.status NOT IN ('merged', 'cancelled')
        GROUP BY 1
    ), posted AS (
        SELECT to_char(u.due_at AT TIME ZONE 'UTC', 'YYYY-MM') AS month, count(*) AS kept
        FROM incidents_update u JOIN incidents_incident i ON i.id = u.incident_id
        WHERE u.workspace_id = ANY(%(spaces)s::bigint[]) AND u.status = 'posted'
          AND u.due_at >= %(since)s AND u.posted_at <= u.due_at AND i.origin <> 'drill'
        GROUP BY 1
    ), missed AS (
        SELECT to_char(m.due_at AT TIME ZONE 'UTC', 'YYYY-MM') AS month, sum(m.times) AS missed
        FROM incidents_missedupdate m JOIN incidents_incident i ON i.id = m.incident_id
        WHERE m.workspace_id = ANY(%(spaces)s::bigint[]) AND m.due_at >= %(since)s
          AND i.origin <> 'drill'
        GROUP BY 1
    )
    SELECT month, coalesce(reviews.kept, 0), coalesce(reviews.late, 0),
        coalesce(posted.kept, 0), coalesce(missed.missed, 0)
    FROM reviews FULL JOIN posted USING (month) FULL JOIN missed USING (month)
    WHERE coalesce(reviews.kept, 0) + coalesce(reviews.late, 0) + coalesce(posted.kept, 0)
        + coalesce(missed.missed, 0) > 0
    ORDER BY month DESC
"""


@dataclass(frozen=True, slots=True)
class Month:
    month: str
    reviews_in_time: int
    reviews_late: int
    updates_in_time: int
    updates_missed: int

    @property
    def reviews_percent(self) -> int | None:
        return _percent(self.reviews_in_time, self.reviews_late)

    @property
    def updates_percent(self) -> int | None:
        return _percent(self.updates_in_time, self.updates_missed)


def by_month(spaces: Sequence[int], since: datetime, now: datetime) -> list[Month]:
    """The latest first; months without any promise are left out."""
    values: dict[str, Any] = {"spaces": list(spaces), "since": since, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(_BY_MONTH, values)
        rows = cursor.fetchall()
    return [Month(month, *map(int, counts)) for month, *counts in rows]


def _percent(kept: int, missed: int) -> int | None:
    """None where none was due: that is no hundred."""
    return round(100 * kept / (kept + missed)) if kept + missed else None

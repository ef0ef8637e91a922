"""What came of what was accepted, asked of the database and of the mail server alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

# Steps that are not taken yet, messages nobody made anything of, pages that are still to be sent.
_OPEN = """
    SELECT (SELECT count(*) FROM incidents_inboundevent WHERE state IN ('waiting', 'leased'))
         + (SELECT count(*) FROM incidents_escalationrun r WHERE r.status = 'running'
              AND (SELECT count(DISTINCT p.step) FROM incidents_page p WHERE p.run_id = r.id) < %s)
         + (SELECT count(*) FROM notify_delivery d
            JOIN incidents_page p ON p.notification_id = d.notification_id
            WHERE d.state = 'waiting')
"""
_STORED = """
    SELECT labels->>'alertname', count(*), count(DISTINCT incident_id),
           count(*) FILTER (WHERE incident_id IS NULL)
    FROM incidents_alert GROUP BY 1
"""
_CALLED = """
    SELECT a.name, count(DISTINCT r.id), count(DISTINCT p.step) FILTER (WHERE p.user_id IS NOT NULL)
    FROM (SELECT DISTINCT labels->>'alertname' AS name, incident_id FROM incidents_alert) a
    LEFT JOIN incidents_escalationrun r ON r.incident_id = a.incident_id
    LEFT JOIN incidents_page p ON p.run_id = r.id
    GROUP BY 1
"""
_PAGES = """
    SELECT n.uid::text, lower(u.email), i.ref, p.step
    FROM incidents_page p
    JOIN incidents_incident i ON i.id = p.incident_id
    JOIN notify_notification n ON n.id = p.notification_id
    JOIN access_user u ON u.id = p.user_id
"""
_TWICE = """
    SELECT count(*) FROM (SELECT 1 FROM incidents_page WHERE user_id IS NOT NULL
                          GROUP BY run_id, round, step, target HAVING count(*) > 1) doubled
"""
_ALARMS = "SELECT DISTINCT kind || ' ' || subject FROM jobs_watchalarm ORDER BY 1"


@dataclass(slots=True)
class Audit:
    pages: int = 0
    lost_alerts: list[str] = field(default_factory=list)
    split: list[str] = field(default_factory=list)  # one group, several incidents
    uncalled: list[str] = field(default_factory=list)
    lost_pages: list[str] = field(default_factory=list)
    doubled: int = 0  # the same step called twice
    repeats: int = 0  # the same page mailed again

    @property
    def lost(self) -> int:
        return len(self.lost_alerts) + len(self.uncalled) + len(self.lost_pages)


def unfinished(database: psycopg.Connection[Any], steps: int) -> int:
    row = database.execute(_OPEN, [steps]).fetchone()
    return int(row[0]) if row else 0


def alarms(database: psycopg.Connection[Any]) -> list[str]:
    return [str(name) for (name,) in database.execute(_ALARMS)]


def audit(
    database: psycopg.Connection[Any],
    accepted: Mapping[str, int],
    mailed: Counter[tuple[str, str]],
    steps: int,
) -> Audit:
    found = Audit()
    stored = {name: tuple(rest) for name, *rest in database.execute(_STORED)}
    called = {name: tuple(rest) for name, *rest in database.execute(_CALLED)}
    for name, count in accepted.items():
        have, incidents, without = stored.get(name, (0, 0, 0))
        if have < count or without:
            found.lost_alerts.append(name)
        if incidents > 1:
            found.split.append(name)
        runs, taken = called.get(name, (0, 0))
        if not runs or taken < steps:
            found.uncalled.append(f"{name}: {taken} of {steps} steps, {runs} runs")
    for key, email, ref, step in database.execute(_PAGES):
        found.pages += 1
        times = mailed[key, email]
        if not times:
            found.lost_pages.append(f"{ref} step {step} to {email}")
        found.repeats += max(0, times - 1)
    row = database.execute(_TWICE).fetchone()
    found.doubled = int(row[0]) if row else 0
    return found

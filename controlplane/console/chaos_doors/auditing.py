"""What came of what was acknowledged, asked of the database and of the mail server alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from controlplane.console.chaos_doors.doors import DOORS, Door

# Work that is still to be done: nothing of it may be left once it is calm. What waits for a day
# far from now (a release that knows it, a promise of next week) is none.
_OPEN = {
    "alerts": "SELECT 1 FROM incidents_inboundevent WHERE state IN ('waiting', 'leased')",
    "deliveries": "SELECT 1 FROM notify_delivery WHERE state = 'waiting'",
    "outbox": """
        SELECT 1 FROM notify_outboxmessage WHERE state IN ('waiting', 'leased')
            AND ready_at < now() + interval '15 minutes'
    """,
    "signals": """
        SELECT 1 FROM base_signal WHERE state IN ('waiting', 'leased')
            AND ready_at < now() + interval '15 minutes'
    """,
    "timers": """
        SELECT 1 FROM jobs_timer WHERE state IN ('waiting', 'leased')
            AND ready_at < now() - interval '2 seconds'
    """,
}
_DEAD = "SELECT count(*) FROM notify_outboxmessage WHERE state = 'dead'"
# Mails that the portal says it has sent, by what must not repeat and to whom.
_MAILED = """
    SELECT n.uid::text, lower(u.email), n.kind
    FROM notify_delivery d
    JOIN notify_notification n ON n.id = d.notification_id
    JOIN access_user u ON u.id = d.user_id
    WHERE d.state = 'sent' AND d.method = 'email'
"""
# Numbers of a thread are without a gap, whoever was killed while one was drawn.
_GAPS = """
    SELECT t.ref FROM threads_thread t JOIN threads_message m ON m.thread_id = t.id
    GROUP BY t.id HAVING max(m.seq) <> count(*) OR t.last_seq <> count(*)
"""


@dataclass(slots=True)
class Audit:
    stored: dict[str, int] = field(default_factory=dict)  # door -> rows
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    dead: int = 0
    mails: int = 0
    mails_lost: list[str] = field(default_factory=list)
    mails_again: int = 0


def unfinished(database: psycopg.Connection[Any]) -> dict[str, int]:
    found = {}
    for name, statement in _OPEN.items():
        rows = database.execute(statement).fetchall()
        if rows:
            found[name] = len(rows)
    return found


def audit(
    database: psycopg.Connection[Any],
    accepted: Mapping[str, Sequence[str]],
    mailed: Counter[tuple[str, str]],
) -> Audit:
    found = Audit()
    for door in DOORS:
        _door(database, door, accepted.get(door.name, ()), found)
    found.gaps = [str(ref) for (ref,) in database.execute(_GAPS)]
    row = database.execute(_DEAD).fetchone()
    found.dead = int(row[0]) if row else 0
    for key, email, kind in database.execute(_MAILED):
        found.mails += 1
        times = mailed[key, email]
        if not times:
            found.mails_lost.append(f"{kind} to {email}")
        found.mails_again += max(0, times - 1)
    return found


def _door(
    database: psycopg.Connection[Any], door: Door, accepted: Sequence[str], found: Audit
) -> None:
    rows = database.execute(door.stored, [f"chaos-{door.name}-%"])
    have: dict[str, int] = {}
    for name, count in rows:
        have[name] = have.get(name, 0) + int(count)
    found.stored[door.name] = len(have)
    found.lost += [key for key in accepted if not have.get(key)]
    found.doubled += [key for key, count in have.items() if count > 1]

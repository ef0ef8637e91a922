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
_SOON = "state IN ('waiting', 'leased') AND ready_at < now() + interval '15 minutes'"
_OPEN = {
    "alerts": ("incidents_inboundevent", "'an alert'", "state IN ('waiting', 'leased')"),
    "outbox": ("notify_outboxmessage", "topic", _SOON),
    "signals": ("base_signal", "kind", _SOON),
    "timers": (
        "jobs_timer",
        "kind",
        "state IN ('waiting', 'leased') AND ready_at < now() - interval '2 seconds'",
    ),
}
_DELIVERIES = "SELECT count(*) FROM notify_delivery WHERE state = 'waiting'"
SHOWN = 5
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
    dead: list[str] = field(default_factory=list)
    mails: int = 0
    mails_lost: list[str] = field(default_factory=list)
    mails_again: int = 0


def unfinished(database: psycopg.Connection[Any]) -> dict[str, int]:
    counts = {
        name: f"SELECT count(*) FROM {table} WHERE {still}"  # noqa: S608 - names of our own
        for name, (table, _, still) in _OPEN.items()
    }
    counts["deliveries"] = _DELIVERIES
    found = {name: _number(database, statement) for name, statement in counts.items()}
    return {name: count for name, count in found.items() if count}


def why(database: psycopg.Connection[Any]) -> list[str]:
    """Of what is not done: what it is, how often it was tried, when again, and what went wrong."""
    found = []
    for name, (table, kind, still) in _OPEN.items():
        rows = database.execute(
            f"SELECT {kind}, state, max(attempts), count(*),"  # noqa: S608 - names of our own
            " round(extract(epoch FROM max(ready_at) - now())), max(left(last_error, 160))"
            f" FROM {table} WHERE {still} GROUP BY 1, 2 ORDER BY 4 DESC LIMIT {SHOWN}"
        )
        for what, state, attempts, count, wait, error in rows:
            found.append(
                f"{name}: {count} × {what}, {state}, tried {attempts} times,"
                f" due in {wait} s{f': {error}' if error else ''}"
            )
    return found


def _dead(database: psycopg.Connection[Any]) -> list[str]:
    """What the portal tried for so long that it waits for a person now."""
    return [
        f"{what}: {error}"
        for table, kind, _ in _OPEN.values()
        for what, error in database.execute(
            f"SELECT {kind}, left(last_error, 160) FROM {table}"  # noqa: S608 - names of our own
            " WHERE state = 'dead' ORDER BY id"
        )
    ]


def _number(database: psycopg.Connection[Any], statement: str) -> int:
    row = database.execute(statement).fetchone()
    return int(row[0]) if row else 0


def audit(
    database: psycopg.Connection[Any],
    accepted: Mapping[str, Sequence[str]],
    mailed: Counter[tuple[str, str]],
) -> Audit:
    found = Audit()
    for door in DOORS:
        _door(database, door, accepted.get(door.name, ()), found)
    found.gaps = [str(ref) for (ref,) in database.execute(_GAPS)]
    found.dead = _dead(database)
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

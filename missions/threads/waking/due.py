"""Which wakes a supervisor may take now, and the locks that its limits count under."""

from __future__ import annotations

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from missions.threads.models import AgentPulse, WakeTrigger

CHANNEL = "threads_wake"
# The first of two keys of PostgreSQL's advisory locks: "thread wakes".
_LOCKS = 0x54574B45
RUNS = 0  # the second one, of what counts over all agents
_LEADS = "coordinator"


def takeable() -> QuerySet[WakeTrigger]:
    """Open, and nobody paused them. Those of a thread that is blocked wait with it, except for
    whoever may write there; what an operator forces waits for nothing."""
    paused = AgentPulse.objects.filter(agent_id=OuterRef("agent_id"), wakes_paused=True)
    held = Q(thread__wakes_paused=True) | Q(participant__wakes=False, reason="unread")
    blocked = Q(thread__status="blocked") & ~Q(agent__role=_LEADS)
    rows: QuerySet[WakeTrigger] = WakeTrigger.objects.open()
    return rows.filter(Q(forced=True) | ~Exists(paused) & ~held & ~blocked)


def lock(key: int) -> None:
    """Of those who count the same, one after the other, until the commit."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCKS, key % 2**31])


def notify() -> None:
    """A supervisor looks at once, when this is committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])

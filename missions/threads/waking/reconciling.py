"""What was missed, found every few seconds: each in one statement, however many threads there are.

A participant that sleeps over unread messages without an open wake gets one: the message came while
it was awake, or the wake ended before it read. At the pace of the messages' own wakes, and not for
ever: what was given up, or led to nothing so often, waits until something changes: a message, a
read, a sign of life.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from controlplane.audit.services import record
from controlplane.jobs import engine
from missions.threads import numbers
from missions.threads.models import RuntimeSession, WakeRun, WakeTrigger
from missions.threads.services.common import PORTAL
from missions.threads.waking import due
from missions.threads.waking.services import holding, running
from missions.threads.waking.services.running import KILLED

MODULE = "threads.wakes"
MOST = 500  # of one turn; the next is seconds away
_LOST = timedelta(minutes=1)  # beyond its time: whoever followed it would have ended it

_TEMPLATE = """
WITH asleep AS (
    SELECT p.id, p.agent_id, p.role, p.read_at, p.last_read_seq, p.joined_at, t.id AS thread_id,
        t.workspace_id, coalesce(u.seen_at, '-infinity'::timestamptz) AS seen_at
    FROM threads_participant p
    JOIN threads_thread t ON t.id = p.thread_id
    JOIN access_agent g ON g.id = p.agent_id
    LEFT JOIN threads_agentpulse u ON u.agent_id = p.agent_id
    WHERE p.left_at IS NULL AND p.wakes AND g.is_active AND t.last_seq > p.last_read_seq
        AND (%(agent)s::bigint IS NULL OR p.agent_id = %(agent)s::bigint)
        AND t.status IN ('active', 'resolved') AND NOT t.wakes_paused
        AND NOT coalesce(u.wakes_paused, false)
        AND coalesce(u.seen_at, '-infinity'::timestamptz)
            < statement_timestamp() - %(fresh)s::float8 * interval '1 second'
        AND NOT EXISTS (SELECT FROM threads_waketrigger w
            WHERE w.participant_id = p.id AND w.state IN ('waiting', 'leased'))
), unread AS (
    SELECT a.*, f.seq AS from_seq, l.seq AS to_seq, f.created_at AS message_at,
        f.correlation_id
    FROM asleep a
    CROSS JOIN LATERAL (SELECT m.seq, m.created_at, m.correlation_id FROM threads_message m
        WHERE {meant} ORDER BY m.seq LIMIT 1) f
    CROSS JOIN LATERAL (SELECT m.seq FROM threads_message m WHERE {meant}
        ORDER BY m.seq DESC LIMIT 1) l
), spaced AS (
    SELECT n.*, b.n AS before, b.first, b.last, b.covering, e.state, e.error_code, e.finished_at
    FROM unread n
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE w.recent) AS n,
            min(w.created_at) FILTER (WHERE w.recent) AS first,
            max(w.created_at) FILTER (WHERE w.recent) AS last,
            count(*) FILTER (WHERE w.to_seq >= n.to_seq) AS covering
        FROM (SELECT created_at, to_seq,
                created_at > statement_timestamp()
                    - %(window)s::float8 * interval '1 second' AS recent
            FROM threads_waketrigger WHERE participant_id = n.id
                AND created_at > coalesce(n.read_at, '-infinity'::timestamptz)
            ORDER BY id DESC LIMIT %(most)s::int) w
    ) b
    LEFT JOIN LATERAL (SELECT state, error_code, finished_at FROM threads_waketrigger
        WHERE participant_id = n.id AND to_seq >= n.to_seq ORDER BY id DESC LIMIT 1) e ON true
), chosen AS (
    SELECT * FROM spaced s
    WHERE s.covering < %(most)s::int
        AND NOT (coalesce(s.state = 'dead' OR s.error_code = %(killed)s::text, false)
            AND s.seen_at <= s.finished_at
            AND NOT EXISTS (SELECT FROM threads_runtimesession r
                WHERE r.agent_id = s.agent_id
                    AND greatest(r.beat_at, r.connected_at) > s.finished_at))
    ORDER BY s.message_at, s.id LIMIT %(limit)s::int
), made AS (
    INSERT INTO threads_waketrigger (state, ready_at, attempts, max_attempts, last_error,
        created_at, uid, workspace_id, thread_id, participant_id, agent_id, status, reason, why,
        prompt, from_seq, to_seq, forced, asked_by, live_tries, resume_tries, spawn_tries,
        deferrals, acked_by, result, error_code, message_at, correlation_id, version)
    SELECT 'waiting', CASE WHEN before = 0 THEN statement_timestamp()
            WHEN before >= %(most)s::int
                THEN first + %(window)s::float8 * interval '1 second'
            ELSE greatest(statement_timestamp(), last + %(gap)s::float8 * interval '1 second')
            END,
        0, 100, '', clock_timestamp(), gen_random_uuid(), workspace_id, thread_id, id, agent_id,
        'queued', 'unread', '', '', from_seq, to_seq, false, '', 0, 0, 0, 0, '', '', '',
        greatest(message_at, seen_at + %(fresh)s::float8 * interval '1 second'),
        correlation_id, 1
    FROM chosen
    ORDER BY id -- as a post takes them: who waited crosswise would wait for ever
    ON CONFLICT (participant_id) WHERE state IN ('waiting', 'leased') DO NOTHING
    RETURNING id
)
SELECT count(*) FROM made
"""

_MISSED = _TEMPLATE.format(  # our own text: values are parameters
    meant=(
        "m.thread_id = a.thread_id AND m.seq > a.last_read_seq AND m.created_at >= a.joined_at"
        " AND m.agent_id IS DISTINCT FROM a.agent_id AND (m.\"to\" = 'all'"
        " OR m.\"to\" = 'role' AND m.to_role = a.role"
        " OR m.\"to\" = 'agents' AND a.agent_id = ANY(m.to_agents))"
    )
)

_ENDED = """
UPDATE threads_waketrigger w SET state = 'cancelled', status = 'cancelled', lease_token = NULL,
    error_code = CASE WHEN t.status = 'closed' THEN 'THREAD_CLOSED' ELSE 'NOT_A_PARTICIPANT' END,
    finished_at = statement_timestamp(), version = w.version + 1
FROM threads_thread t, threads_participant p
WHERE w.state IN ('waiting', 'leased') AND t.id = w.thread_id AND p.id = w.participant_id
    AND (t.status = 'closed' OR p.left_at IS NOT NULL)
RETURNING w.id
"""

_OLD_KEYS = """
UPDATE threads_message SET idempotency_key = NULL WHERE id IN (
    SELECT id FROM threads_message WHERE idempotency_key IS NOT NULL
        AND created_at < statement_timestamp() - %s::float8 * interval '1 hour' LIMIT %s)
"""

_OLD_REQUESTS = """
UPDATE threads_waketrigger SET request_key = NULL WHERE id IN (
    SELECT id FROM threads_waketrigger WHERE request_key IS NOT NULL
        AND created_at < statement_timestamp() - %s::float8 * interval '1 hour' LIMIT %s)
"""


def work(deadline: float) -> int:
    """The engine's module: safe to run twice, and beside itself."""
    return missed() + ended() + stale() + overdue() + forget()


def missed(agent_id: int | None = None) -> int:
    """Wakes for whoever sleeps over something unread, or for this agent if it does."""
    values: dict[str, int | float | str | None] = {
        "agent": agent_id,
        "fresh": numbers.FRESH_SECONDS.value,
        "window": numbers.AUTO_WINDOW_SECONDS.value,
        "gap": numbers.AUTO_GAP_SECONDS.value,
        "most": numbers.AUTO_MOST.value,
        "killed": KILLED,
        "limit": MOST,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MISSED, values)
        made = int(cursor.fetchone()[0])
    if made:
        due.notify()
    return made


def ended() -> int:
    """Wakes for threads that were closed, and for who no longer takes part."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ENDED)
        gone = [pk for (pk,) in cursor.fetchall()]
        rows = WakeTrigger.objects.filter(pk__in=gone).select_related("thread", "agent")
        for row in rows.order_by("pk"):
            holding.note_end(row, row.status, row.error_code)
    return len(gone)


def stale() -> int:
    """Sessions that are silent for so long that nobody trusts them to be there."""
    rows = RuntimeSession.objects.stale().exclude(status=RuntimeSession.Status.OFFLINE)
    found = list(rows.order_by("pk")[:MOST])
    gone = RuntimeSession.objects.stale().filter(pk__in=[row.pk for row in found])
    changed = gone.update(status=RuntimeSession.Status.OFFLINE, version=F("version") + 1)
    for row in found:
        record(
            PORTAL, "thread.runtime:off", row, before={"status": row.status},
            after={"status": "offline"}, reason="Silent for too long.",
        )  # fmt: skip
    return changed


def overdue() -> int:
    """Commands on machines that fell silent: whether they still run, nobody can say."""
    rows = WakeRun.objects.running().filter(deadline_at__lt=Now() - _LOST).order_by("pk")
    reason = "Nobody followed it to its end."
    return sum(running.end_run(row, "orphaned", reason=reason) for row in rows[:MOST])


def forget() -> int:
    """Keys that nobody repeats any more."""
    values = [numbers.IDEMPOTENCY_HOURS.value, 4 * MOST]
    with connection.cursor() as cursor:
        cursor.execute(_OLD_KEYS, values)
        gone = int(cursor.rowcount)
        cursor.execute(_OLD_REQUESTS, values)
        return gone + int(cursor.rowcount)


engine.module(MODULE, work, every=timedelta(seconds=numbers.TICK_SECONDS.value), order=45)

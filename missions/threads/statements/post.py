"""Posting: who may, whether it was said before, the pace, the number, the guards, the message, the
audit, and a wake for each who sleeps, in one statement.

The pace of a thread holds agents: who stops a flood of theirs says so in the thread.

The thread's row is updated once and locked from then to the commit. That makes numbers gap-free and
their order the order of commits; whoever waits for the lock has the guards judged on the row as it
is then. Rows are always taken in the order pulse, thread, wakes.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from controlplane.audit.services import WRITABLE

# Events that begin or continue a finding, that settle it, and that are progress.
OPENS = ("finding_reported", "finding_rejected")
SETTLES = ("finding_verified",)
PROGRESS = ("fix_pushed", "finding_verified", "thread_resolved")

_TEMPLATE = """
WITH t AS (
    SELECT id, uid, workspace_id, ref, title, status, wakes_paused
    FROM threads_thread WHERE uid = %(thread)s::uuid
), p AS (
    SELECT id FROM threads_participant
    WHERE thread_id = (SELECT id FROM t) AND agent_id = %(agent)s::bigint AND left_at IS NULL
), said AS (
    SELECT uid, seq, content_hash, created_at FROM threads_message
    WHERE thread_id = (SELECT id FROM t) AND sender_ref = %(sender_ref)s::text
        AND idempotency_key = %(key)s::text
), addressed AS (
    SELECT r.id, r.agent_id, r.wakes, r.read_at, r.last_read_seq
    FROM threads_participant r
    WHERE r.thread_id = (SELECT id FROM t) AND r.left_at IS NULL
        AND r.agent_id IS DISTINCT FROM %(agent)s::bigint
        AND (%(to)s::text = 'all'
            OR %(to)s::text = 'role' AND r.role = %(to_role)s::text
            OR %(to)s::text = 'agents' AND r.agent_id = ANY(%(to_agents)s::bigint[]))
), ok AS (
    SELECT id FROM t
    WHERE workspace_id = ANY(%(workspaces)s::bigint[])
        AND (%(agent)s::bigint IS NULL OR EXISTS (SELECT FROM p))
        AND NOT EXISTS (SELECT FROM said)
        AND (%(to)s::text = 'all'
            OR (SELECT count(*) FROM addressed)
                >= greatest(1, cardinality(%(to_agents)s::bigint[])))
), pulse AS (
    INSERT INTO threads_agentpulse AS u (agent_id, seen_at, paced_until, wakes_paused)
    SELECT %(agent)s::bigint, clock_timestamp(),
        clock_timestamp() + %(agent_gap)s::float8 * interval '1 second', false
    FROM ok WHERE %(agent)s::bigint IS NOT NULL
    ON CONFLICT (agent_id) DO UPDATE SET seen_at = clock_timestamp(),
        paced_until = greatest(u.paced_until, clock_timestamp())
            + %(agent_gap)s::float8 * interval '1 second'
    WHERE u.paced_until
        <= clock_timestamp() + %(agent_ahead)s::float8 * interval '1 second'
    RETURNING u.agent_id
), gate AS (
    SELECT id FROM ok WHERE %(agent)s::bigint IS NULL
    UNION ALL SELECT ok.id FROM ok, pulse
), bumped AS (
    UPDATE threads_thread x SET
        last_seq = x.last_seq + CASE WHEN {tripped} THEN 2 ELSE 1 END,
        guarded_seq = CASE WHEN {tripped} THEN x.last_seq + 2 ELSE x.guarded_seq END,
        status = CASE WHEN {tripped} THEN 'blocked' ELSE x.status END,
        status_at = CASE WHEN {tripped} THEN clock_timestamp() ELSE x.status_at END,
        status_reason = CASE WHEN {loops} THEN %(loop_text)s::text
            WHEN {idles} THEN %(idle_text)s::text ELSE x.status_reason END,
        blocked_by = CASE WHEN {loops} THEN 'repeated_finding'
            WHEN {idles} THEN 'no_progress' ELSE x.blocked_by END,
        version = x.version + CASE WHEN {tripped} THEN 1 ELSE 0 END,
        idle_turns = CASE WHEN %(moves)s::boolean THEN 0
            WHEN %(turn)s::boolean THEN x.idle_turns + 1 ELSE x.idle_turns END,
        findings = CASE
            WHEN %(opens)s::text IS NOT NULL THEN x.findings || jsonb_build_object(
                {name}, coalesce((x.findings ->> {name})::int, 0) + 1)
            WHEN %(settles)s::text IS NOT NULL THEN x.findings - %(settles)s::text
            ELSE x.findings END,
        last_message_at = clock_timestamp(),
        paced_until = greatest(x.paced_until, clock_timestamp())
            + %(thread_gap)s::float8 * interval '1 second'
    FROM gate
    WHERE x.id = gate.id
        AND (x.status IN ('active', 'resolved') OR x.status = 'blocked' AND %(leads)s::boolean)
        AND (NOT %(turn)s::boolean OR coalesce(x.paced_until, '-infinity'::timestamptz)
            <= clock_timestamp() + %(thread_ahead)s::float8 * interval '1 second')
        AND coalesce(%(reply)s::bigint, 0) <= x.last_seq
    RETURNING x.id, x.workspace_id, x.uid, x.ref, x.title, x.last_seq, x.status, x.status_reason,
        x.blocked_by, x.version, x.last_message_at,
        x.guarded_seq = x.last_seq AS tripped
), posted AS (
    INSERT INTO threads_message (uid, thread_id, seq, schema_version, kind, event, body, metadata,
        in_reply_to, "to", to_role, to_agents, sender_ref, sender_label, agent_id, user_id,
        session, idempotency_key, content_hash, correlation_id, created_at)
    SELECT %(uid)s::uuid, id, last_seq - CASE WHEN tripped THEN 1 ELSE 0 END,
        %(schema_version)s::smallint, %(kind)s::text, %(event)s::text, %(body)s::text,
        %(metadata)s::jsonb, %(reply)s::bigint, %(to)s::text, %(to_role)s::text,
        %(to_agents)s::bigint[], %(sender_ref)s::text, %(sender_label)s::text, %(agent)s::bigint,
        %(user)s::bigint, %(session)s::text, %(key)s::text, %(hash)s::bytea,
        %(correlation_id)s::text, last_message_at
    FROM bumped
    UNION ALL
    SELECT %(system_uid)s::uuid, id, last_seq, 1, 'system', '', status_reason,
        jsonb_build_object('guard', blocked_by), NULL, 'all', '', ARRAY[]::bigint[],
        %(portal_ref)s::text, %(portal_label)s::text, NULL, NULL, '', NULL, ''::bytea,
        %(correlation_id)s::text, last_message_at
    FROM bumped WHERE tripped
    RETURNING uid, seq, created_at
), audited AS (
    INSERT INTO audit_auditevent ({audit})
    SELECT %(audit_uid)s::uuid, workspace_id, %(actor_kind)s::text, %(sender_ref)s::text,
        %(sender_label)s::text, 'thread.post', 'threads.thread', 'threads.thread:' || id,
        left(ref || ' ' || title, 200), 'done', '', '', NULL::jsonb, NULL::jsonb,
        jsonb_build_object('seq', last_seq - CASE WHEN tripped THEN 1 ELSE 0 END,
            'kind', %(kind)s::text, 'event', %(event)s::text, 'session', %(session)s::text),
        %(source)s::text, %(request_id)s::text, %(correlation_id)s::text, %(address)s::text
    FROM bumped
    UNION ALL
    SELECT %(guard_uid)s::uuid, workspace_id, 'job', %(portal_ref)s::text,
        %(portal_label)s::text, 'thread.escalate', 'threads.thread', 'threads.thread:' || id,
        left(ref || ' ' || title, 200), 'done', status_reason, '', NULL::jsonb,
        jsonb_build_object('status', 'blocked', 'blocked_by', blocked_by),
        jsonb_build_object('guard', blocked_by, 'seq', last_seq),
        %(source)s::text, %(request_id)s::text, %(correlation_id)s::text, %(address)s::text
    FROM bumped WHERE tripped
), told AS (
    INSERT INTO base_signal (workspace_id, kind, key, payload, correlation_id, max_attempts,
        ready_at, state, attempts, last_error, created_at)
    SELECT workspace_id, %(signal)s::text, uid || ':' || last_seq,
        jsonb_build_object('thread', uid, 'guard', blocked_by, 'seq', last_seq,
            'reason', status_reason),
        %(correlation_id)s::text, %(signal_attempts)s::smallint, statement_timestamp(), 'waiting',
        0, '', statement_timestamp()
    FROM bumped WHERE tripped
    ON CONFLICT (kind, key) DO NOTHING
), woken AS (
    INSERT INTO threads_waketrigger AS w (state, ready_at, attempts, max_attempts, last_error,
        created_at, uid, workspace_id, thread_id, participant_id, agent_id, status, reason, why,
        prompt, from_seq, to_seq, forced, asked_by, live_tries, resume_tries, spawn_tries,
        deferrals, acked_by, result, error_code, message_at, correlation_id, version)
    SELECT 'waiting', CASE WHEN before.n IS NULL OR before.n = 0 THEN statement_timestamp()
            WHEN before.n >= %(auto_most)s::int
                THEN before.first + %(auto_window)s::float8 * interval '1 second'
            ELSE greatest(statement_timestamp(),
                before.last + %(auto_gap)s::float8 * interval '1 second') END,
        0, %(wake_attempts)s::smallint, '', clock_timestamp(), gen_random_uuid(), b.workspace_id,
        b.id, a.id, a.agent_id, 'queued', 'unread', '', '', m.seq, b.last_seq, false, '', 0, 0, 0,
        0, '', '', '', m.created_at, %(correlation_id)s::text, 1
    FROM bumped b JOIN posted m ON m.uid = %(uid)s::uuid
    CROSS JOIN addressed a
    LEFT JOIN threads_agentpulse u ON u.agent_id = a.agent_id
    LEFT JOIN LATERAL (
        SELECT count(*) AS n, min(w0.created_at) AS first, max(w0.created_at) AS last
        FROM (SELECT created_at FROM threads_waketrigger
            WHERE participant_id = a.id
                AND created_at > clock_timestamp() - %(auto_window)s::float8 * interval '1 second'
                AND created_at > coalesce(a.read_at, '-infinity'::timestamptz)
            ORDER BY id DESC LIMIT %(auto_most)s::int) w0
    ) before ON true
    WHERE a.wakes AND NOT (SELECT wakes_paused FROM t) AND NOT coalesce(u.wakes_paused, false)
        AND coalesce(u.seen_at, '-infinity'::timestamptz)
            < clock_timestamp() - %(fresh)s::float8 * interval '1 second'
    ORDER BY a.id
    ON CONFLICT (participant_id) WHERE state IN ('waiting', 'leased')
        DO UPDATE SET to_seq = greatest(w.to_seq, excluded.to_seq)
    RETURNING w.xmax = 0 AS fresh
), noted AS (
    SELECT pg_notify('threads_wake', '') FROM (SELECT FROM woken WHERE fresh LIMIT 1) one
)
SELECT t.id, t.workspace_id, t.workspace_id = ANY(%(workspaces)s::bigint[]), t.status,
    %(agent)s::bigint IS NULL OR EXISTS (SELECT FROM p),
    (SELECT count(*) FROM addressed),
    said.uid, said.seq, said.content_hash, said.created_at,
    m.uid, m.seq, m.created_at, b.status, b.tripped, b.blocked_by, b.last_seq,
    EXISTS (SELECT FROM gate), (SELECT count(*) FROM woken), (SELECT count(*) FROM noted)
FROM (VALUES (1)) AS always
LEFT JOIN t ON true LEFT JOIN said ON true LEFT JOIN bumped b ON true
LEFT JOIN posted m ON m.uid = %(uid)s::uuid
"""

# A finding beyond the number that is counted apart is counted with the others.
_NAME = (
    "CASE WHEN x.findings ? %(opens)s::text OR (SELECT count(*) FROM"
    " jsonb_object_keys(x.findings)) < %(findings_open)s::int THEN %(opens)s::text"
    " ELSE 'others' END"
)
_LOOPS = (
    f"(x.status = 'active' AND %(opens)s::text IS NOT NULL AND"
    f" coalesce((x.findings ->> {_NAME})::int, 0) + 1 >= %(cycles)s::int)"
)
_IDLES = (
    "(x.status = 'active' AND %(turn)s::boolean AND NOT %(moves)s::boolean"
    " AND x.idle_turns + 1 >= %(idle_most)s::int)"
)
POST = _TEMPLATE.format(  # our own text: values are parameters
    audit=", ".join(WRITABLE),
    loops=_LOOPS,
    idles=_IDLES,
    tripped=f"({_LOOPS} OR {_IDLES})",
    name=_NAME,
)


class Answer(NamedTuple):
    thread: int | None
    workspace: int | None
    ours: bool | None
    status: str | None
    takes_part: bool
    addressed: int
    said_uid: UUID | None
    said_seq: int | None
    said_hash: bytes | None
    said_at: Any
    posted_uid: UUID | None
    seq: int | None
    created_at: Any
    now: str | None
    tripped: bool | None
    blocked_by: str | None
    last_seq: int | None
    paced: bool
    woken: int
    noted: int

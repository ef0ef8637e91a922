"""Reading after a number, and the acknowledgement of what was read."""

from __future__ import annotations

from missions.threads.statements.living import LIVES

# Rows never become Python objects: the server builds the JSON. One row more than asked for says
# whether there is more. That somebody read is a sign of life, written every few seconds at most.
_READ = """
WITH t AS (
    SELECT id, workspace_id, status, last_seq, version FROM threads_thread
    WHERE uid = %(thread)s::uuid
), p AS (
    SELECT id, role, last_read_seq FROM threads_participant
    WHERE thread_id = (SELECT id FROM t) AND agent_id = %(agent)s::bigint AND left_at IS NULL
), ok AS (
    SELECT id FROM t WHERE workspace_id = ANY(%(workspaces)s::bigint[])
        AND (%(agent)s::bigint IS NULL OR EXISTS (SELECT FROM p))
), rows AS (
    SELECT m.seq, m.uid, m.schema_version, m.kind, m.event, m.body, m.metadata, m.in_reply_to,
        m."to", m.to_role, m.to_agents, m.sender_ref, m.sender_label, m.session, m.created_at,
        m.agent_id
    FROM threads_message m
    WHERE m.thread_id = (SELECT id FROM ok) AND m.seq > %(since)s::bigint
        AND (NOT %(mine)s::boolean OR m."to" = 'all'
            OR m."to" = 'role' AND m.to_role = (SELECT role FROM p)
            OR m."to" = 'agents' AND %(agent)s::bigint = ANY(m.to_agents))
    ORDER BY m.seq LIMIT %(limit)s::int + 1
), page AS (
    SELECT * FROM rows ORDER BY seq LIMIT %(limit)s::int
), seen AS (
    INSERT INTO threads_agentpulse AS u (agent_id, seen_at, paced_until, wakes_paused)
    SELECT %(agent)s::bigint, clock_timestamp(), clock_timestamp(), false
    FROM ok WHERE %(agent)s::bigint IS NOT NULL AND {lives} AND NOT EXISTS (
        SELECT FROM threads_agentpulse WHERE agent_id = %(agent)s::bigint
            AND seen_at > clock_timestamp() - interval '3 seconds')
    ON CONFLICT (agent_id) DO UPDATE SET seen_at = clock_timestamp()
)
SELECT t.id, t.workspace_id, t.workspace_id = ANY(%(workspaces)s::bigint[]), t.status, t.last_seq,
    %(agent)s::bigint IS NULL OR EXISTS (SELECT FROM p), (SELECT last_read_seq FROM p),
    coalesce((SELECT json_agg(json_build_object(
        'message_id', r.uid, 'seq', r.seq, 'schema_version', r.schema_version, 'kind', r.kind,
        'event_type', nullif(r.event, ''), 'body', r.body, 'metadata', r.metadata,
        'in_reply_to', r.in_reply_to,
        'to', json_build_object('kind', r."to", 'role', nullif(r.to_role, ''), 'agents',
            coalesce((SELECT json_agg(g.uid ORDER BY g.id) FROM access_agent g
                WHERE r."to" = 'agents' AND g.id = ANY(r.to_agents)), '[]'::json)),
        'sender', json_build_object('kind', CASE WHEN a.id IS NOT NULL THEN 'agent'
                WHEN r.sender_ref LIKE 'user:%%' THEN 'person' ELSE 'system' END,
            'agent_id', a.uid, 'name', coalesce(a.name, r.sender_label),
            'session_id', nullif(r.session, '')),
        'created_at', to_char(r.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    ) ORDER BY r.seq)::text FROM page r LEFT JOIN access_agent a ON a.id = r.agent_id), '[]'),
    (SELECT max(seq) FROM page), (SELECT count(*) FROM rows) > %(limit)s::int
FROM (VALUES (1)) AS always LEFT JOIN t ON true
"""

READ = _READ.replace("{lives}", LIVES)

# The cursor only rises, and not past the thread's end. Whoever acknowledges is awake: a wake that
# waits for that is settled with it, unless it has a prompt that was not told yet. Rows are taken in
# the order of a heartbeat: pulse, participant, wakes.
ACK = """
WITH t AS (
    SELECT id, workspace_id, last_seq FROM threads_thread WHERE uid = %(thread)s::uuid
), p AS (
    SELECT id, last_read_seq FROM threads_participant
    WHERE thread_id = (SELECT id FROM t WHERE workspace_id = ANY(%(workspaces)s::bigint[]))
        AND agent_id = %(agent)s::bigint AND left_at IS NULL
), m AS (
    SELECT uid FROM threads_message
    WHERE thread_id = (SELECT id FROM t) AND seq = %(seq)s::bigint
), seen AS (
    INSERT INTO threads_agentpulse AS u (agent_id, seen_at, paced_until, wakes_paused)
    SELECT %(agent)s::bigint, clock_timestamp(), clock_timestamp(), false FROM p
    ON CONFLICT (agent_id) DO UPDATE SET seen_at = clock_timestamp()
    RETURNING u.agent_id
), moved AS (
    UPDATE threads_participant x SET last_read_seq = %(seq)s::bigint,
        last_acked = (SELECT uid FROM m), read_at = clock_timestamp()
    FROM p, t, seen WHERE x.id = p.id AND x.last_read_seq <= %(seq)s::bigint
        AND %(seq)s::bigint <= t.last_seq
    RETURNING x.id, x.last_read_seq, x.read_at
), answered AS (
    UPDATE threads_waketrigger w SET state = 'done', lease_token = NULL,
        status = 'delivered', acked_at = clock_timestamp(), acked_by = 'cursor',
        finished_at = clock_timestamp(), version = w.version + 1,
        result = CASE WHEN w.spawn_tries > 0 THEN 'fallback_spawned'
            WHEN w.sent_at IS NULL THEN 'already_active' ELSE 'triggered' END
    FROM moved
    WHERE w.participant_id = moved.id AND w.state IN ('waiting', 'leased')
        AND w.from_seq <= %(seq)s::bigint AND (w.sent_at IS NOT NULL OR w.prompt = '')
    RETURNING w.uid
)
SELECT t.id, t.workspace_id = ANY(%(workspaces)s::bigint[]), t.last_seq, p.last_read_seq,
    moved.last_read_seq, moved.read_at, (SELECT count(*) FROM answered)
FROM (VALUES (1)) AS always LEFT JOIN t ON true LEFT JOIN p ON true LEFT JOIN moved ON true
"""

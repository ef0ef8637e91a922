"""What an agent has not read, over all threads in which it takes part."""

from __future__ import annotations

from missions.threads.statements.living import LIVES

# A thread in which only the agent itself wrote since holds nothing for it. Of a flood, no more than
# a thousand messages a thread are counted.
_TEMPLATE = """
WITH seen AS (
    INSERT INTO threads_agentpulse AS u (agent_id, seen_at, paced_until, wakes_paused)
    SELECT %(agent)s::bigint, clock_timestamp(), clock_timestamp(), false
    WHERE {lives} AND NOT EXISTS (
        SELECT FROM threads_agentpulse WHERE agent_id = %(agent)s::bigint
            AND seen_at > clock_timestamp() - interval '3 seconds')
    ON CONFLICT (agent_id) DO UPDATE SET seen_at = clock_timestamp()
), behind AS (
    SELECT t.id, t.uid, t.ref, t.title, t.status, t.last_seq, t.last_message_at, p.role,
        p.last_read_seq
    FROM threads_participant p JOIN threads_thread t ON t.id = p.thread_id
    WHERE p.agent_id = %(agent)s::bigint AND p.left_at IS NULL
        AND t.workspace_id = ANY(%(workspaces)s::bigint[]) AND t.last_seq > p.last_read_seq
), counted AS (
    SELECT b.*, c.unread, c.ack_required, c.first_seq
    FROM behind b CROSS JOIN LATERAL (
        SELECT count(*) AS unread, min(m.seq) AS first_seq,
            count(*) FILTER (WHERE m.metadata -> 'ack_required' = 'true'::jsonb) AS ack_required
        FROM (SELECT seq, metadata FROM threads_message
            WHERE thread_id = b.id AND seq > b.last_read_seq
                AND agent_id IS DISTINCT FROM %(agent)s::bigint
                AND ("to" = 'all' OR "to" = 'role' AND to_role = b.role
                    OR "to" = 'agents' AND %(agent)s::bigint = ANY(to_agents))
            ORDER BY seq LIMIT 1000) m
    ) c
    WHERE c.unread > 0
    ORDER BY b.last_message_at DESC, b.id DESC LIMIT %(limit)s::int + 1
), page AS (
    SELECT * FROM counted ORDER BY last_message_at DESC, id DESC LIMIT %(limit)s::int
)
SELECT json_build_object(
    'threads', coalesce((SELECT json_agg(json_build_object(
        'thread_id', uid, 'ref', ref, 'title', title, 'status', status, 'role', role,
        'last_seq', last_seq, 'last_read_seq', last_read_seq, 'unread', unread,
        'ack_required', ack_required, 'first_seq', first_seq, 'last_message_at',
        to_char(last_message_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    ) ORDER BY last_message_at DESC, id DESC) FROM page), '[]'::json),
    'unread', coalesce((SELECT sum(unread) FROM page), 0),
    'ack_required', coalesce((SELECT sum(ack_required) FROM page), 0),
    'has_more', (SELECT count(*) FROM counted) > %(limit)s::int
)::text
"""
INBOX = _TEMPLATE.replace("{lives}", LIVES)

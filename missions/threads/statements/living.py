"""What of a read counts as a sign of life."""

from __future__ import annotations

# A stream that a session holds open is no sign of life while that session does nothing: it is idle,
# or it is pushed to and sleeps until then. `held` names it; "" is a stream of none that is named.
LIVES = """(%(held)s::text IS NULL OR NOT EXISTS (
        SELECT FROM threads_runtimesession WHERE agent_id = %(agent)s::bigint
            AND status <> 'offline' AND (%(held)s::text = '' OR session_id = %(held)s::text)
        HAVING count(*) > 0
            AND NOT bool_or(status = 'active' AND adapter NOT IN ('mcp', 'sse'))))"""

"""Messages as they came: kept before anything is made of them, and marked done with what was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import connection

from controlplane.lib import prepared
from incidents.models import InboundEvent

# What came is promised to nobody before what is made of it is committed, and that brings this to
# the disk as well: it need not wait for the disk by itself. `alone`: in a transaction of its own.
_KEEP_MESSAGE = """
    WITH soon AS MATERIALIZED (
        SELECT CASE WHEN %(alone)s::bool
            THEN set_config('synchronous_commit', 'off', true) END AS said
    )
    INSERT INTO incidents_inboundevent (uid, workspace_id, source_id, form, content_type, headers,
        body, size, digest, correlation_id, state, lease_token, ready_at, claimed_at, created_at,
        attempts, max_attempts, last_error, counts, errors, seen_by)
    SELECT %(uid)s::uuid, %(workspace)s::bigint, %(source)s::bigint, %(form)s, %(content_type)s,
        %(headers)s::jsonb, %(body)s::bytea, %(size)s::int, %(digest)s::bytea, %(correlation)s,
        %(state)s, %(token)s::uuid,
        statement_timestamp() + make_interval(secs => %(lease)s::float8), statement_timestamp(),
        %(created)s::timestamptz, %(attempts)s::smallint,
        %(most)s::smallint, '', '{}', '[]', ''
    FROM soon
    RETURNING id
"""
_FINISH = """
    WITH done AS (
        UPDATE incidents_inboundevent
        SET state = 'done', lease_token = NULL, last_error = '', counts = %(counts)s::jsonb,
            errors = %(errors)s::jsonb, finished_at = statement_timestamp()
        WHERE id = %(row)s AND state = 'leased' AND lease_token = %(token)s::uuid
        RETURNING source_id
    ),
    heard AS (
        UPDATE incidents_alertsource AS s
        SET last_at = statement_timestamp(), calls = s.calls + 1,
            refused = s.refused + %(refused)s::bigint
        FROM done WHERE s.id = done.source_id
    )
    SELECT count(*) FROM done
"""


def keep(row: InboundEvent, body: bytes, lease_s: float) -> int:
    """Its key in the database."""
    values = {
        "alone": not connection.in_atomic_block, "uid": row.uid, "workspace": row.workspace_id,
        "source": row.source_id, "form": row.form, "content_type": row.content_type,
        "headers": msgspec.json.encode(row.headers).decode(), "body": body, "size": row.size,
        "digest": row.digest, "correlation": row.correlation_id, "state": row.state,
        "token": row.lease_token, "lease": lease_s, "created": row.created_at,
        "attempts": row.attempts, "most": row.max_attempts,
    }  # fmt: skip
    key: int = prepared.one(_KEEP_MESSAGE, values)[0]
    return key


@dataclass(frozen=True, slots=True)
class Done:
    """A message of which something was made: nobody has to look at it."""

    row: InboundEvent
    counts: Mapping[str, Any]
    errors: Sequence[Any]

    def statement(self) -> tuple[str, dict[str, Any]]:
        return _FINISH, {
            "row": self.row.pk, "token": self.row.lease_token, "refused": self.counts["refused"],
            "counts": msgspec.json.encode(self.counts).decode(),
            "errors": msgspec.json.encode(self.errors).decode(),
        }  # fmt: skip

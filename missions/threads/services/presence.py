"""Sessions that are pushed to: whose stream is open, and the wakes that such a stream takes.

That a stream is open is a lease on the session's row, renewed by the process that serves the
stream: when it is killed, the lease passes by itself. A try is taken by one stream, once; what a
process took with it when it died is a try that nobody answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now

from controlplane.jobs import leases
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotAllowed
from controlplane.lib.given import line
from missions.threads import numbers
from missions.threads.models import RuntimeSession, WakeAttempt, WakeTrigger
from missions.threads.waking import due, references

NOT_CONNECTED = "NOT_CONNECTED"

# Taken in one order: two processes may hold streams of the same sessions.
_RENEW = """
WITH held AS (
    SELECT id, connected_until FROM threads_runtimesession
    WHERE id = ANY(%(ids)s) AND adapter IN ('mcp', 'sse') AND status <> 'offline'
    ORDER BY id FOR UPDATE
), renewed AS (
    UPDATE threads_runtimesession s SET connected_by = %(by)s,
        connected_until = clock_timestamp() + %(lease)s * interval '1 second',
        connected_at = CASE WHEN h.connected_until > clock_timestamp() THEN s.connected_at
            ELSE clock_timestamp() END
    FROM held h WHERE s.id = h.id
    RETURNING s.id, s.agent_id,
        coalesce(h.connected_until, '-infinity'::timestamptz) <= clock_timestamp() AS came
)
SELECT id, agent_id, came, EXISTS (SELECT FROM threads_wakeattempt a
    WHERE a.session_id = r.id AND a.result = 'sent' AND a.pushed_at IS NULL
        AND a.adapter IN ('mcp', 'sse'))
FROM renewed r
"""
_LEFT = """
UPDATE threads_runtimesession SET connected_until = clock_timestamp() WHERE id IN (
    SELECT id FROM threads_runtimesession WHERE id = ANY(%(ids)s) AND connected_by = %(by)s
        AND connected_until > clock_timestamp() ORDER BY id FOR UPDATE)
"""


def session_of(actor: Actor, given: str, adapter: str) -> RuntimeSession | None:
    """Whose stream it is that an agent opens: the session that its token proves, or that it names,
    or the only one that it registered to be pushed to in this way."""
    if actor.kind != "agent" or actor.agent_id is None:
        return None
    name = line("session_id", given, 128) or actor.session_id
    rows = RuntimeSession.objects.filter(agent_id=actor.agent_id)
    if not name:
        mine = list(rows.filter(adapter=adapter).exclude(status="offline")[:2])
        return mine[0] if len(mine) == 1 else None
    found: RuntimeSession | None = rows.filter(session_id=name).first()
    wrong = actor.session_id and name != actor.session_id
    if wrong or (found is None and given):
        raise NotAllowed(
            "session_id: not a session of this agent.",
            code="CLAIM_MISMATCH",
            details={"session_id": "Register it, or leave it out."},
            denial={"actor": actor, "action": "thread.read", "rule": "claims",
                    "reason": "names a session that is not its own"},
        )  # fmt: skip
    return found if found is not None and found.adapter == adapter else None


@transaction.atomic
def renew(ids: Sequence[int], by: str) -> list[int]:
    """Their streams are open. Answers with those that have something to be told."""
    values: dict[str, Any] = {"ids": list(ids), "by": by, "lease": numbers.PRESENCE_SECONDS.value}
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, values)
        rows = cursor.fetchall()
    if came := [agent for _, agent, new, _ in rows if new]:
        _go_on(came)
    return [pk for pk, _, _, waits in rows if waits]


def _go_on(agent_ids: Sequence[int]) -> None:
    """Who was not there a moment ago is: what only waited for that is tried at once."""
    waiting = WakeTrigger.objects.filter(
        agent_id__in=agent_ids, state=leases.WAITING, status=WakeTrigger.Status.FAILED,
        error_code=NOT_CONNECTED, ready_at__gt=Now(),
    )  # fmt: skip
    if waiting.update(ready_at=Now()):
        due.notify()


def left(ids: Sequence[int], by: str) -> None:
    """They hung up, as far as this process has their streams."""
    with connection.cursor() as cursor:
        cursor.execute(_LEFT, {"ids": list(ids), "by": by})


def is_there(session: RuntimeSession) -> bool:
    rows = RuntimeSession.objects.filter(pk=session.pk, connected_until__gt=Now())
    return bool(rows.exists())


@transaction.atomic
def take(session_pk: int) -> list[dict[str, object]]:
    """The tries that are to be told over its stream, each to one stream alone."""
    rows = WakeAttempt.objects.to_push().filter(session_id=session_pk)
    rows = rows.select_for_update(of=("self",), skip_locked=True).order_by("pk")
    found: list[Any] = list(rows.select_related("trigger__thread", "trigger__agent", "session"))
    WakeAttempt.objects.filter(pk__in=[each.pk for each in found]).update(pushed_at=Now())
    return [
        {**references.payload(each.trigger, each.session), "try": each.number} for each in found
    ]

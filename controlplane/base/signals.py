"""News from a lower app to a higher one, as rows.

    emit("flags.safeguard", key=f"{flag.uid}:{n}", payload={…}, workspace_id=…)   # in telemetry

    @consumes("flags.safeguard")                                                  # in incidents
    def open_incident(signal: Signal) -> None: ...

The row commits with the change it tells of. Its handler's work and the row's "done" commit
together, fenced by a lease, so the effect happens exactly once; what a handler does outside the
database goes through the outbox. Kinds that nobody consumes yet are parked and wait for the
release that brings their consumer; they are no backlog, and clean-up takes those that waited for
too long to be news.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now

from controlplane.access import policy
from controlplane.audit import services as audit
from controlplane.base.models import PARKED, Signal
from controlplane.jobs import engine, leases, nudges
from controlplane.jobs.leases import LeaseLost
from controlplane.lib import context, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict

logger = logging.getLogger(__name__)

BATCH = defaults.define(
    "signals.batch", 20, unit="rows", why="repeats of the claim after a kill stay within one batch"
)
LEASE = defaults.define(
    "signals.lease_s", 30.0, unit="seconds", why="longest a killed worker delays its signals"
)
ATTEMPTS = defaults.define(
    "signals.max_attempts", 8, unit="tries", why="about ten minutes of back-off, then a person"
)
UNPARK_EVERY = timedelta(seconds=2)

Consumer = Callable[[Signal], None]
CONSUMERS: dict[str, Consumer] = {}
_unparked_at = 0.0
# "Insert or leave" as one statement: a unique violation would spoil the caller's transaction,
# and a look before the insert would lose the race.
_INSERT = """
    INSERT INTO base_signal
        (workspace_id, kind, key, payload, correlation_id, max_attempts, ready_at, state,
         attempts, last_error, created_at)
    VALUES (%s, %s, %s, %s::jsonb, %s, %s, COALESCE(%s, statement_timestamp()), 'waiting',
            0, '', statement_timestamp())
    ON CONFLICT (kind, key) DO NOTHING
    RETURNING id
"""


def consumes(kind: str) -> Callable[[Consumer], Consumer]:
    """Register the one consumer of a kind. It gets the row, runs in its own transaction and may
    run in any order against other signals."""

    def register(handler: Consumer) -> Consumer:
        if CONSUMERS.setdefault(kind, handler) is not handler:
            raise ValueError(f"signal kind {kind} has two consumers")
        return handler

    return register


def emit(
    kind: str,
    *,
    key: str,
    payload: Mapping[str, Any] | None = None,
    workspace_id: int | None = None,
) -> bool:
    """Write the news in the caller's transaction. False when this key was already told: the
    first telling stands, and a sender may repeat itself without harm."""
    ready_at = None if kind in CONSUMERS else PARKED
    correlation_id = context.current().correlation_id[:128]
    values = [workspace_id, kind, key, json.dumps(dict(payload or {})), correlation_id]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [*values, ATTEMPTS.value, ready_at])
        told = cursor.fetchone() is not None
    if told:
        nudges.after_commit()
    return told


def work(deadline: float) -> int:
    """Consume what is due until nothing is, or until `deadline` (of `time.monotonic`)."""
    _unpark()
    consumed = 0
    while time.monotonic() < deadline:
        batch = leases.claim(
            Signal.objects.filter(kind__in=CONSUMERS),
            limit=BATCH.value,
            lease_seconds=LEASE.value,
        )
        if not batch:
            break
        consumed += sum(_consume_in_turn(batch, deadline))
    return consumed


def _consume_in_turn(batch: list[Signal], deadline: float) -> list[bool]:
    # The lease began with the claim: what a slow neighbour left too little of is given back.
    last_start = min(deadline, time.monotonic() + LEASE.value / 2)
    results = []
    for position, row in enumerate(batch):
        if position and time.monotonic() > last_start:
            leases.release(row)
        else:
            results.append(consume(row))
    return results


def consume(row: Signal) -> bool:
    """Run one claimed signal's consumer. True when its effect is committed."""
    with context.bind(**context.resumed(row.correlation_id), source="job"):
        try:
            with transaction.atomic():
                if not leases.still_held(row):
                    raise LeaseLost(str(row))
                CONSUMERS[row.kind](row)
                leases.finish(row)
        except LeaseLost:
            logger.info("signal %s is somebody else's now", row.pk)
            return False
        except Exception as error:
            dead = leases.fail(row, error)
            logger.exception("signal %s failed%s", row.pk, ", given up" if dead else "")
            return False
    return True


def _unpark() -> None:
    """Wake rows whose consumer arrived after them; looked for every few seconds, not each tick."""
    global _unparked_at
    if time.monotonic() - _unparked_at < UNPARK_EVERY.total_seconds():
        return
    _unparked_at = time.monotonic()
    Signal.objects.filter(
        state=leases.WAITING, ready_at__gte=PARKED, kind__in=list(CONSUMERS)
    ).update(ready_at=Now())


def replay(signal: Signal, *, actor: Actor, reason: str) -> Signal:
    """Give a dead signal all its attempts again."""
    policy.require(actor, "signal.replay", signal)
    with transaction.atomic():
        if not leases.revive(signal):
            raise Conflict("Only a dead signal can be replayed.")
        audit.record(actor, "signal.replay", signal, reason=reason)
        nudges.after_commit()
    signal.refresh_from_db()
    return signal


engine.module("signals", work, rows=Signal, order=30)

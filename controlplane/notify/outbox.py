"""The outbox: a side effect is a row of the transaction that wants it, and is sent by a lease.

`enqueue` writes; the engine claims due rows, runs the topic's handler outside any transaction of
ours and settles the row only while its lease still stands. A receiver may see a message twice
after a kill, always under the same key.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from controlplane.jobs import leases, nudges
from controlplane.lib import clock, context, defaults, logs
from controlplane.lib.errors import IdempotencyConflict
from controlplane.notify.channels.base import Outcome
from controlplane.notify.models import OutboxMessage

LEASE_SECONDS = defaults.define(
    "notify.outbox_lease_seconds",
    30,
    unit="s",
    why="Longer than any channel's time-out, so that a lease ends only with its sender.",
)
BATCH = defaults.define(
    "notify.outbox_batch",
    20,
    unit="rows",
    why="A killed sender repeats one batch at most; small batches keep repeats few.",
)
MAX_ATTEMPTS = defaults.define(
    "notify.outbox_max_attempts",
    8,
    unit="tries",
    why="With doubling pauses from 2 s this is about three minutes; then a person decides.",
)

FRESH_SECONDS = 3.0  # a lease this young is whole enough for any channel's time-out

logger = logging.getLogger("controlplane.notify")

Handler = Callable[[OutboxMessage], Outcome]
# Several messages of one topic at once: an outcome for each, by its key in the database. What it
# leaves out is handled alone.
Together = Callable[[Sequence[OutboxMessage]], Mapping[int, Outcome]]
TOGETHER: dict[str, Together] = {}
TOPICS: dict[str, Handler] = {}
# Called in the transaction that gives a message up, so that its owner can record it.
GIVEN_UP: dict[str, Callable[[OutboxMessage], None]] = {}
# One statement, for most services write one of these: a look before it costs as much again.
_INSERT = """
    INSERT INTO notify_outboxmessage
        (uid, workspace_id, topic, key, payload, subject, correlation_id, max_attempts, created_at,
         ready_at, state, attempts, last_error)
    VALUES (%s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s,
            COALESCE(%s, statement_timestamp()), 'waiting', 0, '')
    ON CONFLICT (key) DO NOTHING
    RETURNING id, ready_at
"""


def topic(
    name: str, *, given_up: Callable[[OutboxMessage], None] | None = None
) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        if name in TOPICS:
            raise ValueError(f"outbox topic {name} has two handlers")
        TOPICS[name] = handler
        if given_up is not None:
            GIVEN_UP[name] = given_up
        return handler

    return register


def together(name: str, handler: Together) -> None:
    """A topic whose messages gain from being sent side by side."""
    TOGETHER[name] = handler


def enqueue(
    name: str,
    payload: dict[str, Any],
    *,
    key: str,
    workspace_id: int | None = None,
    subject: str = "",
    not_before: datetime | None = None,
) -> OutboxMessage:
    """Write a message in the caller's transaction. The same key twice is one message."""
    message = OutboxMessage(
        key=key,
        topic=name,
        payload=payload,
        workspace_id=workspace_id,
        subject=subject,
        max_attempts=MAX_ATTEMPTS.value,
        correlation_id=context.current().correlation_id,
    )
    if _insert(message, not_before):
        nudges.after_commit(due_at=not_before)
        return message
    there = OutboxMessage.objects.get(key=key)
    if (there.topic, there.payload) != (name, payload):
        raise IdempotencyConflict(f"Another message already stands under the key {key}.")
    return there


def _insert(message: OutboxMessage, not_before: datetime | None) -> bool:
    """False if one of its key stands already."""
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            [
                message.uid,
                message.workspace_id,
                message.topic,
                message.key,
                json.dumps(message.payload),
                message.subject,
                message.correlation_id,
                message.max_attempts,
                message.created_at,
                not_before,
            ],
        )
        row = cursor.fetchone()
    if row is None:
        return False
    message.pk, message.ready_at = row
    message._state.adding = False
    message._state.db = connection.alias
    return True


def work(deadline: float) -> int:
    """The engine's module: send until nothing is due or the tick's time is up."""
    handled = 0
    while time.monotonic() < deadline:
        sent = send_due(deadline)
        if not sent:
            break
        handled += sent
    return handled


def send_due(deadline: float | None = None) -> int:
    """One pass of the sender: claim a batch, send each, settle. Answers how many were handled."""
    batch = leases.claim(
        OutboxMessage.objects.all(),
        limit=BATCH.value,
        lease_seconds=LEASE_SECONDS.value,
        on_bury=_note_given_up,
    )
    began = time.monotonic()
    for message in _side_by_side(batch):
        # Behind a slow receiver the others go back untried, for any process to take.
        if deadline is not None and time.monotonic() > deadline:
            leases.release(message)
            continue
        ids = context.resumed(message.correlation_id)
        with context.bind(**ids, source="job"):
            _send(message, time.monotonic() - began)
    return len(batch)


def _side_by_side(batch: Sequence[OutboxMessage]) -> list[OutboxMessage]:
    """Send those that can be sent together; answers those that are left. The lease is fresh:
    nothing of the batch has waited yet, and a slow receiver holds up nobody but itself."""
    sent: set[int] = set()
    for name, handler in TOGETHER.items():
        rows = [message for message in batch if message.topic == name]
        if len(rows) < 2:
            continue
        try:
            outcomes = handler(rows)
        except Exception:
            # Whatever it was, each is tried alone, where one bad row harms itself only.
            logger.exception("messages could not be sent side by side")
            continue
        settled = [message for message in rows if message.pk in outcomes]
        _settle_together(settled, outcomes)
        sent |= set(outcomes)
    return [message for message in batch if message.pk not in sent]


def _settle_together(messages: Sequence[OutboxMessage], outcomes: Mapping[int, Outcome]) -> None:
    """Those that are done in one statement, fenced by their leases like any other."""
    done = [row for row in messages if outcomes[row.pk].kind in {"accepted", "suppressed"}]
    leases.finish_all(done)
    for message in messages:
        if message not in done:
            try:
                _settle(message, outcomes[message.pk])
            except leases.LeaseLost:
                logs.event(logger, "outbox.lease_lost", topic=message.topic, key=message.key)


def _send(message: OutboxMessage, waited: float) -> None:
    # A batch waits behind a slow receiver: by its turn a row may be somebody else's, or become
    # that while it is being sent, which would send it twice with nobody killed.
    if waited < FRESH_SECONDS:
        held = leases.still_held(message)
    else:
        held = leases.extend(message, LEASE_SECONDS.value)
    if not held:
        return
    try:
        outcome = _run(message)
        _settle(message, outcome)
    except leases.LeaseLost:
        logs.event(logger, "outbox.lease_lost", topic=message.topic, key=message.key)


def _run(message: OutboxMessage) -> Outcome:
    handler = TOPICS.get(message.topic)
    if handler is None:
        # An older process during a roll-out: the new one knows the topic.
        return Outcome("retry", f"no handler for the topic {message.topic}")
    try:
        return handler(message)
    except Exception as error:
        # One bad row must not stop the sender.
        logger.exception("outbox handler failed")
        return Outcome("retry", leases.describe(error))


@transaction.atomic
def _settle(message: OutboxMessage, outcome: Outcome) -> None:
    if outcome.kind in {"accepted", "suppressed"}:
        leases.finish(message)
        return
    if outcome.kind == "held":
        wait = timedelta(seconds=outcome.retry_after or 0.0)
        leases.release(message, ready_at=clock.now() + wait)
        return
    error = outcome.detail or outcome.kind
    if outcome.kind == "rejected":
        dead = leases.kill(message, error)
    else:
        dead = leases.fail(message, error, retry_in=outcome.retry_after)
    if dead:
        message.last_error = error
        _note_given_up([message])


def _note_given_up(messages: Sequence[OutboxMessage]) -> None:
    for message in messages:
        logs.event(
            logger,
            "outbox.dead_letter",
            level=logging.ERROR,
            topic=message.topic,
            key=message.key,
            error=message.last_error,
        )
        callback = GIVEN_UP.get(message.topic)
        if callback is not None:
            _tell_owner(callback, message)


def _tell_owner(callback: Callable[[OutboxMessage], None], message: OutboxMessage) -> None:
    """An owner that fails loses this news, in the log; it must not keep the row from its grave:
    the sender would meet it first at every pass and never reach another."""
    try:
        with transaction.atomic():
            callback(message)
    except Exception:
        logger.exception("the owner of a dead letter could not record it")

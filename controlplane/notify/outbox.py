"""The outbox: a side effect is a row of the transaction that wants it, and is sent by a lease.

`enqueue` writes; the engine claims due rows, runs the topic's handler outside any transaction of
ours and settles the row only while its lease still stands. A receiver may see a message twice
after a kill, always under the same key.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from controlplane.lib import clock, context, defaults
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
    10,
    unit="rows",
    why="A killed sender repeats one batch at most; small batches keep repeats few.",
)
MAX_ATTEMPTS = defaults.define(
    "notify.outbox_max_attempts",
    8,
    unit="tries",
    why="With doubling pauses from 2 s this is about ten minutes; then a person decides.",
)

Handler = Callable[[OutboxMessage], Outcome]
TOPICS: dict[str, Handler] = {}
# Called in the transaction that gives a message up, so that its owner can record it.
GIVEN_UP: dict[str, Callable[[OutboxMessage], None]] = {}


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
    message, created = OutboxMessage.objects.get_or_create(
        key=key,
        defaults={
            "topic": name,
            "payload": payload,
            "workspace_id": workspace_id,
            "subject": subject,
            "due_at": not_before or clock.now(),
            "max_attempts": MAX_ATTEMPTS.value,
            "correlation_id": context.current().correlation_id,
        },
    )
    if not created and (message.topic, message.payload) != (name, payload):
        raise IdempotencyConflict(f"Another message already stands under the key {key}.")
    if created:
        nudge()
    return message


def nudge() -> None:
    """Wake a sender now. Losing this costs latency only: the tick finds the row."""
    from controlplane.jobs import engine

    engine.nudge("outbox")

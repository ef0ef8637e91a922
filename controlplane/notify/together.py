"""Deliveries of a batch side by side: read together, sent at the same time, settled together.

What differs from one after the other is only how long it takes. Calls to the outside run in
threads and touch no database; whoever reads and settles is the thread that holds the leases.
"""

from __future__ import annotations

import contextvars
import logging
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from django.db import connection, transaction

from controlplane.jobs import leases
from controlplane.lib import clock, context, defaults
from controlplane.lib.text import short
from controlplane.notify import delivering, outbox, settling
from controlplane.notify.channels import Outcome
from controlplane.notify.deliveries import Event
from controlplane.notify.delivering import Call, Known
from controlplane.notify.models import (
    Channel,
    ContactMethod,
    Delivery,
    DeliveryAttempt,
    OutboxMessage,
)
from controlplane.notify.settling import Try

SENDERS = defaults.define(
    "notify.senders",
    10,
    unit="threads",
    why="Receivers are waited for side by side; each thread only waits.",
)
logger = logging.getLogger("controlplane.notify")
_SETTLE = """
    UPDATE notify_delivery AS d
    SET state = CASE WHEN v.state = 'sent' AND d.receipt IN ('failed', 'busy', 'no_answer')
                     THEN 'undelivered' ELSE v.state END,
        why = v.why, provider_id = v.provider_id, gateway_id = v.gateway, settled_at = %s
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::bigint[])
         AS v(id, state, why, provider_id, gateway)
    WHERE d.id = v.id AND d.state = 'waiting'
    RETURNING d.id, d.state
"""


def deliver(messages: Sequence[OutboxMessage]) -> Mapping[int, Outcome]:
    """An outcome for each that was sent. What is left out goes alone: a second message to one
    telephone has to see the first."""
    by_delivery = {message.payload["delivery"]: message for message in messages}
    rows = list(
        Delivery.objects.select_related(*delivering.RELATED).filter(
            pk__in=by_delivery, state=Delivery.State.WAITING
        )
    )
    chosen = _one_for_each_way(rows)
    known = Known(chosen)
    plans = [(row, _planned(row, known, by_delivery[row.pk])) for row in chosen]
    pool = _pool(os.getpid(), SENDERS.value)
    waiting = [
        (row, pool.submit(contextvars.copy_context().run, _carried, calls)) for row, calls in plans
    ]
    tried = [(row, future.result()) for row, future in waiting]
    settle(tried)
    outcomes = {
        by_delivery[row.pk].pk: settling.persistent(row, tries[-1].outcome) for row, tries in tried
    }
    there = {row.pk for row in rows}
    for key, message in by_delivery.items():
        if key not in there:
            outcomes[message.pk] = Outcome("accepted", "nothing left to send")
    return outcomes


@cache
def _pool(process: int, size: int) -> ThreadPoolExecutor:
    """Of this process, for all its batches: threads that wait cost less than threads that are
    made. A process that was forked has none of its parent's."""
    return ThreadPoolExecutor(max_workers=size, thread_name_prefix=f"send-{process}")


def _one_for_each_way(rows: Sequence[Delivery]) -> list[Delivery]:
    seen: set[object] = set()
    chosen = []
    for row in rows:
        if row.way is None or row.way not in seen:
            chosen.append(row)
        if row.way is not None:
            seen.add(row.way)
    return chosen


def _planned(row: Delivery, known: Known, message: OutboxMessage) -> list[Call]:
    with context.bind(**context.resumed(message.correlation_id), source="job"):
        try:
            return delivering.plan(row, known)
        except Exception as error:
            # One bad row must not stop the others.
            logger.exception("a delivery could not be prepared")
            outcome = Outcome("retry", leases.describe(error))
            return [Call(lambda: outcome)]


def _carried(calls: Sequence[Call]) -> list[Try]:
    try:
        return delivering.carry_out(calls)
    except Exception as error:
        logger.exception("a delivery could not be sent")
        return [Try(Outcome("retry", leases.describe(error)))]


Tried = Sequence[tuple[Delivery, Sequence[Try]]]


def settle(tried: Tried) -> None:
    """All in one transaction; if that fails, each in its own: what was sent is not sent again
    for the sake of another row."""
    try:
        with transaction.atomic():
            _settle_plain([pair for pair in tried if _is_plain(pair[1])])
            for row, tries in tried:
                if not _is_plain(tries):
                    settling.settle(row, tries)
    except Exception:
        logger.exception("deliveries could not be settled together")
        for row, tries in tried:
            settling.settle(row, tries)


def _is_plain(tries: Sequence[Try]) -> bool:
    """Taken by the first that was asked, as nearly all are."""
    return len(tries) == 1 and tries[0].outcome.kind == "accepted"


def _settle_plain(tried: Tried) -> None:
    if not tried:
        return
    DeliveryAttempt.objects.bulk_create(
        DeliveryAttempt(
            delivery=row,
            outcome=one.outcome.kind,
            status=one.outcome.status,
            detail=(f"{one.gateway.name}: " if one.gateway else "") + one.outcome.detail[:400],
            duration_ms=one.duration_ms,
        )
        for row, (one,) in tried
    )
    ok = Outcome("accepted")
    for key in sorted({key for row, (one,) in tried if (key := _channel_of(row, one))}):
        settling.note_faring(Channel, key, ok)
    ways = sorted({row.contact_method_id for row, _ in tried if row.contact_method_id})
    if ways:
        ContactMethod.objects.filter(pk__in=ways).update(
            failures_in_a_row=0, last_ok_at=clock.now()
        )
    settling.announce_all(
        [
            (row, Event.SENT if row.state == Delivery.State.SENT else Event.UNDELIVERED)
            for row in _changed(tried)
        ]
    )


def _channel_of(row: Delivery, one: Try) -> int | None:
    return one.gateway.pk if one.gateway is not None else row.channel_id


def _changed(tried: Tried) -> list[Delivery]:
    now = clock.now()
    columns: list[list[object]] = [
        [row.pk for row, _ in tried],
        [Delivery.State.SENT.value for _ in tried],
        ["" for _ in tried],
        [short(one.outcome.provider_id, 200) for _, (one,) in tried],
        [one.gateway.pk if one.gateway else None for _, (one,) in tried],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE, [now, *columns])
        states = dict(cursor.fetchall())
    found = []
    for row, (one,) in tried:
        if row.pk not in states:
            continue
        row.state, row.settled_at = states[row.pk], now
        row.why, row.provider_id, row.gateway = "", one.outcome.provider_id[:200], one.gateway
        found.append(row)
    return found


outbox.together("notify.deliver", deliver)

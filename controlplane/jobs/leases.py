"""Rows that are work: claimed by one process at a time, never lost, repeated only within a lease.

Timers, job runs, the outbox and the signals between apps are all this one thing, so there is one
proof and one chaos test. A model inherits `Leased`; whoever works the rows off does

    for row in leases.claim(Outbox.objects.all(), limit=20, lease_seconds=30):
        try:
            with transaction.atomic():
                ...                       # the effect
                leases.finish(row)        # raises LeaseLost when the row is somebody else's now
        except leases.LeaseLost:
            continue                      # rolled back: whoever holds the row now does the work
        except Exception as error:
            leases.fail(row, error)       # back-off, or dead after `max_attempts`

Four traps this module closes:

- The clock is the database's (`Now()` is `statement_timestamp()`), for leases compared by
  several machines must be measured by one clock.
- An attempt counts when the row is *claimed*. A row that kills its worker never reaches any code
  that could count afterwards, and would be tried for ever.
- A row whose lease ran out is handed out alone. It may be the one that killed its worker, and
  must not take twenty innocent rows of its batch down with it each time.
- `lease_token` fences: a worker that slept through its lease finds its token gone, and its
  transaction rolls back instead of doing the work a second time.

`finish` inside the effect's transaction makes pure database work exactly-once. For a call to the
outside, take the call out of the transaction and pass the row's key along: at least once.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from django.db import connection, models, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from controlplane.lib import clock, defaults, prepared
from controlplane.lib.redaction import redact_text

_DICE = random.SystemRandom()  # keeps no state that threads and forks would share

RETRY_BASE = defaults.define(
    "jobs.retry_base_s", 2.0, unit="seconds", why="First wait after a failure; doubles each time."
)
RETRY_CAP = defaults.define(
    "jobs.retry_cap_s", 900.0, unit="seconds", why="Longest wait between two attempts."
)

WAITING, LEASED, DONE, DEAD, CANCELLED = "waiting", "leased", "done", "dead", "cancelled"
OPEN = (WAITING, LEASED)
STATES = [
    (WAITING, "Waiting"),
    (LEASED, "Being worked on"),
    (DONE, "Done"),
    (DEAD, "Dead"),
    (CANCELLED, "Cancelled"),
]
_ERROR_LENGTH = 2_000


class LeaseLost(Exception):
    """The row is no longer ours: its lease ran out, or it was cancelled or set anew meanwhile."""


class Leased(models.Model):
    """Columns of a row that is work. `ready_at` is the one column the claim looks at: the due
    time while waiting, the end of the lease while leased, the end of the back-off after a
    failure. One partial index answers "what may I take" for all three."""

    state = models.CharField(max_length=10, choices=STATES, default=WAITING, editable=False)
    # The database's own clock as default: the claim compares with it, and an application clock a
    # few milliseconds ahead would make fresh work wait.
    ready_at = models.DateTimeField(db_default=Now())
    lease_token = models.UUIDField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    max_attempts = models.PositiveSmallIntegerField(default=8)
    last_error = models.TextField(blank=True, default="", editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    claimed_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True


Row = TypeVar("Row", bound=Leased)


def ready_index(name: str) -> models.Index:
    """The index every leased table needs. Only open rows are in it, so it stays small."""
    return models.Index(fields=["ready_at", "id"], name=name, condition=Q(state__in=OPEN))


def dead_index(name: str) -> models.Index:
    """Dead rows are few and looked for every few seconds by the watch."""
    return models.Index(fields=["id"], name=name, condition=Q(state=DEAD))


def claim(
    rows: QuerySet[Row],
    *,
    limit: int,
    lease_seconds: float,
    on_bury: Callable[[Sequence[Row]], None] | None = None,
) -> list[Row]:
    """Take up to `limit` due rows for `lease_seconds`, oldest first, in a transaction of its own.

    `rows` may be any filtered queryset of the model. Rows that other processes are claiming right
    now are skipped, never waited for. A row that used up its attempts without reporting back is
    buried here instead of handed out; `on_bury` hears of it in the same transaction.
    """
    model = rows.model
    if not _any_due(model):
        return []
    with transaction.atomic():
        candidates = list(
            rows.filter(state__in=OPEN, ready_at__lte=Now())
            .order_by("ready_at", "pk")
            .select_for_update(skip_locked=True, of=("self",))[:limit]
        )
        chosen = _batch(candidates)
        exhausted = [row for row in chosen if row.attempts >= row.max_attempts]
        taken = [row for row in chosen if row.attempts < row.max_attempts]
        _bury(model, exhausted)
        if exhausted and on_bury is not None:
            on_bury(exhausted)
        return _lease(model, taken, lease_seconds)


def _any_due(model: type[Leased]) -> bool:
    """Mostly nothing is, and who asks does so each second: a look at the index is a tenth of the
    claim, which is written anew, joins, and opens a transaction."""
    return bool(prepared.rows(_look_for_due(model), {}))


@cache
def _look_for_due(model: type[Leased]) -> str:
    table = connection.ops.quote_name(model._meta.db_table)
    open_ = ", ".join(f"'{state}'" for state in OPEN)
    due = f"state IN ({open_}) AND ready_at <= statement_timestamp()"
    return f"SELECT 1 FROM {table} WHERE {due} LIMIT 1"  # noqa: S608 - our own names


def _batch(candidates: Sequence[Row]) -> Sequence[Row]:
    """A suspect (its lease ran out) goes alone; others go together, up to the first suspect."""
    if candidates and candidates[0].state == LEASED:
        return candidates[:1]
    for position, row in enumerate(candidates):
        if row.state == LEASED:
            return candidates[:position]
    return candidates


def _bury(model: type[Row], exhausted: Sequence[Row]) -> None:
    if exhausted:
        model._default_manager.filter(pk__in=[row.pk for row in exhausted]).update(
            state=DEAD,
            lease_token=None,
            finished_at=Now(),
            last_error="The worker vanished during each attempt; the lease ran out every time.",
        )


def _lease(model: type[Row], taken: Sequence[Row], lease_seconds: float) -> list[Row]:
    if not taken:
        return []
    token = uuid.uuid4()
    model._default_manager.filter(pk__in=[row.pk for row in taken]).update(
        state=LEASED,
        lease_token=token,
        ready_at=Now() + timedelta(seconds=lease_seconds),
        claimed_at=Now(),
        attempts=F("attempts") + 1,
    )
    for row in taken:
        row.state = LEASED
        row.lease_token = token
        row.attempts += 1
    return list(taken)


def claim_one(rows: QuerySet[Row], *, lease_seconds: float) -> Row | None:
    taken = claim(rows, limit=1, lease_seconds=lease_seconds)
    return taken[0] if taken else None


def held(row: Row) -> QuerySet[Row]:
    """The row, as long as it is still ours. Every write to a claimed row goes through this."""
    manager: models.Manager[Row] = type(row)._default_manager
    return manager.filter(pk=row.pk, state=LEASED, lease_token=row.lease_token)


@cache
def _each_row(model: type[Leased]) -> tuple[str, str]:
    """The question and the mark that every single row costs, as text made once: built by the ORM
    each time, they cost as much again as being carried out. The clock is that of `Now()`."""
    table = connection.ops.quote_name(model._meta.db_table)
    key = connection.ops.quote_name(str(model._meta.pk.column))
    ours = f"WHERE {key} = %s AND state = '{LEASED}' AND lease_token = %s"
    look = f"SELECT 1 FROM {table} {ours} AND ready_at > statement_timestamp()"  # noqa: S608
    mark = (
        f"UPDATE {table} SET state = '{DONE}', lease_token = NULL, last_error = '',"  # noqa: S608
        f" finished_at = statement_timestamp() {ours}"
    )
    return look, mark


def still_held(row: Leased) -> bool:
    """Cheap look before an expensive effect. Only `finish` decides."""
    look, _ = _each_row(type(row))
    with connection.cursor() as cursor:
        cursor.execute(look, [row.pk, row.lease_token])
        return cursor.fetchone() is not None


def finish(row: Leased, **changes: Any) -> None:
    """Mark done. Call it last in the effect's transaction; raises `LeaseLost` if too late."""
    if changes:
        done = held(row).update(
            state=DONE, lease_token=None, finished_at=Now(), last_error="", **changes
        )
    else:
        done = _mark_done(row)
    if not done:
        raise LeaseLost(f"{row._meta.label} {row.pk}")
    row.state = DONE


def finish_all(rows: Sequence[Row]) -> int:
    """Mark several of one claim done. Those whose lease is lost stay with their new holder."""
    if not rows:
        return 0
    manager: models.Manager[Row] = type(rows[0])._default_manager
    return manager.filter(
        pk__in=[row.pk for row in rows], state=LEASED, lease_token=rows[0].lease_token
    ).update(state=DONE, lease_token=None, finished_at=Now(), last_error="")


def _mark_done(row: Leased) -> int:
    _, mark = _each_row(type(row))
    with connection.cursor() as cursor:
        cursor.execute(mark, [row.pk, row.lease_token])
        return int(cursor.rowcount)


def fail(row: Leased, error: BaseException | str, *, retry_in: float | None = None) -> bool:
    """Note a failure: wait and try again, or dead. True when the row is dead now.

    `retry_in` overrides the back-off (a receiver's `Retry-After`). A lost lease is no error here:
    the row's new holder reports for itself.
    """
    text = describe(error)
    if row.attempts >= row.max_attempts:
        dead = held(row).update(state=DEAD, lease_token=None, finished_at=Now(), last_error=text)
        row.state = DEAD if dead else row.state
        return bool(dead)
    wait = backoff(row.attempts) if retry_in is None else retry_in
    updated = held(row).update(
        state=WAITING,
        lease_token=None,
        ready_at=Now() + timedelta(seconds=wait),
        last_error=text,
    )
    row.state = WAITING if updated else row.state
    return False


def kill(row: Leased, error: BaseException | str) -> bool:
    """Give a claimed row up for good, whatever attempts are left (a refusal that won't change)."""
    dead = held(row).update(
        state=DEAD, lease_token=None, finished_at=Now(), last_error=describe(error)
    )
    return bool(dead)


def release(row: Leased, *, ready_at: datetime | None = None) -> bool:
    """Give a claimed row back untried, at once or for later: the attempt does not count."""
    updated = held(row).update(
        state=WAITING,
        lease_token=None,
        attempts=F("attempts") - 1,
        ready_at=ready_at if ready_at is not None else Now(),
    )
    return bool(updated)


def extend(row: Leased, lease_seconds: float) -> bool:
    """A longer lease for work that goes well but takes time."""
    return bool(held(row).update(ready_at=Now() + timedelta(seconds=lease_seconds)))


def revive(row: Row) -> bool:
    """Dead or cancelled -> waiting, with all attempts anew; behind the replay buttons."""
    manager: models.Manager[Row] = type(row)._default_manager
    updated = manager.filter(pk=row.pk, state__in=[DEAD, CANCELLED]).update(
        state=WAITING, attempts=0, ready_at=Now(), finished_at=None
    )
    return bool(updated)


def backoff(attempts: int) -> float:
    """Exponential with full jitter in the upper half, so that a crowd does not come back as one."""
    ceiling = min(RETRY_CAP.value, RETRY_BASE.value * 2 ** min(attempts - 1, 30))
    return float(ceiling * (0.5 + _DICE.random() / 2))


def describe(error: BaseException | str) -> str:
    """What is kept of an error: its kind and sentence, redacted, bounded."""
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    return redact_text(text)[:_ERROR_LENGTH]


def backlog(model: type[Leased]) -> dict[str, float]:
    """How far behind a table is: due rows not yet done, dead rows, age of the oldest due row."""
    rows = model._default_manager
    due = rows.filter(state__in=OPEN, ready_at__lte=Now())
    oldest = due.order_by("ready_at").values_list(Now() - F("ready_at"), flat=True).first()
    return {
        "due": float(due[:10_001].count()),
        "dead": float(rows.filter(state=DEAD)[:10_001].count()),
        "lag_s": oldest.total_seconds() if oldest is not None else 0.0,
    }

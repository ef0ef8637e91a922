"""Failed attempts, counted in PostgreSQL: exact under concurrency, and no restart forgets them.

Each guess takes a place *before* it is checked, and gives it back when it was right. Counting
after the check would let a hundred guesses sent at once all pass a limit of five.

A window slides: what was counted in the one before still weighs, by the share of it that lies
within the last full window. Otherwise twice the limit fits into
the second around a boundary.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection

from controlplane.access import numbers
from controlplane.access.models import AttemptCounter
from controlplane.lib import clock
from controlplane.lib.defaults import Default
from controlplane.lib.errors import RateLimited

TOO_MANY = "Too many attempts. Wait a while, then try again."


@dataclass(frozen=True, slots=True)
class Limit:
    name: str
    count: Default[int]
    minutes: Default[int] = numbers.FAILURE_WINDOW_MINUTES

    @property
    def seconds(self) -> int:
        return self.minutes.value * 60

    def bucket(self, subject: str) -> str:
        # Hashed: people type passwords into the e-mail field, and those must not be stored.
        return f"{self.name}:{hashlib.sha256(subject.lower().encode()).hexdigest()[:40]}"


PASSWORD_BY_ACCOUNT = Limit("password:account", numbers.FAILURES_PER_ACCOUNT)
PASSWORD_BY_ADDRESS = Limit("password:address", numbers.FAILURES_PER_ADDRESS)
CODE_BY_ACCOUNT = Limit("code:account", numbers.FAILURES_PER_ACCOUNT)
RESET_BY_ACCOUNT = Limit("reset:account", numbers.RESETS_PER_ACCOUNT)
RESET_BY_ADDRESS = Limit("reset:address", numbers.RESETS_PER_ADDRESS)

# The row's own count is the guard, so two takers can't both get the last place.
_TAKE = """
    INSERT INTO access_attemptcounter (bucket, window_start, count) VALUES (%s, %s, 1)
    ON CONFLICT (bucket, window_start) DO UPDATE SET count = access_attemptcounter.count + 1
    WHERE access_attemptcounter.count < %s
    RETURNING count
"""


def take(limit: Limit, subject: str) -> int:
    """Take one place, or raise `RateLimited`. Returns how many places of this window are taken.

    Call it outside the transaction that the attempt may roll back.
    """
    now = clock.now()
    start = _window_start(limit, now)
    bucket = limit.bucket(subject)
    room = limit.count.value - math.ceil(_weight_before(limit, bucket, start, now))
    taken = None
    if room > 0:
        with connection.cursor() as cursor:
            cursor.execute(_TAKE, [bucket, start, room])
            taken = cursor.fetchone()
    if taken is None:
        raise RateLimited(TOO_MANY, retry_after=waiting(limit, subject) or 1)
    return int(taken[0])


def give_back(limit: Limit, subject: str) -> None:
    """The attempt was right: it counts no longer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE access_attemptcounter SET count = count - 1"
            " WHERE bucket = %s AND window_start = %s AND count > 0",
            [limit.bucket(subject), _window_start(limit, clock.now())],
        )


def clear(limit: Limit, subject: str) -> bool:
    """Forget what was counted. True when there was something."""
    deleted, _ = AttemptCounter.objects.filter(bucket=limit.bucket(subject)).delete()
    return deleted > 0


def waiting(limit: Limit, subject: str) -> float:
    """Seconds until the next attempt is let in; 0 when it is now."""
    now = clock.now()
    start = _window_start(limit, now)
    bucket = limit.bucket(subject)
    most = limit.count.value
    counted = _count(bucket, start)
    elapsed = (now - start).total_seconds()
    if counted >= most:
        # Only the next window, when enough of this one has slid out.
        return limit.seconds - elapsed + limit.seconds / most
    if counted + math.ceil(_weight_before(limit, bucket, start, now)) < most:
        return 0.0
    before = _count(bucket, start - timedelta(seconds=limit.seconds))
    return max(limit.seconds * (1 - (most - 1 - counted) / before) - elapsed, 0.0) + 1


def _window_start(limit: Limit, now: datetime) -> datetime:
    return datetime.fromtimestamp(now.timestamp() // limit.seconds * limit.seconds, UTC)


def _weight_before(limit: Limit, bucket: str, start: datetime, now: datetime) -> float:
    share = 1 - (now - start).total_seconds() / limit.seconds
    return _count(bucket, start - timedelta(seconds=limit.seconds)) * share


def _count(bucket: str, start: datetime) -> int:
    row = AttemptCounter.objects.filter(bucket=bucket, window_start=start)
    return row.values_list("count", flat=True).first() or 0

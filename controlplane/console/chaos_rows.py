"""The traffic of the chaos test and its auditor: timers, signals and outbox messages.

Imported only by processes that take part. Every row's effect leaves two marks: a row, whose
unique key makes a second effect an error (the database part must happen exactly once), and a
line in a file, which no transaction can take back (the outside part may repeat within a lease).
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from django.db import connection, transaction
from django.db.models.functions import Now

from controlplane.base import signals
from controlplane.base.models import Signal
from controlplane.jobs import leases, timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.notify import outbox
from controlplane.notify.channels import Outcome
from controlplane.notify.models import OutboxMessage

KIND = "chaos.ping"
FILE_VARIABLE = "CONTROLPLANE_CHAOS_FILE"
_NEVER = datetime(2999, 1, 1, tzinfo=UTC)


def _leave_marks(key: str) -> None:
    """One O_APPEND write: whole lines, also when its process is killed right after."""
    file = os.open(os.environ[FILE_VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, f"{key}\n".encode())
    finally:
        os.close(file)


def _effect(key: str) -> None:
    """Takes a moment between its two marks: that is where a kill does harm, if anywhere."""
    _leave_marks(key)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.02)")
    Timer.objects.create(
        kind="chaos.effect", key=f"effect:{key}", due_at=_NEVER, state=leases.CANCELLED
    )


@timers.on(KIND)
def _on_timer(timer: Timer) -> None:
    _effect(timer.key)


@signals.consumes(KIND)
def _on_signal(signal: Signal) -> None:
    _effect(signal.key)


@outbox.topic(KIND)
def _on_message(message: OutboxMessage) -> Outcome:
    _leave_marks(message.key)
    return Outcome("accepted")


def commit_batch(number: int, random: Random) -> list[str]:
    """One business transaction with its side effects; the keys that were acknowledged."""
    keys = [f"{kind}:{number}" for kind in ("timer", "signal", "outbox")]
    with transaction.atomic():
        due = clock.now() + timedelta(seconds=random.uniform(0, 2))
        timers.set_timer(KIND, key=keys[0], due_at=due)
        signals.emit(KIND, key=keys[1])
        outbox.enqueue(KIND, {"n": number}, key=keys[2])
    return keys


def unfinished() -> int:
    """Rows of the traffic that are not done yet."""
    return sum(
        rows.exclude(state=leases.DONE).count()
        for rows in (
            Timer.objects.filter(kind=KIND),
            Signal.objects.filter(kind=KIND),
            OutboxMessage.objects.filter(topic=KIND),
        )
    )


def hasten() -> None:
    """Skip what is left of back-offs and leases: nobody is killed any more."""
    for rows in (
        Timer.objects.filter(kind=KIND),
        Signal.objects.filter(kind=KIND),
        OutboxMessage.objects.filter(topic=KIND),
    ):
        rows.filter(state=leases.WAITING, ready_at__gt=Now()).update(ready_at=Now())


@dataclass(frozen=True, slots=True)
class Audit:
    acknowledged: int
    lost: list[str]
    repeated: int
    most_of_one: int
    late_attempts: int

    def lines(self) -> list[str]:
        return [
            f"acknowledged {self.acknowledged}",
            f"lost         {len(self.lost)}",
            f"repeated     {self.repeated} outside effects, at most {self.most_of_one} of one key",
            f"attempts     {self.late_attempts} rows needed more than one",
        ]


def audit(acknowledged: list[str], file: Path) -> Audit:
    """Compare what was acknowledged with what happened."""
    seen = Counter(file.read_text().split()) if file.exists() else Counter()
    effects = set(Timer.objects.filter(kind="chaos.effect").values_list("key", flat=True))
    lost = [
        key
        for key in acknowledged
        if not seen[key] or (not key.startswith("outbox:") and f"effect:{key}" not in effects)
    ]
    attempts = sum(
        rows.filter(attempts__gt=1).count()
        for rows in (
            Timer.objects.filter(kind=KIND),
            Signal.objects.filter(kind=KIND),
            OutboxMessage.objects.filter(topic=KIND),
        )
    )
    return Audit(
        acknowledged=len(acknowledged),
        lost=lost,
        repeated=sum(count - 1 for count in seen.values()),
        most_of_one=max(seen.values(), default=0),
        late_attempts=attempts,
    )

"""What telemetry tells of calls, heard by the breakers.

Whoever stores events keeps one row a batch and toolkit beside them (`keep`); a job takes them in
the order in which they came in and reports their sums (`hear`), a transaction a toolkit. So a
call that is told of late counts when it comes, and each once.

A failed call may be told of twice, by `call` and by `error` events with one correlation id and
action: then it is one failure. Of several calls with one id, as repeats of it are, each counts.
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b

from django.db import connection, transaction
from django.db.models import QuerySet

from controlplane.catalog import vocabulary
from controlplane.catalog.models import CallReport, Integration
from controlplane.catalog.services import breakers
from controlplane.lib import clock
from controlplane.lib.actors import Actor

logger = logging.getLogger(__name__)

MOST_FAILURES = 1_000  # the highest threshold a breaker may have
AT_ONCE = 1_000  # rows of a toolkit in one transaction
TOOLKITS = 200  # whose rows one look finds


_KEEP = """
    INSERT INTO catalog_callreport
        (workspace_id, toolkit, succeeded, failures, error, occurred_at)
    VALUES (%s, %s, %s, %s::jsonb, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One event about a call. `twin`: what an event of the other kind about it would share."""

    toolkit: str
    at: datetime
    ok: bool
    is_error_event: bool = False
    twin: tuple[str, str] | None = None  # correlation id and action
    error: str = ""
    weight: int = 1

    @property
    def key(self) -> str:
        if self.twin is None:
            return ""
        text = "\0".join(self.twin).encode(errors="replace")
        return ("e" if self.is_error_event else "c") + blake2b(text, digest_size=8).hexdigest()


@dataclass(slots=True)
class _Told:
    """Calls of one toolkit, one after the other."""

    last_at: datetime
    succeeded: bool = False
    failures: list[list[str | int]] = field(default_factory=list)
    error: str = ""

    def add(self, call: Call) -> None:
        self.last_at = max(call.at, self.last_at)
        if call.ok:
            self.succeeded, self.failures, self.error = True, [], ""
        elif len(self.failures) < MOST_FAILURES:
            self.failures.append([call.key, min(call.weight, MOST_FAILURES)])
            self.error = call.error or self.error


def keep(workspace_id: int, calls: Iterable[Call]) -> None:
    """Beside the events, in their transaction. In the order of time, as one sender told them."""
    oldest = clock.now() - timedelta(seconds=vocabulary.OLD_CALL.value)
    told: dict[str, _Told] = {}
    for call in sorted(calls, key=lambda each: each.at):
        if call.toolkit and call.at >= oldest:
            told.setdefault(call.toolkit.lower(), _Told(call.at)).add(call)
    if not told:
        return
    values = [
        (workspace_id, toolkit, each.succeeded, json.dumps(each.failures), each.error[:300],
         each.last_at)
        for toolkit, each in told.items()
    ]  # fmt: skip
    with connection.cursor() as cursor:  # beside each batch of events: an ORM's rows would be felt
        cursor.executemany(_KEEP, values)


def hear(*, actor: Actor, until: float) -> dict[str, int]:
    """Everything that waits, or as much as fits before `until` of the monotonic clock."""
    counts = {"heard": 0, "unknown": 0, "broken": 0}
    broken: set[tuple[int, str]] = set()
    while time.monotonic() < until:
        waiting = CallReport.objects.filter(heard_at=None).order_by("id")
        found = dict.fromkeys(waiting.values_list("workspace_id", "toolkit")[: TOOLKITS * 10])
        wanted = [each for each in found if each not in broken][:TOOLKITS]
        if not wanted:
            break
        for workspace_id, toolkit in wanted:
            try:
                name, rows = _hear_of(workspace_id, toolkit, actor)
                counts[name] += rows
            except Exception:
                # One breaker that trips over something unforeseen must not deafen the others.
                logger.exception("reports of %s could not be heard", toolkit)
                broken.add((workspace_id, toolkit))
                counts["broken"] += 1
    _forget()
    return counts


@transaction.atomic
def _hear_of(workspace_id: int, toolkit: str, actor: Actor) -> tuple[str, int]:
    # Locked first: two that hear the same toolkit would count it out of order.
    integrations = Integration.objects.select_for_update()
    row = integrations.filter(workspace_id=workspace_id, slug__iexact=toolkit).first()
    ours = CallReport.objects.filter(workspace_id=workspace_id, toolkit=toolkit)
    waiting = list(ours.filter(heard_at=None).select_for_update().order_by("id")[:AT_ONCE])
    ids = [each.pk for each in waiting]
    if row is None or not waiting:
        CallReport.objects.filter(pk__in=ids).delete()
        return "unknown", len(ids)
    succeeded, failures = _sum(waiting, _Twins(_lately(ours, waiting)))
    errors = [each.error for each in waiting if each.error]
    breakers.report_calls(
        row,
        actor=actor,
        succeeded=succeeded,
        failures=failures,
        last_at=max(each.occurred_at for each in waiting),
        error=errors[-1] if errors else "",
    )
    # What may have a twin stays for a while.
    keyed = [each.pk for each in waiting if any(key for key, _ in each.failures)]
    CallReport.objects.filter(pk__in=keyed).update(heard_at=clock.now())
    CallReport.objects.filter(pk__in=set(ids) - set(keyed)).delete()
    return "heard", len(ids)


class _Twins:
    """Which failed calls were counted already, by the other of their two events."""

    def __init__(self, heard: Iterable[CallReport]) -> None:
        self.calls: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        for row in heard:
            for key, _ in row.failures:
                self.counts(key)

    def counts(self, key: str) -> bool:
        if not key:
            return True
        kind, twin = key[0], key[1:]
        own, other = (self.errors, self.calls) if kind == "e" else (self.calls, self.errors)
        if other[twin] > 0:
            other[twin] -= 1
            return False
        own[twin] += 1
        return True


def _sum(rows: Sequence[CallReport], twins: _Twins) -> tuple[bool, int]:
    succeeded, failures = False, 0
    for row in rows:
        if row.succeeded:
            succeeded, failures = True, 0
        failures += sum(weight for key, weight in row.failures if twins.counts(key))
    return succeeded, min(failures, MOST_FAILURES)


def _lately(ours: QuerySet[CallReport], waiting: Sequence[CallReport]) -> list[CallReport]:
    """Heard a moment ago, in the order heard: only where what waits may tell of the same calls."""
    if not any(key for row in waiting for key, _ in row.failures):
        return []
    since = clock.now() - timedelta(seconds=vocabulary.TWIN_WITHIN.value)
    return list(ours.filter(heard_at__gte=since).order_by("-id")[:AT_ONCE])[::-1]


def _forget() -> None:
    since = clock.now() - timedelta(seconds=vocabulary.TWIN_WITHIN.value)
    CallReport.objects.filter(heard_at__lt=since).delete()

"""A message is kept as it was sent, then made something of, in a second transaction.

Whoever sent it waits for both; but when the second fails, what was sent is there, and the engine
makes something of it as soon as it can be done. So a bug in reading loses no alert.
"""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from controlplane.base import signals  # noqa: F401 - its engine module stands before ours
from controlplane.jobs import engine, leases
from controlplane.jobs.leases import LeaseLost
from controlplane.lib import clock, context, defaults
from controlplane.lib.errors import ControlPlaneError, Invalid
from incidents.intake import acting, deciding, storing
from incidents.intake.normal import Incoming, Read, Refusal, merged
from incidents.models import AlertSource, InboundEvent
from incidents.records import answers
from incidents.routing.judging import Judge

logger = logging.getLogger(__name__)

LEASE = defaults.define(
    "alerts.lease_s",
    30.0,
    unit="seconds",
    why="Longest that a message of a killed process waits; a storm of 10,000 takes a few.",
)
BATCH = defaults.define(
    "alerts.batch", 10, unit="messages", why="A message may be a storm of thousands."
)
_LOCKS = 0x616C6772  # the first of two keys of advisory locks: groups of alerts
_ERRORS = 50

Reader = Callable[[AlertSource, InboundEvent, bytes], Read]
READERS: dict[tuple[str, str], Reader] = {}


@dataclass(slots=True)
class Receipt:
    """What became of a message."""

    received: int = 0
    new: int = 0
    repeated: int = 0
    resolved: int = 0
    late: int = 0
    held_back: int = 0
    refused: list[Refusal] = field(default_factory=list)
    incidents: list[str] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)

    def counts(self) -> dict[str, Any]:
        plain = asdict(self)
        del plain["answer"]
        plain["refused"] = len(self.refused)
        return plain


def reader(format: str, *forms: str) -> Callable[[Reader], Reader]:
    """Register what reads messages of a format that came in at these doors."""

    def register(read: Reader) -> Reader:
        for form in forms:
            READERS[format, form] = read
        return read

    return register


def receive(
    source: AlertSource,
    form: str,
    body: bytes,
    *,
    content_type: str = "",
    headers: Mapping[str, str] | None = None,
) -> Receipt:
    """Keep it, and make something of it. Raises `Invalid` for what can't be read at all: that is
    kept, too, and nothing else comes of it."""
    row = keep(source, form, body, content_type=content_type, headers=headers)
    try:
        return process(row, body)
    except Invalid as error:
        give_up(row, error)
        raise
    except LeaseLost:
        # The engine took over what took us too long: nothing is lost, and it says what came of it.
        return Receipt()
    except Exception as error:
        if is_passing(error):
            leases.fail(row, error)
            raise
        leases.fail(row, error)
        logger.exception("message %s could not be made sense of; it is kept", row.uid)
        return Receipt()


def is_passing(error: Exception) -> bool:
    """The database is away or in the way: the sender is asked to come again, which is safe."""
    return isinstance(error, ControlPlaneError) and error.status == 503


def keep(
    source: AlertSource,
    form: str,
    body: bytes,
    *,
    content_type: str = "",
    headers: Mapping[str, str] | None = None,
) -> InboundEvent:
    """Held by whoever keeps it: the engine takes it only when they don't come back."""
    return InboundEvent.objects.create(
        workspace_id=source.workspace_id,
        source=source,
        form=form,
        content_type=content_type[:200],
        headers=dict(headers or {}),
        body=zlib.compress(body, 1),
        size=len(body),
        digest=hashlib.sha256(body).digest(),
        correlation_id=context.current().correlation_id[:128],
        state=leases.LEASED,
        lease_token=uuid.uuid4(),
        ready_at=Now() + timedelta(seconds=LEASE.value),
        claimed_at=Now(),
        attempts=1,
    )


def process(row: InboundEvent, body: bytes | None = None) -> Receipt:
    """Everything that follows from a message, and that it is done, in one transaction."""
    source = row.source
    said = body if body is not None else zlib.decompress(bytes(row.body))
    read = READERS[source.format, row.form](source, row, said)
    with transaction.atomic():
        if not leases.still_held(row):
            raise LeaseLost(str(row))
        receipt = take(source, read, inbound=row.pk)
        leases.finish(
            row,
            counts=receipt.counts(),
            errors=[asdict(each) for each in read.refused[:_ERRORS]],
            seen_at=Now(),  # nobody has to look
        )
        _count(source, refused=len(read.refused))
    return receipt


def take(source: AlertSource, read: Read, *, inbound: int | None = None) -> Receipt:
    """In the caller's transaction."""
    now = clock.now()
    alerts = merged(read.alerts)
    for alert in alerts:
        alert.labels = {**source.labels, **alert.labels}
    judge = Judge.of(source, now)
    verdicts = judge.look_at_all(alerts)
    hold_groups(source.workspace_id, [verdict.group_key for verdict in verdicts])
    # Under the locks: who held a group before us has made what it made.
    known = storing.known(source, [alert.key for alert in alerts])
    decisions = deciding.decide_all(alerts, verdicts, known, now)
    prepared = acting.prepare(source, alerts, verdicts, decisions)
    stored = storing.put(source, inbound, alerts, verdicts, decisions, prepared.places, now)
    incidents = acting.settle(prepared, stored, now, truncated=read.truncated)
    for key in read.acknowledged:
        answers.acknowledged_by_sender(source, key)
    return _receipt(alerts, verdicts, decisions, read, [each.ref for each in incidents])


def hold_groups(workspace_id: int, keys: Sequence[str]) -> None:
    """One message at a time for each group; all in one order, so that nobody waits in a circle."""
    numbers = sorted(
        {
            int.from_bytes(
                hashlib.sha256(f"{workspace_id}:{key}".encode()).digest()[:4], signed=True
            )
            for key in keys
        }
    )
    if numbers:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(%s, number)"
                " FROM unnest(%s::int[]) WITH ORDINALITY AS held(number, place) ORDER BY place",
                [_LOCKS, numbers],
            )


def _receipt(
    alerts: Sequence[Incoming],
    verdicts: Sequence[Any],
    decisions: Sequence[deciding.Decision],
    read: Read,
    incidents: list[str],
) -> Receipt:
    what = [each.what for each in decisions]
    return Receipt(
        received=len(read.alerts),
        new=what.count("made"),
        repeated=what.count("repeated") + what.count("raised") + len(read.alerts) - len(alerts),
        resolved=what.count("resolved"),
        late=what.count("late") + what.count("early"),
        held_back=sum(verdict.held_back for verdict in verdicts),
        refused=list(read.refused),
        incidents=incidents,
        answer=read.answer,
    )


def give_up(row: InboundEvent, error: Exception) -> None:
    """It stays to be looked at; a source that sends such things is seen to."""
    leases.kill(row, error)
    _count(row.source, refused=1, error=leases.describe(error))


def _count(source: AlertSource, *, refused: int = 0, error: str = "") -> None:
    changes: dict[str, Any] = {
        "last_at": Now(), "calls": F("calls") + 1, "refused": F("refused") + refused,
    }  # fmt: skip
    if error:
        changes |= {"last_error": error[:300], "last_error_at": Now()}
    AlertSource.objects.filter(pk=source.pk).update(**changes)


def work(deadline: float) -> int:
    """What nobody came back for, and what failed and may go well now."""
    done = 0
    while time.monotonic() < deadline:
        rows = leases.claim(
            InboundEvent.objects.select_related("source__workspace", "source__service"),
            limit=BATCH.value,
            lease_seconds=LEASE.value,
        )
        if not rows:
            break
        done += sum(_again(row) for row in rows)
    return done


def _again(row: InboundEvent) -> bool:
    with context.bind(**context.resumed(row.correlation_id), source="job"):
        try:
            process(row)
        except LeaseLost:
            return False
        except Invalid as error:
            give_up(row, error)
            return True
        except Exception as error:
            dead = leases.fail(row, error)
            logger.exception("message %s failed%s", row.uid, ", given up" if dead else "")
            return False
    return True


engine.module("alerts", work, rows=InboundEvent, order=20)

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
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from controlplane.base import signals  # noqa: F401 - its engine module stands before ours
from controlplane.jobs import engine, leases
from controlplane.jobs.leases import LeaseLost
from controlplane.lib import clock, collecting, context, defaults, prepared
from controlplane.lib.errors import ControlPlaneError, Invalid
from incidents.intake import acting, deciding, keeping, lost, storing
from incidents.intake.normal import Incoming, Read, Refusal, merged
from incidents.models import Alert, AlertSource, InboundEvent, Incident
from incidents.records import answers
from incidents.routing import books
from incidents.routing.judging import Judge, Verdict

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
_AT = "at"
_TRIED = timedelta(days=1)  # longer than a message is tried for

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
    row = InboundEvent(
        workspace_id=source.workspace_id,
        source=source,
        form=form,
        content_type=content_type[:200],
        headers=dict(headers or {}),
        size=len(body),
        digest=hashlib.sha256(body).digest(),
        correlation_id=context.current().correlation_id[:128],
        state=leases.LEASED,
        lease_token=uuid.uuid4(),
        attempts=1,
    )
    row.pk = keeping.keep(row, zlib.compress(body, 1), LEASE.value)
    row._state.adding = False
    return row


def process(row: InboundEvent, body: bytes | None = None) -> Receipt:
    """Everything that follows from a message, and that it is done, in one transaction. `body`: as
    it came just now, when its lease is fresh; whether that stands the end asks in any case."""
    source = row.source
    said = body if body is not None else zlib.decompress(bytes(row.body))
    read = READERS[source.format, row.form](source, row, said)
    with transaction.atomic():
        if body is None and not leases.still_held(row):
            raise LeaseLost(str(row))
        receipt = take(source, read, row=row)
    row.state = leases.DONE
    return receipt


def take(source: AlertSource, read: Read, *, row: InboundEvent | None = None) -> Receipt:
    """In the caller's transaction. `row`: the message it came with, which is done by this."""
    with collecting.waits(len(read.alerts)):
        return _taken(source, read, row)


def _taken(source: AlertSource, read: Read, row: InboundEvent | None) -> Receipt:
    now = clock.now()
    alerts = merged(read.alerts)
    if source.labels:
        for alert in alerts:
            alert.labels = {**source.labels, **alert.labels}
    judged = _judged(source, alerts, now)
    verdicts, known = judged.verdicts, judged.known
    decisions = deciding.decide_all(alerts, verdicts, known, now)
    made = acting.prepare(source, alerts, verdicts, decisions, judged.burning)
    opened = [made.incidents[pk].ref for pk in sorted(made.incidents)]
    receipt = _receipt(alerts, verdicts, decisions, read, opened)
    stored = storing.put(
        source, alerts, verdicts, decisions, made.places, now, message=_done(row, receipt, now)
    )
    acting.settle(made, stored, now, truncated=read.truncated, ranks=judged.ranks)
    for key in read.acknowledged:
        answers.acknowledged_by_sender(source, key)
    return receipt


def _done(row: InboundEvent | None, receipt: Receipt, now: datetime) -> keeping.Done | None:
    if row is None:
        return None
    errors = [asdict(each) for each in receipt.refused[:_ERRORS]]
    # The instant by which alerts that it brought first are found, see `brought`.
    return keeping.Done(row, {**receipt.counts(), _AT: now.isoformat()}, errors)


@dataclass(frozen=True, slots=True)
class _Judged:
    """What the rules say of a message's alerts, and what was known of them."""

    verdicts: list[Verdict]
    known: dict[str, deciding.Last]
    burning: dict[str, Incident]  # by group
    ranks: Mapping[str, int]


def _judged(source: AlertSource, alerts: Sequence[Incoming], now: datetime) -> _Judged:
    """By the rules that stand now, and with all groups held. Which groups those are follows from
    the rules: they are held by the book that this process knows, and the statement that holds them
    answers whether it stands."""
    space, keys = source.workspace_id, [alert.key for alert in alerts]
    book, held = books.last(space) or books.read(space, now), None
    while True:
        judge = Judge.by(book, source, now)
        verdicts = judge.look_at_each(alerts)
        groups = list({each.group_key for each in verdicts})
        # Asked under the locks: who held a group before us has made what it made.
        mark, seen = prepared.together(
            (_HOLD, _asked(space, groups, now)), storing.looking(source, keys, groups)
        )
        if held is not None or mark[0][2] == book.mark:
            known, burning = storing.seen(source, seen[0])
            return _Judged(judge.inhibited(verdicts), known, burning, book.ranks)
        book = held = books.read(space, now)


# What follows in this transaction is planned once for each connection, and goes by indexes: a plan
# that is kept from when tables were nearly empty would read them from end to end once they are
# large.
_HOLD = f"""
    SELECT set_config('enable_seqscan', 'off', true), (SELECT count(held) FROM (
            SELECT pg_advisory_xact_lock({_LOCKS}, number) AS held
            FROM unnest(%(numbers)s::int[]) WITH ORDINALITY AS asked(number, place) ORDER BY place
        ) AS every), ({books.SUM})::text
"""  # noqa: S608 - parts of our own


def hold_groups(workspace_id: int, keys: Sequence[str]) -> None:
    """One message at a time for each group; all in one order, so that nobody waits in a circle."""
    prepared.one(_HOLD, _asked(workspace_id, keys, clock.now()))


def _asked(workspace_id: int, keys: Sequence[str], now: datetime) -> dict[str, Any]:
    return {"numbers": _numbers(workspace_id, keys), "workspace": workspace_id, "at": now}


def _numbers(workspace_id: int, keys: Sequence[str]) -> list[int]:
    return sorted(
        {
            int.from_bytes(
                hashlib.sha256(f"{workspace_id}:{key}".encode()).digest()[:4], signed=True
            )
            for key in set(keys)
        }
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


def brought(row: InboundEvent) -> Any:
    """The alerts that a message brought or changed."""
    at = row.counts.get(_AT)
    first = Q(source=row.source_id, first_at=datetime.fromisoformat(at)) if at else Q(pk__in=[])
    return Alert.objects.filter(first | Q(events__inbound=row)).distinct()


def brought_by(alert: Alert) -> InboundEvent | None:
    """The message that brought an alert, as long as it is kept."""
    rows = InboundEvent.objects.filter(
        source=alert.source_id,
        created_at__range=(alert.first_at - _TRIED, alert.first_at),
        **{f"counts__{_AT}": alert.first_at.isoformat()},
    )
    found: InboundEvent | None = rows.defer("body").order_by("-created_at").first()
    return found


def give_up(row: InboundEvent, error: Exception) -> None:
    """It stays to be looked at; a source that sends such things is seen to."""
    leases.kill(row, error)
    AlertSource.objects.filter(pk=row.source_id).update(
        last_at=Now(), calls=F("calls") + 1, refused=F("refused") + 1,
        last_error=leases.describe(error)[:300], last_error_at=Now(),
    )  # fmt: skip


def work(deadline: float) -> int:
    """What nobody came back for, and what failed and may go well now."""
    done = 0
    buried: list[InboundEvent] = []
    given_up = False
    while time.monotonic() < deadline:
        rows = leases.claim(
            InboundEvent.objects.select_related("source__workspace", "source__service"),
            limit=BATCH.value,
            lease_seconds=LEASE.value,
            on_bury=buried.extend,
        )
        if not rows:
            break
        done += sum(_again(row) for row in rows)
        given_up |= any(row.state == leases.DEAD for row in rows)
    if given_up or buried:
        lost.call()
    return done


def _again(row: InboundEvent) -> bool:
    with context.bind(**context.resumed(row.correlation_id), source="job"):
        try:
            process(row)
        except LeaseLost:
            return False
        except Invalid as error:
            give_up(row, error)
            row.state = leases.DEAD
            return True
        except Exception as error:
            dead = leases.fail(row, error)
            logger.exception("message %s failed%s", row.uid, ", given up" if dead else "")
            return False
    return True


engine.module("alerts", work, rows=InboundEvent, order=20)

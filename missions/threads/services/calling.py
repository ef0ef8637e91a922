"""Whoever a rule of escalation names is called when its time has come; closed threads are put away
where somebody set a time for it.

Each call is news under a key of its own: looked at again, it is told once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, OuterRef, Subquery

from controlplane.jobs import leases
from controlplane.lib import clock
from controlplane.notify import wording
from controlplane.notify.models import Notification, Urgency
from controlplane.notify.services.news import notify
from missions.threads import links, numbers
from missions.threads.models import (
    Message,
    Participant,
    Thread,
    ThreadEscalationPolicy,
    WakeTrigger,
)
from missions.threads.services.common import PORTAL
from missions.threads.services.escalating import Call, whom
from missions.threads.services.pausing import archive_thread

logger = logging.getLogger(__name__)
CALLED = "thread.escalated"
_MOST = 500  # of one look; the next is a minute away
_REACH = timedelta(days=8)  # a rule waits a week at most
_GUARDS = frozenset({Thread.Guard.IDLE.value, Thread.Guard.LOOP.value})
_What = ThreadEscalationPolicy.What
wording.register(
    CALLED,
    "A thread of agents waits for somebody",
    subject="{thread} waits: {title}",
    body="{reason}\n\nIt has been so for {minutes} minutes. Read what was said, and settle it.",
)


@dataclass(frozen=True, slots=True)
class Stuck:
    thread: Thread
    what: str
    since: datetime
    mark: str  # this time of it, told apart from the next
    reason: str


def call_due() -> dict[str, int]:
    """Tell whoever is to be told by now."""
    told = looked = 0
    for each in stuck():
        looked += 1
        try:
            told += _call(each)
        except Exception:  # one that can't be told keeps no other from it
            logger.exception("nobody could be called about thread %s", each.thread.uid)
    return {"stuck": looked, "called": told}


def stuck() -> Iterator[Stuck]:
    since = clock.now() - _REACH
    yield from _blocked(since)
    yield from _given_up(since)
    yield from _unread(since)


def _blocked(since: datetime) -> Iterator[Stuck]:
    rows = Thread.objects.filter(status=Thread.Status.BLOCKED, status_at__gt=since)
    for row in rows.order_by("pk")[:_MOST]:
        what = row.blocked_by or _What.BLOCKED.value
        yield Stuck(row, what, row.status_at, row.status_at.isoformat(), row.status_reason)


def _given_up(since: datetime) -> Iterator[Stuck]:
    rows = WakeTrigger.objects.filter(
        state=leases.DEAD, finished_at__gt=since, thread__status__in=["active", "resolved"]
    )
    for row in rows.select_related("thread", "agent").order_by("pk")[:_MOST]:
        reason = f"{row.agent.name} was to be woken, and nobody came."
        yield Stuck(row.thread, _What.DEAD_WAKE.value, row.finished_at, str(row.uid), reason)


def _unread(since: datetime) -> Iterator[Stuck]:
    """Counted from the first message after the cursor that somebody else wrote."""
    after = Message.objects.filter(thread=OuterRef("thread"), seq__gt=OuterRef("last_read_seq"))
    first = after.exclude(agent=OuterRef("agent")).exclude(kind="system").order_by("seq")
    rows = Participant.objects.present().filter(
        thread__status=Thread.Status.ACTIVE, thread__last_seq__gt=F("last_read_seq")
    )
    found = rows.annotate(
        begun=Subquery(first.values("created_at")[:1]), number=Subquery(first.values("seq")[:1])
    ).filter(begun__gt=since)
    for row in found.select_related("thread", "agent").order_by("pk")[:_MOST]:
        reason = f"{row.agent.name} has not read message {row.number}."
        yield Stuck(row.thread, _What.UNREAD.value, row.begun, f"{row.uid}:{row.number}", reason)


def _call(each: Stuck) -> int:
    waited = clock.now() - each.since
    due = [
        call for call in whom(each.thread, each.what)
        if waited >= timedelta(minutes=call.after_minutes)
        # What a guard stopped is told of at once, by whoever hears of the guard.
        and not (each.what in _GUARDS and not call.after_minutes)
    ]  # fmt: skip
    return sum(_tell(each, call, waited) for call in due)


def _tell(each: Stuck, call: Call, waited: timedelta) -> bool:
    """False where it was told before."""
    row = each.thread
    key = f"{CALLED}:{row.uid}:{each.what}:{each.mark}:{call.key}"[:200]
    if Notification.objects.filter(workspace_id=row.workspace_id, key=key).exists():
        return False
    notify(
        workspace_id=row.workspace_id,
        kind=CALLED,
        to=call.to,
        key=key,
        values={
            "thread": row.ref, "title": row.title, "reason": each.reason,
            "minutes": int(waited.total_seconds() // 60),
        },
        urgency=Urgency.CRITICAL if call.pages else Urgency.NORMAL,
        link=links.page_of(row),
        about=f"threads.thread:{row.pk}",
    )  # fmt: skip
    return True


def archive_old() -> dict[str, int]:
    """Put closed threads away that nobody touched for so long; nothing where no time is set."""
    days = numbers.ARCHIVE_DAYS.value
    if days <= 0:
        return {"archived": 0}
    rows = Thread.objects.filter(
        status=Thread.Status.CLOSED, archived_at=None,
        status_at__lt=clock.now() - timedelta(days=days),
    )  # fmt: skip
    found = list(rows.order_by("pk")[:_MOST])
    for row in found:
        archive_thread(row, actor=PORTAL)
    return {"archived": len(found)}

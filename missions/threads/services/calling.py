"""Whoever a rule of escalation names is called when its time has come.

Each call is news under a key of its own: looked at again, it is told once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery

from controlplane.jobs import leases
from controlplane.lib import clock
from missions.threads.models import (
    Message,
    Participant,
    Thread,
    ThreadEscalationPolicy,
    WakeTrigger,
)
from missions.threads.services.escalating import rules_for
from missions.threads.services.telling import CALLED, GUARDS, Stuck, tell, told
from missions.threads.waking.services.holding import LIMITS

logger = logging.getLogger(__name__)
_BATCH = 500
_MOST = 500  # told by one look; what was told is passed over by the next, a minute away
_REACH = timedelta(days=8)  # a rule waits a week at most
_What = ThreadEscalationPolicy.What
_ASKED = ("thread__workspace", "thread__owner", "thread__escalation_owner", "thread__item", "agent")
_Due = tuple[Stuck, ThreadEscalationPolicy]
_Rules = dict[tuple[int, str, str], list[ThreadEscalationPolicy]]


def call_due() -> dict[str, int]:
    """Tell whoever is to be told by now."""
    rules: _Rules = {}
    looked = called = 0
    found = stuck()
    while called < _MOST and (batch := list(islice(found, _BATCH))):
        looked += len(batch)
        for each, rule in _untold(batch, rules)[: _MOST - called]:
            called += _call(each, rule)
    return {"stuck": looked, "called": called}


def stuck() -> Iterator[Stuck]:
    since = clock.now() - _REACH
    yield from _blocked(since)
    yield from _given_up(since)
    yield from _held_back(since)
    yield from _unread(since)


def _each(rows: QuerySet[Any]) -> Iterator[Any]:
    """All of them, so many at a time: one that stays stuck hides none that came after it."""
    after = 0
    while batch := list(rows.filter(pk__gt=after).order_by("pk")[:_BATCH]):
        yield from batch
        after = batch[-1].pk


def _blocked(since: datetime) -> Iterator[Stuck]:
    rows = Thread.objects.filter(status=Thread.Status.BLOCKED, status_at__gt=since)
    for row in _each(rows.select_related("workspace", "owner", "escalation_owner", "item")):
        what = row.blocked_by or _What.BLOCKED.value
        yield Stuck(row, what, row.status_at, row.status_at.isoformat(), row.status_reason)


def _given_up(since: datetime) -> Iterator[Stuck]:
    rows = WakeTrigger.objects.filter(
        state=leases.DEAD, finished_at__gt=since, thread__status__in=["active", "resolved"]
    )
    for row in _each(rows.select_related(*_ASKED)):
        reason = f"{row.agent.name} was to be woken, and nobody came."
        yield Stuck(row.thread, _What.DEAD_WAKE.value, row.finished_at, str(row.uid), reason)


def _held_back(since: datetime) -> Iterator[Stuck]:
    """By a limit, and not yet let go on. Counted from when the wake began."""
    rows = WakeTrigger.objects.open().filter(
        status=WakeTrigger.Status.DEFERRED, error_code__in=LIMITS, created_at__gt=since
    )
    for row in _each(rows.select_related(*_ASKED)):
        reason = f"{row.agent.name} is not woken: {LIMITS[row.error_code]}."
        yield Stuck(row.thread, _What.HELD_WAKE.value, row.created_at, str(row.uid), reason)


def _unread(since: datetime) -> Iterator[Stuck]:
    """Counted from the first message after the cursor that somebody else wrote."""
    after = Message.objects.filter(thread=OuterRef("thread"), seq__gt=OuterRef("last_read_seq"))
    first = after.exclude(agent=OuterRef("agent")).exclude(kind="system").order_by("seq")
    rows = Participant.objects.present().filter(
        thread__status=Thread.Status.ACTIVE,
        thread__last_seq__gt=F("last_read_seq"),
        thread__last_message_at__gt=since,
    )
    found = rows.annotate(
        begun=Subquery(first.values("created_at")[:1]), number=Subquery(first.values("seq")[:1])
    ).filter(begun__gt=since)
    for row in _each(found.select_related(*_ASKED)):
        reason = f"{row.agent.name} has not read message {row.number}."
        yield Stuck(row.thread, _What.UNREAD.value, row.begun, f"{row.uid}:{row.number}", reason)


def _untold(batch: Iterable[Stuck], rules: _Rules) -> Sequence[_Due]:
    """What is due by now and was not told: one question for all of them."""
    now = clock.now()
    due = {
        each.key(CALLED, rule): (each, rule)
        for each in batch
        for rule in _rules(each, rules)
        if now - each.since >= timedelta(minutes=rule.after_minutes)
        # What a guard stopped is told of at once, by whoever hears of the guard.
        and not (each.what in GUARDS and not rule.after_minutes)
    }
    known = told(set(due))
    return [pair for key, pair in due.items() if key not in known]


def _rules(each: Stuck, known: _Rules) -> list[ThreadEscalationPolicy]:
    """Asked once for all threads of a type in a workspace."""
    key = (each.thread.workspace_id, each.thread.kind, each.what)
    if key not in known:
        known[key] = rules_for(*key)
    return known[key]


def _call(each: Stuck, rule: ThreadEscalationPolicy) -> int:
    minutes = int((clock.now() - each.since).total_seconds() // 60)
    try:
        tell(each, rule, kind=CALLED, minutes=minutes)
    except Exception:  # one that can't be told keeps no other from it
        logger.exception("nobody could be called about thread %s", each.thread.uid)
        return 0
    return 1

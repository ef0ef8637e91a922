"""What becomes of a page after its first way: the next ways of the person who is called, what
came of those taken, and the next target where nobody can be reached.

Deliveries are looked at, not listened to: what a sender that was killed did not tell is seen here
a moment later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now

from controlplane.notify.models import Delivery
from incidents.models import Page
from incidents.paging import calls, numbers
from incidents.paging.calls import Sending
from incidents.paging.ending import OPEN
from incidents.paging.ways import Way, Whom, ways_of_all, whom

# Sent: somebody outside took it. A page that every way failed for, and has none left, is unreached.
_SENT = """
    UPDATE incidents_page AS page
    SET status = 'sent', sent_at = done.at
    FROM (
        SELECT notification_id, min(settled_at) AS at FROM notify_delivery
        WHERE state = 'sent' AND method <> 'inbox'
          AND notification_id IN (SELECT notification_id FROM incidents_page
                                  WHERE status = 'calling')
        GROUP BY notification_id
    ) AS done
    WHERE page.status = 'calling' AND page.notification_id = done.notification_id
"""
# What was taken so far has failed, once is enough: the next way is due now.
_HURRY = """
    UPDATE incidents_page AS page
    SET next_at = statement_timestamp()
    WHERE page.status = 'calling' AND page.next_at > statement_timestamp()
      AND EXISTS (SELECT 1 FROM notify_delivery d
                  WHERE d.notification_id = page.notification_id AND d.method <> 'inbox')
      AND NOT EXISTS (
          SELECT 1 FROM notify_delivery d
          WHERE d.notification_id = page.notification_id AND d.method <> 'inbox'
            AND NOT (d.state IN ('rejected', 'dead', 'undelivered')
                     OR d.state = 'waiting' AND EXISTS (
                         SELECT 1 FROM notify_deliveryattempt a WHERE a.delivery_id = d.id)))
"""
_UNREACHED = """
    UPDATE incidents_page AS page
    SET status = 'unreached', note = 'Every way failed.'
    WHERE page.status = 'calling' AND page.next_at IS NULL AND page.notification_id IS NOT NULL
      AND NOT EXISTS (
          SELECT 1 FROM notify_delivery d
          WHERE d.notification_id = page.notification_id AND d.method <> 'inbox'
            AND d.state NOT IN ('rejected', 'dead', 'undelivered', 'suppressed'))
    RETURNING page.run_id
"""
# Nobody of a run's latest step can be reached: the next one is due now.
_ONWARDS = """
    UPDATE incidents_escalationrun AS run
    SET next_at = statement_timestamp(), version = run.version + 1
    WHERE run.id = ANY(%s) AND run.status = 'running' AND run.next_at > statement_timestamp()
      AND NOT EXISTS (
          SELECT 1 FROM incidents_page p
          WHERE p.run_id = run.id AND p.status <> 'unreached'
            AND (p.round, p.step) = (SELECT q.round, q.step FROM incidents_page q
                                     WHERE q.run_id = run.id
                                     ORDER BY q.round DESC, q.step DESC LIMIT 1))
"""


def turn_batch() -> int:
    """Take the next ways of pages whose time has come."""
    with transaction.atomic():
        rows = (
            Page.objects.filter(next_at__lte=Now())
            .select_related("notification")
            .annotate(now=Now())
            .select_for_update(of=("self",), skip_locked=True, no_key=True)
            .order_by("next_at", "pk")
        )
        pages = list(rows[: numbers.BATCH.value])
        if pages:
            _turn(pages, pages[0].now)
        return len(pages)


def _turn(pages: Sequence[Any], now: datetime) -> None:
    taken = _taken(pages)
    by_urgency: dict[str, set[Whom]] = defaultdict(set)
    for page in pages:
        who = whom(page.user_id, page.contact_id)
        if who is not None and page.notification is not None:
            by_urgency[page.notification.urgency].add(who)
    ways = {urgency: ways_of_all(asked, urgency) for urgency, asked in by_urgency.items()}
    wanted = []
    for page in pages:
        page.next_at, due = _next(page, ways, taken[page.notification_id], now)
        target = (page.user_id, page.channel_id, page.contact_id)
        wanted += [Sending(page.notification_id, page.workspace_id, way, *target) for way in due]
        page.turn += len(due)
    calls.send(wanted, now)
    Page.objects.bulk_update(pages, ["turn", "next_at"])


def _next(
    page: Any, ways: dict[str, dict[Whom, list[Way]]], used: set[Any], now: datetime
) -> tuple[datetime | None, list[Way]]:
    """The ways to take now and when to look again. Those whose time has come; the first of the
    rest where none has, since then what was taken before failed."""
    who = whom(page.user_id, page.contact_id)
    if page.status not in OPEN or page.notification is None or who is None:
        return None, []
    mine = ways[page.notification.urgency].get(who, [])
    left = [way for way in mine if way.mark not in used]
    due, later = calls.split(left, page.created_at, now)
    if not due and left:
        due = left[:1]
        _, later = calls.split(left[1:], page.created_at, now)
    return later, due


def _taken(pages: Sequence[Any]) -> dict[int, set[Any]]:
    found: dict[int, set[Any]] = defaultdict(set)
    rows = Delivery.objects.filter(notification__in=[page.notification_id for page in pages])
    for key, method, own in rows.values_list("notification_id", "method", "contact_method_id"):
        found[key].add((method, own))
    return found


def settle() -> int:
    """See what came of what was sent. Each statement is a transaction of its own: nobody who ends
    a run, and so locks runs before pages, is waited for with pages held."""
    with connection.cursor() as cursor:
        cursor.execute(_SENT)
        moved = int(cursor.rowcount)
        cursor.execute(_HURRY)
        moved += int(cursor.rowcount)
        cursor.execute(_UNREACHED)
        runs = sorted({row[0] for row in cursor.fetchall()})
    if runs:
        go_on(runs)
    return moved + len(runs)


def go_on(runs: Sequence[int] | None = None) -> int:
    """Of these runs, or of all, those whose latest step reached nobody: the next is due now. Asked
    of all each minute: a process that is killed right before it asked leaves nobody behind."""
    if runs is None:
        lost = Page.objects.filter(
            status=Page.Status.UNREACHED, notification__isnull=False, run__status="running"
        )
        runs = list(lost.values_list("run_id", flat=True).distinct())
    with connection.cursor() as cursor:
        cursor.execute(_ONWARDS, [list(runs)])
        return int(cursor.rowcount)

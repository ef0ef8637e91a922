"""What was said goes by its time, where somebody set one: first a closed thread is put away, then
its messages go, and what woke whom for them. The thread stays and says that there was something.

A legal hold on the mission above it keeps everything; the database holds to that too. So does a
hold on the workspace, the thread or somebody who wrote in it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import BooleanField, Exists, F, Func, OuterRef, QuerySet

from controlplane.base.holds import spared
from controlplane.lib import clock
from missions.models import Mission
from missions.threads import fanout, numbers
from missions.threads.models import Message, Thread, WakeTrigger
from missions.threads.services.common import PORTAL, hold, note
from missions.threads.services.pausing import archive_thread

SLUG = "threads.messages"
_MOST = 500  # put away by one run; the next goes on
_HELD = Func(F("pk"), function="threads_is_held", output_field=BooleanField())
# Missions whose hold would keep the thread: of its work item, and of those above it.
_ABOVE = """
    WITH RECURSIVE above(id) AS (
        SELECT item_id FROM threads_thread WHERE id = %s AND item_id IS NOT NULL
        UNION
        SELECT i.parent_id FROM work_item i JOIN above a ON i.id = a.id
        WHERE i.parent_id IS NOT NULL
    )
    SELECT m.id FROM missions_mission m JOIN above a ON m.item_id = a.id ORDER BY m.id
"""


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


def due(cutoff: datetime) -> QuerySet[Thread]:
    """Put away before the cut-off, with something left in it, and held by nobody."""
    rows = spared(_old(cutoff), SLUG)
    found: QuerySet[Thread] = rows.annotate(held=_HELD).filter(held=False).order_by("archived_at")
    return found


def _old(cutoff: datetime) -> QuerySet[Thread]:
    said = Message.objects.filter(thread=OuterRef("pk"))
    return Thread.objects.filter(archived_at__lt=cutoff).filter(Exists(said))


def count(cutoff: datetime) -> int:
    return Message.objects.filter(thread__in=due(cutoff).order_by().values("pk")).count()


def held(cutoff: datetime) -> int:
    """Messages that would go, did no hold stand."""
    free = due(cutoff).order_by().values("pk")
    kept = _old(cutoff).exclude(pk__in=free).values("pk")
    return Message.objects.filter(thread__in=kept).count()


def clear(cutoff: datetime, limit: int) -> int:
    """Up to so many messages of the threads that are due, the longest away first."""
    done = 0
    for pk in list(due(cutoff).values_list("pk", flat=True)[:limit]):
        if done >= limit:
            break
        done += _clear(pk, limit - done)
    return done


@transaction.atomic
def _clear(pk: int, limit: int) -> int:
    _lock_missions(pk)  # whoever places a hold holds the mission
    row = hold(Thread(pk=pk))
    if not due(clock.now()).filter(pk=pk).exists():
        return 0  # held since we looked
    if row.cleared_at is None:
        _begin(row)
    first = Message.objects.filter(thread=row).order_by("seq").values_list("pk", flat=True)[:limit]
    gone, _ = Message.objects.filter(pk__in=list(first)).delete()
    return gone


def _lock_missions(pk: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_ABOVE, [pk])
        found = [each for (each,) in cursor.fetchall()]
    if found:
        list(Mission.objects.select_for_update(of=("self",)).filter(pk__in=found).order_by("pk"))


def _begin(row: Thread) -> None:
    """Said before anything goes, so that the record never knows less than the database."""
    at = clock.now()
    changed: dict[str, Any] = {"cleared_at": at, "findings": {}, "version": F("version") + 1}
    Thread.objects.filter(pk=row.pk).update(**changed)
    WakeTrigger.objects.filter(thread=row).delete()
    note(row, "thread.clear", actor=PORTAL, after={"cleared_at": at},
         details={"messages": row.last_seq})  # fmt: skip
    fanout.after_commit(row.uid, row.last_seq, "thread")

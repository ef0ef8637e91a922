"""A guard stopped a thread: a work item that stands for it, and somebody who hears of it.

The guard itself acts in the statement that posts; what people get comes by this signal, in one
transaction and once.
"""

from __future__ import annotations

from typing import Any

from controlplane.base import signals
from controlplane.base.models import Signal
from controlplane.notify import wording
from controlplane.notify.models import Urgency
from controlplane.notify.services.news import notify
from controlplane.work import services as work
from controlplane.work.models import Item
from missions.threads.models import Thread
from missions.threads.services.common import GUARD, PORTAL, note
from missions.threads.services.creating import change_thread
from missions.threads.services.escalating import whom

BLOCKED = "thread.blocked"
LABELS = ("thread", "guard")
_PAGE = "/admin/threads/thread/{uid}/change/"
wording.register(
    BLOCKED,
    "A guard blocked a thread of agents",
    subject="{thread} is blocked: {title}",
    body="{reason}\n\nRead what was said, settle it, and unblock the thread or close it. The work"
    " item {item} stands for it.",
)


@signals.consumes(GUARD)
def stopped(signal: Signal) -> None:
    told = signal.payload
    row: Thread | None = (
        Thread.objects.select_related("workspace", "owner", "escalation_owner", "item")
        .filter(uid=told["thread"])
        .first()
    )
    if row is None:
        return
    item, made = _item(row, told)
    if not made:
        return
    note(
        row, "thread.guarded", actor=PORTAL, reason=told["reason"],
        details={"guard": told["guard"], "seq": told["seq"], "item": item.key},
    )  # fmt: skip
    _tell(row, item, told)


def _item(row: Thread, told: dict[str, Any]) -> tuple[Item, bool]:
    """One for each time that a guard stopped it."""
    project = work.ensure_operations_project(row.workspace, actor=PORTAL)
    found = work.ensure(
        project,
        f"thread-guard:{row.uid}:{told['seq']}",
        actor=PORTAL,
        title=f"{row.ref} is blocked: {row.title}"[:200],
        item_type="bug",
        priority=1,
        labels=[*LABELS, str(told["guard"]).replace("_", "-")],
        description=f"{told['reason']}\n\nThread {row.ref}, up to message {told['seq']}:"
        f" {_PAGE.format(uid=row.uid)}\n\nSay how it goes on: unblock the thread with a reason, or"
        " close it.",
    )
    if found.created:
        _link(row, found.item)
    return found.item, found.created


def _link(row: Thread, item: Item) -> None:
    """The thread's own item, or one that was found while that was worked on."""
    if row.item is None:
        change_thread(row, actor=PORTAL, item=item)
    else:
        work.add_dependency(item, row.item, actor=PORTAL, kind="discovered-from")


def _tell(row: Thread, item: Item, told: dict[str, Any]) -> None:
    """By the rules of escalation; those that wait, a job looks after."""
    values = {
        "thread": row.ref, "title": row.title, "reason": told["reason"], "item": item.key,
    }  # fmt: skip
    for call in whom(row, told["guard"]):
        if call.after_minutes:
            continue
        notify(
            workspace_id=row.workspace_id,
            kind=BLOCKED,
            to=call.to,
            key=f"{BLOCKED}:{row.uid}:{told['seq']}:{call.key}",
            values=values,
            urgency=Urgency.CRITICAL if call.pages else Urgency.NORMAL,
            link=_PAGE.format(uid=row.uid),
            about=f"threads.thread:{row.pk}",
        )

"""A thread that is stuck, told of: a work item where a rule opens one, and news for whom it names.

The one way for what a guard stopped and for what waits; each is told once under its key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from controlplane.notify import wording
from controlplane.notify.models import Notification, Urgency
from controlplane.notify.services.news import notify
from controlplane.work import services as work
from controlplane.work.models import Item
from missions.threads import links
from missions.threads.models import Thread, ThreadEscalationPolicy
from missions.threads.services import escalating
from missions.threads.services.common import PORTAL
from missions.threads.services.creating import change_thread
from missions.threads.services.raising import raise_up

BLOCKED = "thread.blocked"
CALLED = "thread.escalated"
GUARDS = frozenset({Thread.Guard.IDLE.value, Thread.Guard.LOOP.value})
wording.register(
    BLOCKED,
    "A guard blocked a thread of agents",
    subject="{thread} is blocked: {title}",
    body="{reason}\n\nRead what was said, settle it, and unblock the thread or close it.{item}",
)
wording.register(
    CALLED,
    "A thread of agents waits for somebody",
    subject="{thread} waits: {title}",
    body="{reason}\n\nIt has been so for {minutes} minutes. Read what was said, and settle"
    " it.{item}",
)


@dataclass(frozen=True, slots=True)
class Stuck:
    thread: Thread
    what: str
    since: datetime
    mark: str  # this time of it, told apart from the next
    reason: str

    def key(self, kind: str, rule: ThreadEscalationPolicy) -> str:
        """Of the news by this rule."""
        told = f"{kind}:{self.thread.uid}:{self.what}:{self.mark}:{escalating.key_of(rule)}"
        return told[:200]


def told(keys: set[str]) -> set[str]:
    """Those of the keys that were told already. They name a thread, so they are nobody else's."""
    return set(Notification.objects.filter(key__in=keys).values_list("key", flat=True))


@transaction.atomic
def tell(each: Stuck, rule: ThreadEscalationPolicy, *, kind: str, minutes: int = 0) -> Item | None:
    """Whoever looks first asks whether it was told. The item it opened, or that stands for it."""
    item = open_item(each, rule) if rule.opens_item else None
    row, call = each.thread, escalating.call_of(each.thread, rule)
    notify(
        workspace_id=row.workspace_id,
        kind=kind,
        to=call.to,
        key=each.key(kind, rule),
        values={
            "thread": row.ref, "title": row.title, "reason": each.reason, "minutes": minutes,
            "item": f" The work item {item.key} stands for it." if item is not None else "",
        },
        urgency=Urgency.CRITICAL if call.pages else Urgency.NORMAL,
        link=links.page_of(row),
        about=f"threads.thread:{row.pk}",
    )  # fmt: skip
    if call.pages:
        key = f"{each.mark}:{escalating.key_of(rule)}"
        raise_up(row, each.what, key=key, since=each.since, reason=each.reason, item=item)
    return item


def open_item(each: Stuck, rule: ThreadEscalationPolicy) -> Item:
    """One for as long as it is open, whichever rule asks for it."""
    row, owner = each.thread, rule.item_owner
    found = work.ensure(
        work.ensure_operations_project(row.workspace, actor=PORTAL),
        _item_key(each),
        actor=PORTAL,
        title=f"{row.ref} {_WORDS[each.what]}: {row.title}"[:200],
        item_type="bug",
        priority=1,
        labels=["thread", "guard" if each.what in GUARDS else "stuck", _slug(each.what)],
        assignee=owner.email if owner is not None else "",
        description=f"{each.reason}\n\nThread {row.ref}, up to message {row.last_seq}:"
        f" {links.page_of(row)}\n\nSay how it goes on: unblock the thread with a reason, answer in"
        " it, or close it.",
    )
    if found.created:
        _link(row, found.item)
    return found.item


_WORDS = {
    "no_progress": "is blocked",
    "repeated_finding": "is blocked",
    "blocked": "is blocked",
    "dead_wake": "wakes nobody",
    "unread": "is not read",
}


def _slug(what: str) -> str:
    return what.replace("_", "-")


def _item_key(each: Stuck) -> str:
    """What a guard stopped is known by the message it stopped at, whoever looks."""
    if each.what in GUARDS:
        return f"thread-guard:{each.thread.uid}:{each.thread.guarded_seq}"
    return f"thread-stuck:{each.thread.uid}:{each.what}"


def _link(row: Thread, item: Item) -> None:
    """The thread's own item, or one that was found while that was worked on."""
    own = Item.objects.filter(threads=row.pk).first()  # as of now
    if own is None:
        change_thread(row, actor=PORTAL, item=item)
    else:
        work.add_dependency(item, own, actor=PORTAL, kind="discovered-from")

"""A person's inbox: read, put away and put back, by its owner only. Reading is no change of state
worth an audit row; the deliveries say what arrived."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.notify.models import InboxItem


def mark_read(actor: Actor, items: Sequence[UUID] | None = None) -> int:
    """Mark these of the actor's own items read, or all of them. Answers how many changed."""
    rows = InboxItem.objects.visible_to(actor).unread()
    if items is not None:
        rows = rows.filter(uid__in=items)
    return rows.update(read_at=clock.now())


def archive(actor: Actor, items: Sequence[UUID]) -> int:
    now = clock.now()
    rows = InboxItem.objects.visible_to(actor).open().filter(uid__in=items)
    rows.filter(read_at=None).update(read_at=now)
    return rows.update(archived_at=now)


def put_back(actor: Actor, items: Sequence[UUID]) -> int:
    """Undo `archive`. What was read stays read."""
    away = InboxItem.objects.visible_to(actor).away().filter(uid__in=items)
    return away.update(archived_at=None)

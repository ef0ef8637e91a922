"""What every step in a thread leaves behind, and who the portal is in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from controlplane.audit.services import record
from controlplane.lib import actors
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from missions.threads.models import Thread

PORTAL = actors.job("threads")
GUARD = "thread.guard"  # a guard stopped a thread: news for people


def note(
    thread: Thread,
    action: str,
    *,
    actor: Actor,
    before: Any = None,
    after: Any = None,
    reason: str = "",
    details: dict[str, Any] | None = None,
) -> None:
    record(actor, action, thread, before=before, after=after, reason=reason, details=details)


def array(numbers: Sequence[int]) -> str:
    """As PostgreSQL writes it: the driver would look at each to find out what it is."""
    return "{" + ",".join(map(str, numbers)) + "}"


def find(uid: UUID, actor: Actor) -> Thread:
    """A thread that the actor may see."""
    row: Thread | None = (
        Thread.objects.visible_to(actor).select_related("workspace").filter(uid=uid).first()
    )
    if row is None:
        raise NotFound("There is no such thread.")
    return row


def hold(thread: Thread) -> Thread:
    """The row as it is, locked until the change is committed."""
    assert transaction.get_connection().in_atomic_block
    row: Thread = Thread.objects.select_for_update(of=("self",)).get(pk=thread.pk)
    return row

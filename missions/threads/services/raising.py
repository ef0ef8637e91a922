"""What is urgent by its rule goes up, as news for whoever keeps incidents; and that it is over.

Rules that call nobody urgently tell nothing here: whom they name has heard of it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from controlplane.base import signals
from controlplane.base.models import Signal
from controlplane.lib import clock
from controlplane.work.models import Item
from missions.threads import links
from missions.threads.models import Thread

ESCALATED = "thread.escalated"
SETTLED = "thread.settled"
_KEY = 200


def raise_up(
    thread: Thread, what: str, *, key: str, since: datetime, reason: str, item: Item | None
) -> None:
    """In the transaction of the call. `key`: of this time of it and this rule."""
    payload = {
        **_of(thread, what),
        "reason": reason,
        "since": since.isoformat(),
        "item": item.key if item is not None else "",
    }
    name = f"{_begin(thread, what)}{key}"[:_KEY]
    signals.emit(ESCALATED, key=name, payload=payload, workspace_id=thread.workspace_id)


def settle(thread: Thread, what: str) -> None:
    """It goes on, or is closed: told where it was raised."""
    raised = Signal.objects.filter(kind=ESCALATED, key__startswith=_begin(thread, what))
    if not raised.exists():
        return
    payload = {**_of(thread, what), "until": clock.now().isoformat()}
    name = f"{_begin(thread, what)}{thread.version}"
    signals.emit(SETTLED, key=name, payload=payload, workspace_id=thread.workspace_id)


def _begin(thread: Thread, what: str) -> str:
    return f"{thread.uid}:{what}:"


def _of(thread: Thread, what: str) -> dict[str, Any]:
    return {
        "thread": str(thread.uid), "ref": thread.ref, "title": thread.title, "type": thread.kind,
        "thread_item": thread.item_id, "what": what, "link": links.page_of(thread),
    }  # fmt: skip

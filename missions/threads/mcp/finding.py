"""The rows that arguments name, and rows as the API shows them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from controlplane.base.api.rows import Row
from controlplane.base.mcp.registry import Call
from controlplane.lib.errors import NotFound
from controlplane.lib.given import refuse
from missions.threads.api import forms
from missions.threads.api.finding import NOT_HERE, uid_of
from missions.threads.api.threads import participants
from missions.threads.models import Thread

_RELATED = ("workspace", "owner", "escalation_owner", "item")
ROW = Row(forms.ThreadRow)


def uid(call: Call, given: Any) -> UUID:
    if not isinstance(given, str):
        raise refuse("thread_id", "The id of a thread, or its ref." if given else "Missing.")
    return uid_of(call.request, given)


def thread(call: Call, given: Any) -> Thread:
    rows = Thread.objects.visible_to(call.actor).select_related(*_RELATED)
    row: Thread | None = rows.filter(uid=uid(call, given)).order_by().first()
    if row is None:
        raise NotFound(NOT_HERE)
    return row


def whole(row: Thread) -> dict[str, Any]:
    return {**ROW.from_object(row), "participants": participants(row)}

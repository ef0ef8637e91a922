"""Posting, reading and acknowledging, as one statement each: what the database answers is sent as
it is."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from django.core.handlers.asgi import ASGIRequest

from controlplane.base.api.rows import Row
from controlplane.base.mcp.registry import Call, Later
from controlplane.lib.given import refuse
from missions.threads import drafts, numbers, services
from missions.threads.api import forms
from missions.threads.api.claims import require_own
from missions.threads.mcp import finding
from missions.threads.streams import looking, polling
from missions.threads.waking.asking import ask_wake

_WAKE = Row(forms.WakeRow)


def post(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    require_own(call.actor, values)
    draft = drafts.read(values)
    uid = finding.uid(call, values.get("thread_id"))
    done = services.post_message(uid, draft, actor=call.actor)
    return {
        "message_id": done.message_id,
        "thread_id": uid,
        "seq": done.seq,
        "thread_status": done.thread_status,
        "created_at": done.created_at,
    }


def read(call: Call, values: dict[str, Any]) -> bytes | Later:
    mine = values.get("mine", False)
    if not isinstance(mine, bool):
        raise refuse("mine", "true or false.")
    wait = _wait(values.get("wait", 0))
    asked = looking.Asked(
        finding.uid(call, values.get("thread_id")),
        since=values.get("since_seq", 0),
        limit=values.get("limit"),
        mine=mine,
    )
    with looking.turn(call.request):
        page = asked.read(call.actor)
    # A worker of the web process answers one request at a time: a wait would hold it.
    if page.empty and wait > 0 and isinstance(call.request, ASGIRequest):
        return Later(partial(_waited, polling.waiting(call.request, asked, page, wait)))
    return page.as_json()


async def _waited(wait: polling.Waiting) -> bytes:
    return (await wait()).as_json()


def _wait(given: Any) -> float:
    number = isinstance(given, int | float) and not isinstance(given, bool)
    if not number or not 0 <= given < math.inf:
        raise refuse("wait", "Seconds, 0 or more.")
    return float(min(given, numbers.WAIT_MAX.value))


def ack(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    drafts.require_version(values)
    if "last_read_seq" not in values:
        raise refuse("last_read_seq", "Missing.")
    uid = finding.uid(call, values.get("thread_id"))
    done = services.ack_read(uid, values["last_read_seq"], actor=call.actor)
    return {"ok": True, "last_read_seq": done.last_read_seq, "updated_at": done.updated_at}


def inbox(call: Call, values: dict[str, Any]) -> bytes:
    return services.read_inbox(actor=call.actor)


def wake(call: Call, values: dict[str, Any]) -> dict[str, Any]:
    drafts.require_version(values)
    row = finding.thread(call, values["thread_id"])
    agent = forms.agent_of(row.workspace, values["target_agent_id"], "target_agent_id")
    done = ask_wake(
        row,
        agent,
        actor=call.actor,
        reason=values["reason"],
        prompt=values.get("trigger_prompt", ""),
        force=values["force"],
        request_key=values.get("request_key"),
    )
    return _WAKE.from_object(done)

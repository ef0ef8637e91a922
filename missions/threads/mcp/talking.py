"""Posting, reading and acknowledging, as one statement each: what the database answers is sent as
it is."""

from __future__ import annotations

from typing import Any

from controlplane.base.api.views import Row
from controlplane.base.mcp.registry import Call
from controlplane.lib.given import refuse
from missions.threads import drafts, services
from missions.threads.api import forms
from missions.threads.api.claims import require_own
from missions.threads.mcp import finding
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


def read(call: Call, values: dict[str, Any]) -> bytes:
    mine = values.get("mine", False)
    if not isinstance(mine, bool):
        raise refuse("mine", "true or false.")
    page = services.read_messages(
        finding.uid(call, values.get("thread_id")),
        actor=call.actor,
        since=values.get("since_seq", 0),
        limit=values.get("limit"),
        mine=mine,
    )
    return page.as_json()


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

"""A thread as an operator looks at it: who takes part, what was said, who was woken and how."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from missions.threads.models import (
    AgentPulse,
    Message,
    Participant,
    Thread,
    WakeAttempt,
    WakeTrigger,
)
from missions.threads.terminal.commands import shown
from missions.threads.waking.envelope import one_line, plain


def inspect(thread: Thread, *, messages: int, triggers: int) -> dict[str, Any]:
    return {
        **shown(thread),
        "messages_in_all": thread.last_seq,
        "wakes_paused": thread.wakes_paused,
        "blocked_by": thread.blocked_by,
        "participants": _people(thread),
        "messages": _messages(thread, messages),
        "triggers": _triggers(thread, triggers),
    }


def _people(thread: Thread) -> list[dict[str, Any]]:
    rows = list(Participant.objects.filter(thread=thread).select_related("agent"))
    pulses = AgentPulse.objects.filter(agent__in=[row.agent_id for row in rows])
    seen = {pulse.agent_id: pulse for pulse in pulses}
    return [
        {
            "agent_id": str(row.agent.uid),
            "name": row.agent.name,
            "role": row.role,
            "last_read_seq": row.last_read_seq,
            "seen_at": _text(seen[row.agent_id].seen_at) if row.agent_id in seen else None,
            "wakes_paused": row.agent_id in seen and seen[row.agent_id].wakes_paused,
            "left": row.left_at is not None,
        }
        for row in rows
    ]


def _messages(thread: Thread, most: int) -> list[dict[str, Any]]:
    rows = Message.objects.filter(thread=thread).order_by("-seq")[:most]
    return [
        {
            "seq": row.seq, "kind": row.kind, "event_type": row.event or None,
            "sender": row.sender_label, "body": row.body, "created_at": _text(row.created_at),
        }
        for row in reversed(rows)
    ]  # fmt: skip


def _triggers(thread: Thread, most: int) -> list[dict[str, Any]]:
    rows = list(WakeTrigger.objects.filter(thread=thread).select_related("agent")[:most])
    tries: dict[int, list[dict[str, Any]]] = {row.pk: [] for row in rows}
    for each in WakeAttempt.objects.filter(trigger__in=rows):
        tries[each.trigger_id].append(
            {"path": each.path, "adapter": each.adapter, "result": each.result,
             "error_code": each.error_code, "detail": each.detail, "at": _text(each.created_at)}
        )  # fmt: skip
    return [
        {
            "trigger_id": str(row.uid), "agent": row.agent.name, "status": row.status,
            "reason": row.reason, "result": row.result, "error_code": row.error_code,
            "unread": [row.from_seq, row.to_seq], "deferrals": row.deferrals,
            "created_at": _text(row.created_at), "attempts": tries[row.pk],
        }
        for row in rows
    ]  # fmt: skip


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def lines(told: dict[str, Any]) -> Iterator[str]:
    """For a terminal: what agents wrote moves no cursor there."""
    why = f" ({told['status_reason']})" if told["status_reason"] else ""
    yield _safe(f"{told['ref']} {told['title']}")
    yield _safe(f"  {told['status']}{why}, {told['type']}, workspace {told['workspace']}")
    yield f"  id {told['thread_id']}, {told['messages_in_all']} messages"
    yield f"  owner {told['owner'] or '–'}, escalates to {told['escalation_owner'] or '–'}"
    yield "Participants"
    for each in told["participants"]:
        gone = ", left" if each["left"] else ", wakes paused" if each["wakes_paused"] else ""
        seen = each["seen_at"] or "never seen"
        yield _safe(
            f"  {each['name']} as {each['role']}, read {each['last_read_seq']}, {seen}{gone}"
        )
    yield "Messages"
    for each in told["messages"]:
        what = each["event_type"] or each["kind"]
        yield _safe(f"  #{each['seq']} {each['sender']} [{what}] {each['body']}")[:500]
    yield "Triggers"
    for each in told["triggers"]:
        ended = each["error_code"] or each["result"] or each["reason"]
        yield _safe(f"  {each['trigger_id']} {each['agent']}: {each['status']} ({ended})")
        for tried in each["attempts"]:
            how = f"{tried['path']} by {tried['adapter']}: {tried['result']} {tried['error_code']}"
            yield _safe(f"    {how} {tried['detail']}").rstrip()


def _safe(text: str) -> str:
    lead = text[: len(text) - len(text.lstrip())]
    return lead + one_line(plain(text))

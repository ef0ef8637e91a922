"""What a thread has come to, from its rows: no model is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.lib.given import refuse
from controlplane.lib.text import short
from missions.threads import numbers
from missions.threads.drafts import Draft
from missions.threads.models import Message, Participant, Thread
from missions.threads.statements.post import OPENS, SETTLES

Summariser = Callable[[Thread, list[Message]], dict[str, Any]]
_DECISIONS = frozenset({"finding_verified", "finding_rejected", "thread_resolved",
                        "thread_escalated"})  # fmt: skip
_EXCERPT = 200


def summarize_thread(
    thread: Thread, *, actor: Actor, max_messages: int | None = None
) -> dict[str, Any]:
    """Counts, findings, decisions, who is waited for, and how it stands."""
    policy.require(actor, "thread.view", thread)
    most = numbers.SUMMARY_MESSAGES.value if max_messages is None else max_messages
    if not 1 <= most <= _most():
        raise refuse("max_messages", f"Between 1 and {_most()}.")
    rows = Message.objects.filter(thread=thread).order_by("-seq")[:most]
    return _summariser(thread, list(rows)[::-1])


def _most() -> int:
    return numbers.SUMMARY_MAX.value


def plain_summary(thread: Thread, messages: list[Message]) -> dict[str, Any]:
    findings = _findings(messages)
    people = list(Participant.objects.present().filter(thread=thread).select_related("agent"))
    waited = [row for row in people if row.last_read_seq < _last_for(row, messages)]
    open_ones = [each for each in findings.values() if each["status"] == "open"]
    return {
        "thread_id": str(thread.uid),
        "ref": thread.ref,
        "summary": _sentence(thread, messages, len(open_ones), len(waited)),
        "last_status": thread.status,
        "status_reason": thread.status_reason,
        "messages": thread.last_seq,
        "looked_at": len(messages),
        "by_kind": dict(Counter(row.kind for row in messages)),
        "by_sender": dict(Counter(row.sender_label for row in messages)),
        "open_items": open_ones,
        "closed_items": [each for each in findings.values() if each["status"] != "open"],
        "decisions": [
            {"seq": row.seq, "event_type": row.event, "by": row.sender_label,
             "what": short(row.body, _EXCERPT)}
            for row in messages if row.event in _DECISIONS
        ],
        "waiting_for": [
            {"agent_id": str(row.agent.uid), "name": row.agent.name, "role": row.role,
             "last_read_seq": row.last_read_seq}
            for row in waited
        ],
    }  # fmt: skip


def _last_for(row: Participant, messages: list[Message]) -> int:
    """The last message that this participant is to read."""
    meant = (
        m.seq for m in reversed(messages)
        if m.agent_id != row.agent_id and (
            m.to == "all" or (m.to == "role" and m.to_role == row.role)
            or (m.to == "agents" and row.agent_id in m.to_agents)
        )
    )  # fmt: skip
    return next(meant, 0)


def _findings(messages: list[Message]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in messages:
        if row.event not in OPENS and row.event not in SETTLES:
            continue
        name = Draft(body=row.body, event=row.event, metadata=row.metadata).finding
        item = found.setdefault(
            name,
            {"finding": name, "status": "open", "times": 0, "first_seq": row.seq,
             "what": short(row.body, _EXCERPT), "by": row.sender_label},
        )  # fmt: skip
        item["last_seq"] = row.seq
        item["status"] = "verified" if row.event in SETTLES else "open"
        item["times"] += row.event in OPENS
    return found


def _sentence(thread: Thread, messages: list[Message], findings: int, waited: int) -> str:
    parts = [f"{thread.ref} is {thread.get_status_display().lower()}"]
    if thread.status_reason:
        parts[0] += f" ({thread.status_reason.rstrip('.')})"
    parts.append(f"{thread.last_seq} messages")
    parts.append(f"{findings} open findings" if findings else "no open findings")
    if waited:
        parts.append(f"{waited} have not read the last")
    if messages:
        parts.append(f'last from {messages[-1].sender_label}: "{short(messages[-1].body, 120)}"')
    return "; ".join(parts) + "."


_summariser: Summariser = plain_summary


def use(summariser: Summariser) -> None:
    """Let another one summarise, of the same form."""
    global _summariser
    _summariser = summariser

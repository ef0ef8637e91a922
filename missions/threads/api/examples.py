"""What the document shows."""

from __future__ import annotations

from typing import Any

_AGENT = "0192f0c1-2b7d-7c3e-9a51-5d2c8b6e4f10"
_OTHER = "0192f0c1-2b7d-7c3e-9a51-5d2c8b6e4f11"
_THREAD = "0192f0c2-6f00-7d21-8c44-1f0f3ab7c902"
_MESSAGE = "0192f0c3-11aa-7b90-b1d0-9f7c2e5d6a33"

THREAD: dict[str, Any] = {
    "schema_version": 1,
    "title": "Review of the retry change",
    "type": "workflow",
    "participants": [
        {"agent_id": _AGENT, "role": "executioner"},
        {"agent_id": _OTHER, "role": "reviewer"},
    ],
}
CHANGE: dict[str, Any] = {"title": "Review of the retry change, second round"}
MESSAGE: dict[str, Any] = {
    "schema_version": 1,
    "kind": "event",
    "event_type": "finding_reported",
    "body": "The retry never stops when the receiver answers 410.",
    "metadata": {"finding_id": "F-1", "severity": "high", "ack_required": True},
    "to": {"role": "executioner"},
    "idempotency_key": "review-7-finding-1",
}
PAGE: dict[str, Any] = {
    "messages": [
        {
            "message_id": _MESSAGE,
            "seq": 4,
            "schema_version": 1,
            "kind": "event",
            "event_type": "finding_reported",
            "body": "The retry never stops when the receiver answers 410.",
            "metadata": {"finding_id": "F-1", "severity": "high", "ack_required": True},
            "in_reply_to": None,
            "to": {"kind": "role", "role": "executioner", "agents": []},
            "sender": {
                "kind": "agent",
                "agent_id": _OTHER,
                "name": "reviewer-2",
                "session_id": "rev-81",
            },
            "created_at": "2026-11-22T14:03:11.402913Z",
        }
    ],
    "next_seq": 4,
    "has_more": False,
    "last_seq": 4,
    "thread_status": "active",
    "last_read_seq": 3,
}
ACK: dict[str, Any] = {"last_read_seq": 4}
STATUS: dict[str, Any] = {"status": "blocked", "reason": "We disagree about F-1."}
SUMMARY: dict[str, Any] = {
    "thread_id": _THREAD,
    "ref": "THR-7",
    "summary": 'THR-7 is active; 4 messages; 1 open findings; last from reviewer-2: "The retry".',
    "last_status": "active",
    "status_reason": "",
    "messages": 4,
    "looked_at": 4,
    "by_kind": {"chat": 3, "event": 1},
    "by_sender": {"executioner-1": 2, "reviewer-2": 2},
    "open_items": [
        {
            "finding": "F-1",
            "status": "open",
            "times": 1,
            "first_seq": 4,
            "last_seq": 4,
            "what": "The retry never stops when the receiver answers 410.",
            "by": "reviewer-2",
        }
    ],
    "closed_items": [],
    "decisions": [],
    "waiting_for": [
        {"agent_id": _AGENT, "name": "executioner-1", "role": "executioner", "last_read_seq": 3}
    ],
}
PARTICIPANT: dict[str, Any] = {"agent_id": _OTHER, "role": "reviewer"}
PARTICIPANTS: dict[str, Any] = {
    "participants": [
        {
            "agent_id": _OTHER,
            "name": "reviewer-2",
            "role": "reviewer",
            "last_read_seq": 4,
            "joined_at": "2026-11-22T13:58:00Z",
            "left_at": None,
        }
    ]
}
WAKE: dict[str, Any] = {
    "target_agent_id": _OTHER,
    "reason": "The fix waits for a second look.",
    "trigger_prompt": "Read THR-7 from message 5 on.",
}
BEAT: dict[str, Any] = {
    "session_id": "rev-81",
    "runtime": "codex",
    "status": "active",
    "resumable": True,
}
RUNTIME: dict[str, Any] = {
    "session_id": "rev-81",
    "runtime": "codex",
    "adapter": "webhook",
    "target": "https://runtime.example.org/wake",
    "secret": "at least sixteen characters",
    "management_mode": "managed",
    "resumable": True,
}
INBOX: dict[str, Any] = {
    "threads": [
        {
            "thread_id": _THREAD,
            "ref": "THR-7",
            "title": "Review of the retry change",
            "status": "active",
            "role": "executioner",
            "last_seq": 4,
            "last_read_seq": 3,
            "unread": 1,
            "ack_required": 1,
            "first_seq": 4,
            "last_message_at": "2026-11-22T14:03:11.402913Z",
        }
    ],
    "unread": 1,
    "ack_required": 1,
    "has_more": False,
}

"""What a runtime is told over the wire: which thread, which messages, why; nothing of what was
said, which is read from the thread."""

from __future__ import annotations

from missions.threads.models import RuntimeSession, WakeTrigger


def payload(row: WakeTrigger, session: RuntimeSession | None) -> dict[str, object]:
    return {
        "wake_id": str(row.uid),
        "thread_id": str(row.thread.uid),
        "thread": row.thread.ref,
        "agent_id": str(row.agent.uid),
        "session_id": session.session_id if session is not None else "",
        "unread": {"from_seq": row.from_seq, "to_seq": row.to_seq},
        "reason": row.reason,
        "correlation_id": row.correlation_id,
    }


def key(row: WakeTrigger) -> str:
    """The same with each try, so that a receiver that got it twice wakes once. Whoever tries a wake
    again that was given up wants it delivered anew, and it is another."""
    return f"{row.uid}:{row.requeues}" if row.requeues else str(row.uid)

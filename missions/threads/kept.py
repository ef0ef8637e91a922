"""What threads keep about people, and for how long they keep what."""

from __future__ import annotations

from datetime import timedelta

from controlplane.base.data_rules import Reach, RetentionClass, retention
from controlplane.base.personal import holds, nothing, rows_of
from controlplane.base.retention import keep_always
from missions.threads import numbers
from missions.threads.services import clearing

holds(
    "threads.owned",
    "threads.thread",
    "which threads somebody owned, or was asked about",
    rows_of("threads.thread", "owner_id", "ref", "title", "status", "created_at"),
    "part of the record of what agents said to each other; the name goes with the account",
)
holds(
    "threads.said",
    "threads.message",
    "what somebody wrote to agents",
    rows_of("threads.message", "user_id", "seq", "kind", "body", "created_at"),
    "what agents were told is why they did what they did; the name goes with the account",
)
nothing(
    "threads.parts",
    "threads.participant",
    "threads.agentpulse",
    "threads.runtimesession",
    "threads.waketrigger",
    "threads.wakeattempt",
    "threads.wakerun",
    "threads.threadescalationpolicy",
    why="about agents; who asked stands there by an opaque ref",
)
keep_always(
    "threads.record",
    "threads.thread",
    "threads.participant",
    "threads.agentpulse",
    "threads.runtimesession",
    "threads.threadescalationpolicy",
    why="who talked to whom about what, also when what was said is gone",
)


def messages() -> RetentionClass:
    """Off until somebody sets a time; then counted from when the thread was put away."""
    days = numbers.MESSAGES_DAYS.value
    return RetentionClass(
        slug=clearing.SLUG,
        models=(
            "threads.message",
            "threads.waketrigger",
            "threads.wakeattempt",
            "threads.wakerun",
        ),
        keep=timedelta(days=days) if days > 0 else None,
        minimum=timedelta(days=30),
        what="messages of threads that were put away",
        why="what agents said, and what woke whom for it: kept until somebody sets a time, then of"
        " threads that were put away; nothing under a legal hold",
        delete=clearing.clear,
        count=clearing.count,
        reach=Reach(workspace="workspace_id", person="messages__user_id", refs={"THR": "ref"}),
        held=clearing.held,
    )


retention.register(messages())

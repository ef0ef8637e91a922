"""What threads keep about people, and for how long they keep what."""

from __future__ import annotations

from controlplane.base.personal import holds, nothing, rows_of
from controlplane.base.retention import keep_always

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
    "threads.message",
    "threads.agentpulse",
    "threads.runtimesession",
    "threads.waketrigger",
    "threads.wakeattempt",
    "threads.wakerun",
    "threads.threadescalationpolicy",
    why="the playbook keeps what agents say until somebody sets a time",
)

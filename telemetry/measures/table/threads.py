"""Thread Health: messages, reads, deliveries, wakes."""

from __future__ import annotations

from telemetry.measures.table.words import area, gauge, these

_add = area("threads")
_POSTED = these("message_posted")
_WAKE = "wake_attempted"
_ALIVE = (_POSTED, these("messages_read", "message_delivered", _WAKE))

_add("thread.messages", "Messages posted", "", "count", _POSTED, over=_ALIVE)
_add(
    "thread.messages_per_minute",
    "Messages per minute",
    "/min",
    "per_minute",
    _POSTED,
    over=_ALIVE,
)
_add(
    "thread.post_success",
    "Messages taken",
    "%",
    "success_rate",
    _POSTED,
    better="higher",
    target=99.0,
    min_sample=20,
    about="Refusals that were the sender's fault are no failures.",
)
_add("thread.post_p50", "Posting, median", "ms", "p50", _POSTED, better="lower")
_add("thread.post_p95", "Posting, p95", "ms", "p95", _POSTED, better="lower", target=2_000.0)
_add(
    "thread.read_success",
    "Reads answered",
    "%",
    "success_rate",
    these("messages_read"),
    better="higher",
    target=99.5,
    min_sample=20,
)
_add("thread.read_p50", "Reading, median", "ms", "p50", these("messages_read"), better="lower")
_add(
    "thread.read_p95",
    "Reading, p95",
    "ms",
    "p95",
    these("messages_read"),
    better="lower",
    target=200.0,
)
_add(
    "thread.delivery_failures",
    "Failed deliveries",
    "%",
    "ratio",
    (these("message_delivered", status="error"), these(_WAKE, code="failed")),
    over=these("message_delivered", _WAKE),
    better="lower",
    target=1.0,
    min_sample=20,
    about="Failed, of wakes and deliveries attempted.",
)
_add(
    "thread.wakes",
    "Wakes attempted",
    "",
    "count",
    these(_WAKE),
    over=_ALIVE,
    about="By code: triggered, already_active, failed, fallback_spawned.",
)
_add(
    "thread.wake_p95",
    "Message to wake, p95",
    "ms",
    "p95",
    these(_WAKE),
    better="lower",
    target=3_000.0,
)
_add(
    "thread.wake_failures",
    "Failed wakes",
    "%",
    "ratio",
    these(_WAKE, code="failed"),
    over=these(_WAKE),
    better="lower",
    target=1.0,
    min_sample=20,
)
_add(
    "thread.escalations",
    "Escalations",
    "",
    "count",
    these("thread_escalated"),
    over=_ALIVE,
    better="lower",
    about="By code: the reason.",
)
_add(
    "thread.loops",
    "Loops found",
    "",
    "count",
    these("loop_detected"),
    over=_ALIVE,
    better="lower",
    about="By code: the rule that found it.",
)
_add(
    "thread.by_state",
    "Threads",
    "threads",
    "last",
    gauge("threads"),
    about="By code: the state they are in.",
)

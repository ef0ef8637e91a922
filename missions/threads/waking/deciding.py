"""What is done next with a wake that was claimed. Pure: facts in, one step out.

The way: the best live session, tried anew a few times; then its session is resumed; then a new one
is spawned; then it is given up. What only waits (somebody types, the pace, limits) counts as no
try. Whoever was reached and doesn't answer in time was not reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from missions.threads import numbers

Kind = Literal[
    "cancel", "settle", "wait", "unanswered", "untried", "hold", "defer", "live", "resume", "spawn",
    "dead",
]  # fmt: skip
UNREACHED = ("timeout", "failed")


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the next step hangs on, as it is now."""

    asked: bool = False  # by somebody, not by unread messages alone
    forced: bool = False
    gone: str = ""  # why nobody is to be woken any more
    acked: bool = False  # the cursor passed what it is about
    sent: bool = False  # told, and no answer yet
    alive_since: bool = False  # a sign of life since it was told
    awake: bool = False
    run: str = ""  # state of the command that was started last
    live_tries: int = 0
    resume_tries: int = 0
    spawn_tries: int = 0
    deferred_for: float | None = None
    live: bool = False  # a managed session that can be reached where it runs
    busy: bool = False  # a person types there
    resumable: bool = False
    spawnable: bool = False
    known: bool = False  # any session at all
    crashes: int = 0
    paced: int = 0  # told within this minute
    ahead: int = 0  # older ones of the workspace that are pending

    @property
    def tries(self) -> int:
        return self.live_tries + self.resume_tries + self.spawn_tries


@dataclass(frozen=True, slots=True)
class Step:
    kind: Kind
    code: str = ""
    seconds: float = 0.0
    by: str = ""  # what answered
    result: str = ""


def decide(facts: Facts) -> Step:
    if facts.gone:
        return Step("cancel", facts.gone)
    if facts.acked:
        return Step("settle", by="cursor", result=_answered(facts))
    if facts.sent:
        return _waiting(facts)
    if facts.awake and not facts.asked and not facts.forced:
        return Step("settle", result="already_active")
    return _held(facts) or _path(facts)


def _answered(facts: Facts) -> str:
    if facts.spawn_tries:
        return "fallback_spawned"
    return "triggered" if facts.tries else "already_active"


def _waiting(facts: Facts) -> Step:
    if facts.alive_since:
        return Step("settle", by="heartbeat", result=_answered(facts))
    if facts.run == "running":
        return Step("wait", seconds=numbers.ACK_SECONDS.value)
    if facts.run == "killed":  # with its supervisor: who ends one alone takes the wake back, too
        return Step("untried", "SUPERVISOR_STOPPED")
    broke = facts.run in {"failed", "timed_out", "orphaned"}
    return Step("unanswered", "RUNTIME_CRASHED" if broke else "ACK_TIMEOUT", backoff(facts))


def backoff(facts: Facts) -> float:
    """Before the live session is tried again; the way back is taken at once."""
    if not facts.live_tries or not _may_live(facts):
        return 0.0
    return float(numbers.BACKOFF_SECONDS.value * 2 ** (facts.live_tries - 1))


def _held(facts: Facts) -> Step | None:
    if facts.forced:
        return None
    if not facts.tries and facts.ahead >= numbers.PENDING_MOST.value:
        return Step("hold", "WAKE_BREAKER", numbers.PENDING_PAUSE_SECONDS.value)
    if facts.paced >= numbers.TRIGGERS_PER_MINUTE.value:
        return Step("hold", "TRIGGER_RATE_LIMITED", numbers.RECHECK_SECONDS.value)
    return None


def _may_live(facts: Facts) -> bool:
    fell_back = facts.resume_tries or facts.spawn_tries
    return facts.live and not fell_back and facts.live_tries <= numbers.RETRIES.value


def _path(facts: Facts) -> Step:
    waited = (facts.deferred_for or 0.0) >= numbers.DEFER_SECONDS.value
    if _may_live(facts):
        if not facts.busy or facts.forced:
            return Step("live")
        if not waited:
            return Step("defer", "HUMAN_INPUT_COLLISION", numbers.RECHECK_SECONDS.value)
    code = "DEFER_TIMEOUT" if facts.busy and waited else ""
    looping = facts.crashes >= numbers.CRASHES.value
    if facts.resumable and not facts.spawn_tries and facts.resume_tries < numbers.RESUMES.value:
        if not looping:
            return Step("resume", code)
        code = "CRASH_LOOP_SHORTCUT"
    if facts.spawnable and facts.spawn_tries < numbers.SPAWNS.value:
        return Step("spawn", code)
    return Step("dead", _why(facts), result="failed")


def _why(facts: Facts) -> str:
    if facts.tries:
        return "WAKE_FAILED"
    return "UNMANAGED_RUNTIME" if facts.known else "RUNTIME_NOT_FOUND"

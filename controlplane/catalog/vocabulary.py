"""Words that everybody shares: the Tool Router's six operations, and how to try again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from controlplane.lib.defaults import define

# A closed vocabulary: another name in `context.meta_tool` is a finding of the telemetry audit.
OPERATIONS: dict[str, str] = {
    "COMPOSIO_SEARCH_TOOLS": "Find tools for a task. Results may be kept for an hour.",
    "COMPOSIO_CREATE_PLAN": "Turn a task into an ordered plan of tool calls.",
    "COMPOSIO_MANAGE_CONNECTIONS": "Start, check and renew authorised connections.",
    "COMPOSIO_MULTI_EXECUTE_TOOL": "Run one or several tools with an authorised connection.",
    "COMPOSIO_REMOTE_WORKBENCH": "Work on large results in the remote workbench.",
    "COMPOSIO_REMOTE_BASH_TOOL": "Run a shell command in the remote workbench.",
}

BACKOFF_FIRST = define(
    "catalog.backoff_first_s", 1.0, unit="seconds", why="The playbook's 1, 2, 4, 8 s."
)
BACKOFF_FACTOR = define(
    "catalog.backoff_factor", 2.0, unit="times", why="The playbook's 1, 2, 4, 8 s."
)
TRIES = define(
    "catalog.backoff_tries", 5, unit="tries", why="The first call and four repeats, then give up."
)
BREAK_AFTER = define(
    "catalog.breaker_failures", 3, unit="failures in a row", why="The playbook's breaker."
)
COOL_DOWN = define(
    "catalog.breaker_cool_down_s",
    60.0,
    unit="seconds",
    why="Longer than all repeats of one call together, so that a trial sees a new state.",
)
COOL_DOWN_MOST = define(
    "catalog.breaker_cool_down_most_s",
    900.0,
    unit="seconds",
    why="Each failed trial doubles the pause; a quarter of an hour is as long as anybody waits.",
)

THRESHOLDS = ("break_after", "cool_down_s", "cool_down_most_s", "trial_lasts_s")
TRIAL_LASTS = define(
    "catalog.breaker_trial_s",
    60.0,
    unit="seconds",
    why="Longer than a slow call; after it another caller may try in the place of a dead one.",
)

OLD_CALL = define(
    "catalog.old_call_s",
    3600,
    unit="seconds",
    why="A call that is told of an hour late says nothing about whether the next one will do.",
)
TWIN_WITHIN = define(
    "catalog.call_twin_s",
    900,
    unit="seconds",
    why="A failed call may be told of by two events; senders batch them minutes apart at most.",
)


def is_operation(name: str) -> bool:
    return name in OPERATIONS


def delays() -> list[float]:
    """Seconds to wait before each repeat."""
    first, factor = BACKOFF_FIRST.value, BACKOFF_FACTOR.value
    return [first * factor**number for number in range(TRIES.value - 1)]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What opens a breaker, and how long it pauses."""

    break_after: int
    cool_down_s: float
    cool_down_most_s: float
    trial_lasts_s: float

    def pause(self, trials: int) -> float:
        """Seconds until the next trial, after this many trials failed."""
        return min(self.cool_down_most_s, self.cool_down_s * 2.0 ** min(trials, 20))

    def told(self) -> dict[str, Any]:
        return {
            "opens_after_failures_in_a_row": self.break_after,
            "cool_down_s": self.cool_down_s,
            "cool_down_doubles_up_to_s": self.cool_down_most_s,
            "trial_lasts_s": self.trial_lasts_s,
        }


def thresholds(integration: Any = None) -> Thresholds:
    """Its own, where the row or its columns have some; else those of every breaker. A first pause
    of its own that is longer than the longest is the longest."""
    read = integration.get if isinstance(integration, dict) else partial(getattr, integration)
    own = {name: read(name, None) for name in THRESHOLDS}
    first = own["cool_down_s"] or COOL_DOWN.value
    most = own["cool_down_most_s"] or max(COOL_DOWN_MOST.value, first)
    return Thresholds(
        own["break_after"] or BREAK_AFTER.value, first, most,
        own["trial_lasts_s"] or TRIAL_LASTS.value,
    )  # fmt: skip


def retry_policy() -> dict[str, Any]:
    return {
        "delays_s": delays(),
        "tries": TRIES.value,
        "jitter": "full: wait a random time up to the delay",
        "honour_retry_after": True,
        "breaker": thresholds().told(),
    }

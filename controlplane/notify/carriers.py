"""Who carries messages away, and whether they answer just now: remembered in each process.

A server that hangs takes its whole time-out from every message, and messages to others stand
behind it. So after two that were not answered it is left alone for some seconds, then asked with
one message; the others go back to wait, and who is behind them goes first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from controlplane.lib.defaults import define
from controlplane.notify.channels import Outcome

PAUSE_S = define(
    "notify.carrier_pause_s",
    5.0,
    unit="seconds",
    why="Half a time-out: a server that hangs takes at most one message's time of each process.",
)
UNANSWERED = define(
    "notify.carrier_unanswered",
    2,
    unit="messages",
    why="One without an answer is weather; whoever waits behind it must not wait for a second.",
)
_MOST = 1_000


@dataclass(slots=True)
class _Carrier:
    unanswered: int = 0
    until: float = 0.0
    why: str = ""


class Carriers:
    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._known: dict[str, _Carrier] = {}
        self._lock = threading.Lock()

    def through(self, name: str, send: Callable[[], Outcome]) -> Outcome:
        """Send by this one, or say that it does not answer. That is no try."""
        refusal = self._refusal(name)
        if refusal is not None:
            return refusal
        outcome = send()
        self._note(name, outcome)
        return outcome

    def forget(self) -> None:
        with self._lock:
            self._known.clear()

    def _refusal(self, name: str) -> Outcome | None:
        with self._lock:
            known, now = self._known.get(name), self._now()
            if known is None or known.unanswered < UNANSWERED.value:
                return None
            if now >= known.until:
                known.until = now + PAUSE_S.value  # this one asks; whoever comes meanwhile waits
                return None
            why = f"not tried: it did not answer just now ({known.why})"
            return Outcome("retry", why, retry_after=known.until - now, untried=True)

    def _note(self, name: str, outcome: Outcome) -> None:
        """Any answer, also one that refuses, is a sign of life."""
        with self._lock:
            if outcome.kind != "retry" or outcome.status is not None:
                self._known.pop(name, None)
                return
            if len(self._known) >= _MOST:
                self._known.clear()
            known = self._known.setdefault(name, _Carrier())
            known.unanswered += 1
            known.until = self._now() + PAUSE_S.value
            known.why = outcome.detail[:100]


HERE = Carriers()

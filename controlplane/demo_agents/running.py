"""The run: turn after turn until somebody ends it, a line for each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from threading import Event
from typing import Any, Protocol

from controlplane.demo_agents import (  # noqa: F401 - each registers its acts
    deploying,
    executing,
    preparing,
    reporting,
    talking,
    times,
    working,
)
from controlplane.demo_agents.calls import KeyRefused, Portal, Refused
from controlplane.demo_agents.crew import ACTS, PIPELINE, Crew
from controlplane.demo_agents.planning import turns


class Lines(Protocol):
    """Takes a line at a time, as a command's output does."""

    def write(self, msg: str) -> Any: ...


class Ended(Exception):
    """The run is over: asked to end, or its time is up."""


class Run:
    """`seconds`: how long; None: until `stop` is called."""

    def __init__(
        self,
        base: str,
        keys: Mapping[str, str],
        names: Mapping[str, str],
        *,
        flag_token: str = "",
        authority: str = "",
        seed: int = 1,
        pace: float = 1.0,
        seconds: float | None = None,
        out: Lines,
    ) -> None:
        self.seed, self.pace, self.out = seed, pace, out
        self._end = time.monotonic() + seconds if seconds is not None else None
        self._stopped = Event()
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.failed = 0  # answers that no client should see: 500 and what is like it

        def portal(role: str, key: str) -> Portal:
            return Portal(base, key, pause=self._pause, say=self._sayer(role), authority=authority)

        self.names = names
        hands = {role: portal(role, key) for role, key in keys.items()}
        # When it began is in the names of what it makes: the same seed may be run again.
        mark = f"{times.now():%m%d%H%M%S}"
        flags = portal(PIPELINE, flag_token) if flag_token else None
        self.crew = Crew(hands, names, mark, flags)

    def stop(self) -> None:
        self._stopped.set()

    def go(self) -> None:
        """Until its end. A key that is refused ends it, too: nothing would come of going on."""
        try:
            for turn in turns(self.seed, self.pace):
                self._pause(turn.wait)
                try:
                    told = ACTS[turn.act](self.crew, turn)
                except KeyRefused:
                    raise
                except Refused as refused:
                    self._refuse(turn.act, refused)
                    continue
                self.done[turn.act] += 1
                if told is not None:
                    self._say(*told)
        except Ended:
            return

    def _refuse(self, act: str, refused: Refused) -> None:
        self.refused[refused.code or str(refused.status)] += 1
        self.failed += refused.status >= 500
        self._say(act, f"is refused ({refused.code or refused.status}): {refused}")

    def _pause(self, seconds: float) -> None:
        left = seconds if self._end is None else min(seconds, self._end - time.monotonic())
        if self._stopped.wait(max(0.0, left)):
            raise Ended
        if self._end is not None and time.monotonic() >= self._end:
            raise Ended

    def _sayer(self, role: str) -> Callable[[str], None]:
        return lambda words: self._say(role, words)

    def _say(self, role: str, words: str) -> None:
        who = self.names.get(role, role)
        self.out.write(f"{times.now():%H:%M:%S}  {who:<14} {words}")

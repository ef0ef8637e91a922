"""Who acts: each agent with its own key, and what all of them know of this run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from controlplane.demo_agents.calls import Portal
from controlplane.demo_agents.planning import Turn

PIPELINE = "pipeline"  # the service account's place among the roles
AGAIN = 15  # turns after which missions are looked up anew


@dataclass
class Crew:
    """`mark` begins the names this run gives to what it makes: another run makes its own."""

    hands: Mapping[str, Portal]
    names: Mapping[str, str]
    mark: str
    flags: Portal | None = None
    plays: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    reviewer: str = ""
    _missions: list[dict[str, Any]] = field(default_factory=list)
    _seen: int = -100

    def mine(self, turn: Turn) -> str:
        return f"{self.mark}-{turn.number}"

    def missions(self, turn: Turn) -> list[dict[str, Any]]:
        """Those under way, as they were seldom more than a few turns ago."""
        if turn.number - self._seen > AGAIN:
            found = self.hands["coordinator"].get("missions?status=active&limit=50")
            self._missions, self._seen = found["items"], turn.number
        return self._missions

    def executing(self, turn: Turn) -> list[dict[str, Any]]:
        return [row for row in self.missions(turn) if row["stage"] == "execute_observe"]


# Who did it and what: None when there was nothing to do.
Told = tuple[str, str] | None
Act = Callable[[Crew, Turn], Told]
ACTS: dict[str, Act] = {}


def act(function: Act) -> Act:
    ACTS[function.__name__] = function
    return function

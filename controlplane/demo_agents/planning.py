"""Which act comes next, and when: decided by the seed alone, whatever the portal answers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# How often each act comes, beside the others.
WEIGHTS: Mapping[str, int] = {
    "report": 6,
    "run": 6,
    "talk": 5,
    "work": 4,
    "flags": 3,
    "beat": 2,
    "check": 2,
    "deploy": 2,
    "canary": 1,
    "queue": 1,
    "mission": 2,
}
LONGEST = 4.0  # times the mean


@dataclass(frozen=True, slots=True)
class Turn:
    """One act: its number, its name, how long to wait before it, and chance of its own."""

    number: int
    act: str
    wait: float
    rng: random.Random


def turns(seed: int, pace: float) -> Iterator[Turn]:
    """Each act once, so that a short run shows all of them; then by weight. `pace`: acts a second
    on average."""
    opening = list(WEIGHTS)
    random.Random(f"{seed}:opening").shuffle(opening)  # noqa: S311  (no secret comes from it)
    number = 0
    while True:
        number += 1
        rng = random.Random(f"{seed}:{number}")  # noqa: S311
        wait = min(rng.expovariate(pace), LONGEST / pace)
        if number <= len(opening):
            act = opening[number - 1]
        else:
            [act] = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))
        yield Turn(number, act, wait, rng)

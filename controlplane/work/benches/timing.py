"""Milliseconds of many calls, by their middle and their slow end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from controlplane.base.bench import Row


def timed(work: Callable[[], object], seconds: float = 0.0, *, least: int = 30) -> list[float]:
    """Of each call, sorted."""
    work()
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while len(taken) < least or time.perf_counter() < end:
        started = time.perf_counter()
        work()
        taken.append(since(started))
    return sorted(taken)


def both(figure: str, taken: list[float], baseline: str, beside: list[float]) -> Iterator[Row]:
    for part, name in ((0.5, "p50"), (0.95, "p95")):
        yield Row(f"{figure}, {name}", _at(taken, part), "ms", baseline, _at(beside, part))


def since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _at(values: list[float], part: float) -> float:
    return values[min(int(len(values) * part), len(values) - 1)]

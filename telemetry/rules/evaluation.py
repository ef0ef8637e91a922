"""The turn of the crank: every 15 seconds, in one process at a time, without a row per run."""

from __future__ import annotations

from controlplane.jobs import engine
from telemetry.rules.services.evaluating import evaluate
from telemetry.rules.vocabulary import EVERY


def work(deadline: float) -> int:
    return evaluate(deadline=deadline).moves


# After signals and timers: what it tells goes out with the next tick.
engine.module("telemetry.rules", work, every=EVERY, order=60)

"""What a source answers right now, before anything rests on it. Nothing is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from controlplane.access import policy
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError
from deployments.canary import sources
from deployments.canary.sources import Baseline, Reading
from deployments.models import Rollout

WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Tried:
    start: datetime
    end: datetime
    reading: Reading | None = None
    baseline: Baseline | None = None
    # Why the figures, or the baseline's, could not be read.
    trouble: str = ""
    baseline_trouble: str = ""


def try_source(rollout: Rollout, *, actor: Actor) -> Tried:
    """Of the last minutes, and of the time a baseline would be of. The rollout need not be saved;
    it may call the outside, so no lock is held."""
    policy.require(actor, "rollout.plan", rollout.flag)
    end = sources.readable_until(clock.now())
    start = end - WINDOW
    found: dict[str, object] = {"start": start, "end": end}
    try:
        found["reading"] = sources.read(rollout, start, end)
    except ControlPlaneError as error:
        found["trouble"] = error.message
    try:
        found["baseline"] = sources.baseline(rollout, end=end)
    except ControlPlaneError as error:
        found["baseline_trouble"] = error.message
    return Tried(**found)  # type: ignore[arg-type]

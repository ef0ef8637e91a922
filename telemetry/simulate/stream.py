"""All of it, in the order of time."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count

from telemetry.simulate import around, world
from telemetry.simulate.missions import mission
from telemetry.simulate.telling import Event
from telemetry.simulate.world import EPOCH, SLOT

# What a mission tells on average, and what happens around it in a slot whatever the rate.
PER_MISSION = 101.0
ALWAYS = 20.0
PER_PERSON = 1.65  # events to which one visit leads
MISSIONS = 0.85  # their share of the rest
QUIET = 20.0  # events a minute
LOOK_BACK = timedelta(hours=12)  # longer than nearly all missions take

_Told = tuple[datetime, int, Event, Iterator[Event]]


def events(
    seed: int, start: datetime, end: datetime, rate: float, *, steady: bool = False
) -> Iterator[Event]:
    """Events in [start, end), in order, about `rate` a minute on average over a week.

    The same seed tells the same of the same minutes, wherever the window begins: a second run
    over them is a redelivery. `steady`: as busy at night as by day.
    """
    waiting: list[_Told] = []
    number = count()
    slot = start - LOOK_BACK
    slot = EPOCH + ((slot - EPOCH) // SLOT) * SLOT
    while slot < end:
        for stream in _begun(seed, slot, rate, steady):
            _push(waiting, stream, start, number)
        slot += SLOT
        while waiting and waiting[0][0] < min(slot, end):
            _, _, event, stream = heapq.heappop(waiting)
            yield event
            _push(waiting, stream, start, number)


def _push(
    waiting: list[_Told], stream: Iterator[Event], start: datetime, number: Iterator[int]
) -> None:
    for event in stream:
        if event["occurred_at"] >= start:
            heapq.heappush(waiting, (event["occurred_at"], next(number), event, stream))
            return


def _begun(seed: int, slot: datetime, rate: float, steady: bool) -> Iterator[Iterator[Event]]:
    """What begins in this slot."""
    factor = 1.0 if steady else world.busy(slot)
    place = (slot - EPOCH) // SLOT
    # Where little is told, services report of themselves each quarter of an hour.
    stride = 1 if rate >= QUIET else 3
    rest = max(0.0, rate * (SLOT / timedelta(minutes=1)) * factor - ALWAYS / stride)
    lively = rest * (1 - MISSIONS) / PER_PERSON
    yield around.slot(seed, slot, lively, services=place % stride == 0)
    rng = world.seeded(seed, "missions", slot.isoformat())
    for each in range(world.poisson(rng, rest * MISSIONS / PER_MISSION)):
        yield mission(seed, f"msn-{place:x}-{each}", slot + rng.random() * SLOT)

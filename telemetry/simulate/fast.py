"""Rows by the million, ready for COPY: what the benches fill their tables with.

A day is made up once and told again for each copy that the rate asks for, with ids, times and
missions of its own. What the ingest does with an event (checking, redacting) is done once for
each of the day's events and not again for its copies.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from controlplane.access.models import Workspace
from telemetry.ingest.shaping import Row, Sender, shape
from telemetry.ingest.wire import Incoming
from telemetry.simulate import world
from telemetry.simulate.stream import events

_DAY = timedelta(days=1)
_MODEL_DAY = datetime(2025, 10, 16, tzinfo=UTC)  # a Thursday
_MODEL_RATE = 30.0
_CLEAR = ~((0xF << 76) | (0x3 << 62))
_MARKS = (0x7 << 76) | (0x2 << 62)
_MISSION = Row._fields.index("mission")


def rows(
    rng: random.Random, workspace: Workspace | None, start: datetime, end: datetime, rate: float
) -> Iterator[Row]:
    """About `rate` rows a minute in [start, end), nearly in order, deterministic by `rng`."""
    model = _model(rng.randrange(2**32), workspace)
    day = start.replace(hour=0, minute=0, second=0, microsecond=0)
    while day < end:
        yield from _day(rng, model, day, max(day, start), min(day + _DAY, end), rate)
        day += _DAY


def _model(seed: int, workspace: Workspace | None) -> list[tuple[timedelta, Row]]:
    """One day, each row with its time since midnight."""
    sender = Sender.of(workspace, "agent:0", _MODEL_DAY + 2 * _DAY, _MODEL_DAY)
    found = []
    for event in events(seed, _MODEL_DAY, _MODEL_DAY + _DAY, _MODEL_RATE):
        row = shape(Incoming(**event), sender)
        if isinstance(row, Row):
            found.append((row.occurred_at - _MODEL_DAY, row))
    return found


def _day(
    rng: random.Random,
    model: list[tuple[timedelta, Row]],
    day: datetime,
    start: datetime,
    end: datetime,
    rate: float,
) -> Iterator[Row]:
    # The model's day is busier than the mean; this one is what its weekday is.
    wanted = rate * 1440 * world.weekday_factor(day)
    copies, owed = wanted / len(model), 0.0
    uniform, bits, make = rng.random, rng.getrandbits, Row._make
    mark = f"-{day:%m%d}"
    for since, row in model:
        owed += copies
        count = int(owed)
        owed -= count
        before, after = row[3:_MISSION], row[_MISSION + 1 :]
        for number in range(count):
            at = day + since + timedelta(milliseconds=int(uniform() * 900))
            if not start <= at < end:
                continue
            made = UUID(int=((int(at.timestamp() * 1000) << 80) | bits(80)) & _CLEAR | _MARKS)
            mission = f"{row.mission}{mark}-{number}" if row.mission else None
            yield make((made.bytes, at, at, *before, mission, *after))

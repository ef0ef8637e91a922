"""Which rows answer a question: how wide a step of a chart is, and from which rollups it is read.

A window is cut into pieces, each read from the coarsest rollup that fits it: whole days from
days, whole hours from hours, the rest from minutes. What is so new that the coarse row may not
have been recomputed yet is read from the finer one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from controlplane.base.retention import cutoff_of
from controlplane.lib import clock
from controlplane.lib.errors import Invalid
from telemetry.trimming import MINUTES

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
STEPS = {
    "1m": MINUTE,
    "5m": timedelta(minutes=5),
    "15m": timedelta(minutes=15),
    "1h": HOUR,
    "6h": timedelta(hours=6),
    "1d": DAY,
}
# Windows up to this long -> their step: sixty to two hundred points, and never minutes of a day
# for several panels at once.
_CHOICE = (
    (timedelta(hours=2), STEPS["1m"]),
    (timedelta(hours=8), STEPS["5m"]),
    (timedelta(hours=20), STEPS["15m"]),
    (timedelta(days=8), STEPS["1h"]),
    (timedelta(days=15), STEPS["6h"]),
)
MOST_POINTS = 1_500
# Hours are recomputed within a minute of their minutes, days within a quarter of an hour.
_HOUR_SETTLES = timedelta(minutes=5)
_DAY_SETTLES = timedelta(hours=1)
ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
TABLES = {
    MINUTE: "telemetry_rollupminute",
    HOUR: "telemetry_rolluphour",
    DAY: "telemetry_rollupday",
}


# What the rows of a piece are part of: the figure of the window, the steps of a chart, or both.
WINDOW, STEPWISE, BOTH = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Piece:
    grain: timedelta
    start: datetime
    end: datetime
    told: int = BOTH

    @property
    def table(self) -> str:
        return TABLES[self.grain]


def floor(moment: datetime, step: timedelta) -> datetime:
    """The beginning of the step this moment lies in, in UTC."""
    return ORIGIN + (moment.astimezone(UTC) - ORIGIN) // step * step


def ceil(moment: datetime, step: timedelta) -> datetime:
    down = floor(moment, step)
    return down if down == moment else down + step


def step_for(start: datetime, end: datetime) -> timedelta:
    length = end - start
    step = next((step for longest, step in _CHOICE if length <= longest), DAY)
    return step if start >= minutes_since() else max(step, HOUR)


def name_of(step: timedelta) -> str:
    return next(name for name, each in STEPS.items() if each == step)


def steps_of(start: datetime, end: datetime, step: timedelta) -> list[datetime]:
    """The beginnings of all steps that the window touches."""
    first = floor(start, step)
    if step < HOUR and start < minutes_since():
        text = f"Before {minutes_since():%Y-%m-%d} only hours are kept: take 1h or longer."
        raise Invalid("Steps so short are no longer kept.", details={"step": text})
    count = -((first - end) // step)
    if count > MOST_POINTS:
        raise Invalid(
            "Too many points.",
            details={"step": f"{count:,} steps; at most {MOST_POINTS:,}: take a longer one."},
        )
    return [first + step * number for number in range(count)]


def minutes_since() -> datetime:
    """From here on there are minutes; before, hours are the finest."""
    cutoff = cutoff_of(MINUTES)
    return ORIGIN if cutoff is None else ceil(cutoff, DAY)


def pieces_of_page(
    window: tuple[datetime, datetime], steps: tuple[datetime, datetime], step: timedelta
) -> list[Piece]:
    """Both at once: a window, and the whole steps it touches, which begin before it and may end
    after it. What lies between two whole hours is read for both; at the edges the steps are read
    from the coarse rows and the window from minutes."""
    grain = next(each for each in (DAY, HOUR, MINUTE) if step >= each)
    first, last = ceil(window[0], grain), floor(window[1], grain)
    if window[1] == steps[1]:
        last = window[1]
    if first >= last:
        return [*_told(window, step, WINDOW), *_told(steps, step, STEPWISE)]
    return [
        *_told((steps[0], first), step, STEPWISE),
        *_told((window[0], first), step, WINDOW),
        *_told((first, last), step, BOTH),
        *_told((last, window[1]), step, WINDOW),
        *_told((last, steps[1]), step, STEPWISE),
    ]


def _told(span: tuple[datetime, datetime], step: timedelta, told: int) -> list[Piece]:
    return [replace(piece, told=told) for piece in pieces(*span, step)]


def pieces(start: datetime, end: datetime, coarsest: timedelta) -> list[Piece]:
    """The window, cut. Its edges are minutes, or hours where minutes are no longer kept: what is
    finer is not there."""
    now, kept = clock.now(), minutes_since()
    start = floor(start, MINUTE if start >= kept else HOUR)
    end = floor(end, MINUTE) if end >= kept else ceil(end, HOUR)
    if start >= end:
        return []
    if coarsest >= DAY:
        return _cut(start, end, DAY, floor(now - _DAY_SETTLES, DAY), now)
    return _cut(start, end, HOUR if coarsest >= HOUR else MINUTE, None, now)


def _cut(
    start: datetime, end: datetime, grain: timedelta, settled: datetime | None, now: datetime
) -> list[Piece]:
    if grain == MINUTE or start >= end:
        return [Piece(MINUTE, start, end)] if start < end else []
    finer = HOUR if grain == DAY else MINUTE
    limit = settled if settled is not None else floor(now - _HOUR_SETTLES, HOUR)
    first, last = ceil(start, grain), min(floor(end, grain), limit)
    if first >= last:
        return _cut(start, end, finer, None, now)
    before = _cut(start, first, finer, None, now)
    after = _cut(last, end, finer, None, now)
    return [*before, Piece(grain, first, last), *after]

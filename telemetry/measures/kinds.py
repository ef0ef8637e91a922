"""What a measure is: a name for a figure over rollups, with what is good and what is bad.

Whatever is charted, alerted on, exported or asked by API is one of these. A measure says which
events it looks at and which statistic of them it is; reading it is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from telemetry.models.rollups import DIMENSIONS

Statistic = Literal[
    "count",
    "per_minute",
    "per_hour",
    "error_rate",
    "success_rate",
    "ratio",
    "sum",
    "mean",
    "min",
    "max",
    "last",
    "mean_ms",
    "p50",
    "p95",
    "p99",
    "missions",
    "missions_share",
    "active",
    "computed",
]
Status = Literal["", "error", "warning", "success"]
Better = Literal["higher", "lower", "neutral"]
State = Literal["no_data", "low_sample", "good", "warn", "bad", "neutral"]
ANY = ("*",)  # the events of a selection that looks at all of them
QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
Filters = Mapping[str, str | Sequence[str]]
Period = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events. `where` names values of dimensions, all of which must hold; `status` counts
    only events of that status, where something is counted."""

    events: tuple[str, ...]
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    status: Status = ""
    _hash: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        """What names a cell of every answer is hashed once."""
        known = hash((self.events, tuple(sorted(self.where.items())), self.status))
        object.__setattr__(self, "_hash", known)

    def __hash__(self) -> int:
        return self._hash

    def narrowed(self, filters: Filters) -> Selection:
        """This selection, of those values only. Nothing is left where they exclude each other."""
        where = dict(self.where)
        for name, value in filters.items():
            asked = (value,) if isinstance(value, str) else tuple(value)
            where[name] = tuple(x for x in where[name] if x in asked) if name in where else asked
        return Selection(self.events, where, self.status)


Selections = Selection | tuple[Selection, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure and what it stands on. None: nobody reported anything, which is no figure at
    all, neither 0 nor 100 %."""

    value: float | None
    sample: int = 0


NO_DATA = Reading(None, 0)
# Of (workspace or None, periods, group_by, filters): the readings of each period by group.
Compute = Callable[[int | None, Sequence[Period], str, Filters], Sequence[Mapping[str, Reading]]]


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure.

    `target` is the stricter of the playbooks' numbers, what it should be; `warn` the looser one,
    where a rule fires. Between them it is amber, beyond both red; with one of them only, beyond
    is amber. Percentages are numbers up to 100.

    `over` is the denominator of a ratio. For what is counted it says what would have been
    reported had anything happened: where there is some of it, nothing counted is a true 0.
    """

    slug: str
    title: str
    unit: str
    statistic: Statistic
    of: Selections = ()
    over: Selections | None = None
    at_least: Selections = ()  # another way to count the same; the larger number holds
    better: Better = "neutral"
    target: float | None = None
    warn: float | None = None
    min_sample: int = 0
    about: str = ""
    compute: Compute | None = None
    scale: float = 1.0  # the unit's share of a millisecond, or of what `amount` holds
    distinct: str = "user_ref"  # for "active": the column whose values are counted
    groups: tuple[str, ...] = DIMENSIONS  # what it can be split by
    installation: bool = False  # about the portal itself, whichever workspace asks
    area: str = ""

    @property
    def numerator(self) -> tuple[Selection, ...]:
        return as_tuple(self.of)

    @property
    def denominator(self) -> tuple[Selection, ...]:
        return as_tuple(self.over) if self.over is not None else ()

    @property
    def alternative(self) -> tuple[Selection, ...]:
        return as_tuple(self.at_least)

    @property
    def events(self) -> tuple[str, ...]:
        """All events it looks at, for drill-down."""
        found = dict.fromkeys(
            name for each in (*self.numerator, *self.denominator) for name in each.events
        )
        return tuple(found)

    def state(self, reading: Reading) -> State:
        """How it stands, by the stricter number."""
        value = reading.value
        if value is None:
            return "no_data"
        if self.better == "neutral" or (self.target is None and self.warn is None):
            return "neutral"
        if reading.sample < self.min_sample:
            return "low_sample"
        missed = [
            level
            for level in (self.target, self.warn)
            if level is not None and self._beyond(level, value)
        ]
        if not missed:
            return "good"
        both = self.target is not None and self.warn is not None
        return "bad" if both and len(missed) == 2 else "warn"

    def _beyond(self, level: float, value: float) -> bool:
        return value > level if self.better == "lower" else value < level


def as_tuple(given: Selections) -> tuple[Selection, ...]:
    return (given,) if isinstance(given, Selection) else given


@dataclass(frozen=True, slots=True)
class Point:
    """One step of a series. `partial`: it has not ended yet."""

    at: datetime
    value: float | None
    sample: int = 0
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """A measure along time, by group; the group is "" where it is not split."""

    measure: Measure
    start: datetime
    end: datetime
    step: timedelta
    groups: Mapping[str, Sequence[Point]]
    left_out: int = 0  # groups beyond the limit, the smallest

    @property
    def empty(self) -> bool:
        return not any(point.value is not None for line in self.groups.values() for point in line)


MEASURES: dict[str, Measure] = {}
M = TypeVar("M", bound=Measure)


def define(measure: M) -> M:
    """Add a measure to the table. Two of one slug are a bug found at start."""
    known = MEASURES.get(measure.slug)
    if known is not None and known != measure:
        raise ValueError(f"measure {measure.slug} is defined twice")
    _check(measure)
    MEASURES[measure.slug] = measure
    return measure


def get(slug: str) -> Measure:
    """The measure of this name; KeyError where there is none."""
    return MEASURES[slug]


def _check(measure: Measure) -> None:
    wrong = {
        dimension
        for each in (*measure.numerator, *measure.denominator)
        for dimension in each.where
        if dimension not in DIMENSIONS
    }
    if wrong:
        raise ValueError(f"measure {measure.slug}: no dimensions: {sorted(wrong)}")
    if (measure.statistic == "computed") != (measure.compute is not None):
        raise ValueError(f"measure {measure.slug}: computed figures say how")
    if measure.compute is None and not measure.numerator:
        raise ValueError(f"measure {measure.slug}: of which events?")
    if measure.statistic in {"ratio", "missions_share"} and not measure.denominator:
        raise ValueError(f"measure {measure.slug}: a share is of something")

"""What callers hand over: plain values, no markup and no coordinates.

Apps below the console can't import it, so every chart can also be given as a mapping with a
`kind` (`from_mapping`). A word that no chart knows is refused: a misspelt option that is silently
ignored shows a chart without its threshold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal

X = datetime | date | float | str
Y = float | Decimal | None
Tone = Literal["good", "warn", "bad", "active", "quiet", "agent"]
Side = Literal["above", "below"]

# Beyond these a difference or a square overflows; such a value is as unmeasured as NaN.
HUGE = 1e300
TINY = 1e-300
_EPOCH = datetime.fromtimestamp(0, UTC)


def number(value: object) -> float | None:
    """A finite float, or None for whatever can't be drawn: None, NaN, infinities, text."""
    if not isinstance(value, int | float | Decimal):
        return None
    try:
        found = float(value)
    except (OverflowError, ValueError):  # an int of 400 digits; a signalling NaN
        return None
    if not math.isfinite(found) or abs(found) > HUGE:
        return None
    return 0.0 if abs(found) < TINY else found


def is_moment(value: object) -> bool:
    return isinstance(value, date | str)


def position(value: object) -> float | None:
    """Where on the x axis: seconds since the epoch for moments, else the number itself."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return (aware - _EPOCH).total_seconds()
    return number(value)


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    points: Sequence[tuple[X, Y]] = ()


@dataclass(frozen=True, slots=True)
class Values:
    """One series of a bar chart: a value for each category."""

    name: str
    values: Sequence[Y] = ()


@dataclass(frozen=True, slots=True)
class Threshold:
    """A line that values should not cross (`limit`) or should reach (`target`).

    `worse` is the side that is told in the summary: "above the 2 % line for 35 min".
    """

    value: Y
    label: str = ""
    kind: Literal["limit", "target"] = "limit"
    worse: Side = "above"


@dataclass(frozen=True, slots=True)
class Annotation:
    """Something that happened at a moment, or from a moment `until` another."""

    at: X
    label: str
    until: X | None = None
    href: str = ""


@dataclass(frozen=True, slots=True)
class Ribbon:
    """A spread around the lines, such as p10 to p90: (x, low, high)."""

    name: str
    points: Sequence[tuple[X, Y, Y]] = ()


@dataclass(frozen=True, slots=True)
class Bucket:
    low: Y
    high: Y
    count: Y


@dataclass(frozen=True, slots=True)
class Mark:
    """A named value on a histogram's axis: p50, p95, the objective."""

    label: str
    value: Y


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    count: Y
    href: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A state that lasted. Without an end it lasts still."""

    start: X
    end: X | None
    state: str
    tone: Tone | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    name: str
    spans: Sequence[Span] = ()
    href: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    id: str
    label: str = ""
    state: str = ""
    tone: Tone | None = None
    href: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    source: str
    target: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """One row of a bullet chart; every row has a scale, and may have a unit, of its own."""

    name: str
    value: Y
    target: Y = None
    unit: str | None = None
    better: Literal["higher", "lower"] = "higher"
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`period` is words for the summary ("last 24 h"); `tz` names the zone of every time shown."""

    kind: ClassVar[str] = ""
    title: str
    period: str = ""
    unit: str = ""
    tz: str = "UTC"
    size: Literal["small", "medium", "large"] = "medium"
    empty: str = ""
    note: str = ""
    heading: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(Chart):
    """`gap`: a pause between points longer than this (seconds or x units) breaks the line."""

    kind: ClassVar[str] = "line"
    series: Sequence[Series] = ()
    thresholds: Sequence[Threshold] = ()
    annotations: Sequence[Annotation] = ()
    ribbons: Sequence[Ribbon] = ()
    start: X | None = None
    end: X | None = None
    from_zero: bool = True
    gap: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Area(Line):
    kind: ClassVar[str] = "area"
    stacked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar(Chart):
    kind: ClassVar[str] = "bar"
    categories: Sequence[str] = ()
    series: Sequence[Values] = ()
    thresholds: Sequence[Threshold] = ()
    stacked: bool = False
    horizontal: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram(Chart):
    """Ready `buckets`, or raw `values` to be counted. `unit` is that of the x axis."""

    kind: ClassVar[str] = "histogram"
    buckets: Sequence[Bucket] = ()
    values: Sequence[Y] = ()
    marks: Sequence[Mark] = ()
    thresholds: Sequence[Threshold] = ()
    log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel(Chart):
    kind: ClassVar[str] = "funnel"
    steps: Sequence[Step] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline(Chart):
    kind: ClassVar[str] = "timeline"
    lanes: Sequence[Lane] = ()
    annotations: Sequence[Annotation] = ()
    start: X | None = None
    end: X | None = None
    shares: bool = True  # beside each lane how much of its time was good


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph(Chart):
    kind: ClassVar[str] = "graph"
    nodes: Sequence[Node] = ()
    edges: Sequence[Edge] = ()
    direction: Literal["TB", "LR"] = "TB"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullet(Chart):
    kind: ClassVar[str] = "bullet"
    measures: Sequence[Measure] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap(Chart):
    """Rows of values, hours of weekdays unless `rows` and `columns` say otherwise."""

    kind: ClassVar[str] = "heatmap"
    values: Sequence[Sequence[Y]] = ()
    rows: Sequence[str] = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    columns: Sequence[str] = field(default_factory=lambda: tuple(f"{h:02}" for h in range(24)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparkline(Chart):
    kind: ClassVar[str] = "sparkline"
    values: Sequence[Y] = ()
    threshold: Threshold | None = None


KINDS: dict[str, type[Chart]] = {
    cls.kind: cls
    for cls in (Line, Area, Bar, Histogram, Funnel, Timeline, Graph, Bullet, Heatmap, Sparkline)
}
_PARTS: dict[tuple[str, str], type[Any]] = {
    ("line", "series"): Series,
    ("area", "series"): Series,
    ("bar", "series"): Values,
    ("", "thresholds"): Threshold,
    ("", "threshold"): Threshold,
    ("", "annotations"): Annotation,
    ("", "ribbons"): Ribbon,
    ("", "buckets"): Bucket,
    ("", "marks"): Mark,
    ("", "steps"): Step,
    ("", "lanes"): Lane,
    ("", "spans"): Span,
    ("", "nodes"): Node,
    ("", "edges"): Edge,
    ("", "measures"): Measure,
}


def from_mapping(data: Mapping[str, Any]) -> Chart:
    """The chart a mapping describes; ValueError names what is unknown or missing."""
    kind = str(data.get("kind", ""))
    if kind not in KINDS:
        raise ValueError(f"no chart of kind {kind!r}: one of {', '.join(KINDS)}")
    rest = {key: value for key, value in data.items() if key != "kind"}
    chart: Chart = _build(KINDS[kind], rest, kind)
    return chart


def _build(cls: type[Any], data: Mapping[str, Any], kind: str) -> Any:
    known = {entry.name for entry in fields(cls)}
    if unknown := sorted(set(data) - known):
        raise ValueError(f"{cls.__name__} knows no {', '.join(map(repr, unknown))}")
    try:
        return cls(**{name: _part(name, value, kind) for name, value in data.items()})
    except TypeError as error:
        raise ValueError(f"{cls.__name__}: {error}") from error


def _part(name: str, value: Any, kind: str) -> Any:
    cls = _PARTS.get((kind, name)) or _PARTS.get(("", name))
    if cls is None or value is None:
        return value
    if isinstance(value, Mapping):
        return _build(cls, value, kind)
    return tuple(
        _build(cls, item, kind)
        if isinstance(item, Mapping)
        else cls(*item)
        if isinstance(item, tuple | list)
        else item
        for item in value
    )

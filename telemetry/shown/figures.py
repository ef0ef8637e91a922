"""Key figures in words: how a period stands, what it should be, what it was divided by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from controlplane.access.models import Workspace
from controlplane.base.registries import Kpi
from controlplane.lib.actors import Actor
from telemetry.dashboards.standing import Standing
from telemetry.kpis import Line, board
from telemetry.models import KpiValue
from telemetry.shown.amounts import amount
from telemetry.shown.auditing import figure_url

State = KpiValue.State
WEEK = timedelta(days=7)
_STANDS: dict[str, Standing] = {
    State.MET: Standing("good", "Met", "good", "check", 3),
    State.MISSED: Standing("warn", "Missed", "warn", "alert", 1),
    State.LOW_SAMPLE: Standing("low_sample", "Too few to judge", "neutral", "more", 4),
    State.UNTARGETED: Standing("neutral", "No target", "info", "activity", 5),
    State.NO_DATA: Standing("no_data", "No data", "neutral", "minus", 6),
}
# A period that runs is not judged yet: half a week's missions are no missed week.
_RUNS: dict[str, Standing] = {
    **_STANDS,
    State.MET: Standing("good", "Met so far", "good", "check", 3),
    State.MISSED: Standing("neutral", "Not met yet", "info", "clock", 4),
}


def standing(row: KpiValue | None, *, running: bool = False) -> Standing:
    state = row.state if row is not None else State.NO_DATA
    return (_RUNS if running else _STANDS).get(state, _STANDS[State.NO_DATA])


@dataclass(frozen=True, slots=True)
class Cadence:
    words: str
    period: str
    running: str  # what the period that runs is called


_CADENCES = (
    (timedelta(days=1), Cadence("daily", "day", "Today, so far")),
    (WEEK, Cadence("weekly", "week", "This week, so far")),
    (2 * WEEK, Cadence("every two weeks", "two weeks", "These two weeks, so far")),
)
_MONTHLY = Cadence("monthly", "month", "This month, so far")


def cadence(kpi: Kpi) -> Cadence:
    return next((found for longest, found in _CADENCES if kpi.cadence <= longest), _MONTHLY)


def target_words(kpi: Kpi, target: float | None = None) -> str:
    level = kpi.target if target is None else target
    if level is None:
        return ""
    return f"{'≥' if kpi.better == 'higher' else '≤'} {amount(level, kpi.unit)}"


def parts_words(row: KpiValue | None) -> str:
    """The two numbers behind a share; of what is no share, how many it was told from."""
    if row is None or row.denominator is None:
        return ""
    if row.numerator is None:
        return f"told from {row.denominator:,.0f}"
    return f"{row.numerator:,.0f} of {row.denominator:,.0f}"


def _unit(kpi: Kpi) -> str:
    """What stands beside a number whose period is named anyway: not "a week"."""
    return "" if kpi.unit.startswith("a ") else kpi.unit


@dataclass(frozen=True, slots=True)
class Period:
    """One row as its page and its card show it."""

    row: KpiValue | None
    text: str
    standing: Standing
    parts: str
    note: str
    item: str
    start: datetime
    end: datetime


def period(
    kpi: Kpi, row: KpiValue | None, start: datetime, end: datetime, *, running: bool = False
) -> Period:
    return Period(
        row=row,
        text=amount(row.value if row is not None else None, _unit(kpi)),
        standing=standing(row, running=running),
        parts=parts_words(row),
        note=row.note if row is not None else "",
        item=row.item if row is not None else "",
        start=start,
        end=end,
    )


@dataclass(frozen=True, slots=True)
class Card:
    """A figure on the board."""

    kpi: Kpi
    url: str
    now: Period
    last: Period
    trend: Sequence[float | None]

    @property
    def standing(self) -> Standing:
        """Of the last whole period; of the running one while there is no other."""
        return self.last.standing if self._judged else self.now.standing

    @property
    def text(self) -> str:
        """What `standing` is said of."""
        return self.last.text if self._judged else self.now.text

    @property
    def _judged(self) -> bool:
        return self.last.row is not None and self.last.row.state != State.NO_DATA

    @property
    def target(self) -> str:
        return target_words(self.kpi)

    @property
    def cadence(self) -> Cadence:
        return cadence(self.kpi)

    @property
    def has_trend(self) -> bool:
        return any(value is not None for value in self.trend)

    @property
    def item(self) -> str:
        return self.last.item or self.now.item


def card(line: Line) -> Card:
    start = line.period.start
    last_start = line.last.start if line.last is not None else start
    return Card(
        kpi=line.kpi,
        url=figure_url(line.kpi.slug),
        now=period(line.kpi, line.now, start, line.period.end, running=True),
        last=period(line.kpi, line.last, last_start, start),
        trend=line.trend,
    )


def cards(workspace: Workspace, actor: Actor) -> list[Card]:
    return [card(line) for line in board(workspace, actor)]


def computed_at(lines: Iterable[Line]) -> datetime | None:
    return max((line.now.computed_at for line in lines if line.now is not None), default=None)


COLUMNS = (
    "key figure", "period from", "to", "value", "unit", "target", "state", "numerator",
    "denominator", "note", "work item", "computed",
)  # fmt: skip


def exported(kpi: Kpi, row: KpiValue) -> list[Any]:
    return [
        kpi.title, row.start, row.end, row.value, kpi.unit, row.target, row.state, row.numerator,
        row.denominator, row.note, row.item, row.computed_at,
    ]  # fmt: skip

"""The four keys of an environment over a range of weeks, beside the same stretch before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from controlplane.catalog.models import Component, Environment
from deployments import numbers
from deployments.overview import changes, dora
from deployments.overview.dora import Change, Figure, Week

RANGES = {"4w": 4, "12w": 12, "26w": 26, "52w": 52}
DEFAULT = "12w"


@dataclass(frozen=True, slots=True)
class Keys:
    environment: Environment
    component: Component | None
    start: datetime
    end: datetime
    counted_from: datetime  # the start, or when the first change became live
    figures: Mapping[str, Figure]
    before: Mapping[str, Figure]
    weeks: Sequence[Week]
    changes: Sequence[Change]
    cut: bool

    @property
    def target(self) -> tuple[int, int] | None:
        """How many releases a week are planned here, at least and at most."""
        most = self.environment.releases_per_week
        if not most:
            return None
        return min(numbers.RELEASES_MIN.value, most), most

    @property
    def met(self) -> tuple[int, int]:
        """In how many of the whole weeks, since there was something, that was kept. The week in
        which that began was not lived through as a whole."""
        target = self.target
        known = [one for one in self.weeks if one.begins >= self.counted_from]
        return dora.on_target(known, *target) if target is not None else (0, 0)


def keys(
    environment: Environment,
    *,
    at: datetime,
    weeks: int,
    component: Component | None = None,
) -> Keys:
    """Whole ISO weeks and the one that is under way."""
    length = timedelta(weeks=weeks)
    start = dora.week_of(at) - length + dora.WEEK
    before = start - length
    read = changes.read(environment, before, at, component=component)
    first = changes.first_out(environment, component)
    counted = min(max(start, first), at) if first is not None else start
    least = numbers.DORA_LEAST.value
    closed = changes.closed_by_week(environment, start, at, component)
    within = [one for one in read.changes if one.out_at >= start]
    earlier = [one for one in read.changes if one.out_at < start]
    return Keys(
        environment=environment,
        component=component,
        start=start,
        end=at,
        counted_from=counted,
        figures=dora.figures(within, start, at, least, lived=counted),
        before=_before(earlier, before, start, first, least),
        weeks=dora.by_week(within, start, at, closed),
        changes=within,
        cut=read.cut,
    )


def _before(
    earlier: Sequence[Change], start: datetime, end: datetime, first: datetime | None, least: int
) -> Mapping[str, Figure]:
    """Only of a stretch that was lived through as a whole: half a stretch is no trend."""
    if first is None or first > start:
        return {}
    return dora.figures(earlier, start, end, least)

"""The curves of a rollout: the cohort beside everybody else, with the limits and the judge's own
bounds drawn in. As plain data; the console draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from django.db import connection

from deployments.canary.evidence import Evidence, interval
from deployments.canary.judge import Situation, thresholds
from deployments.canary.limits import Limits
from deployments.models import Rollout, RolloutStep

MINUTE = timedelta(minutes=1)
POINTS = 240
LEAST_IN_A_POINT = 20  # fewer requests, and one that failed is a peak
WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440, 4320)
# The bounds of few requests would flatten the curves they stand around.
HIGHEST_BOUND = 2.5
# Past the line that rolls back, and no further: how far past says nothing.
MOST_PROOF = 1.1

_SUMS = """
SELECT step.position, max(look.at),
       sum(look.n)::bigint, sum(look.errors)::bigint, sum(look.slow)::bigint,
       coalesce(sum(look.p95_ms * look.n)
                / nullif(sum(look.n) FILTER (WHERE look.p95_ms IS NOT NULL), 0),
                avg(look.p95_ms)),
       sum(look.others)::bigint, sum(look.others_errors)::bigint, sum(look.others_slow)::bigint,
       coalesce(sum(look.others_p95_ms * look.others)
                / nullif(sum(look.others) FILTER (WHERE look.others_p95_ms IS NOT NULL), 0),
                avg(look.others_p95_ms)),
       max(look.error_rate), max(look.latency_ratio)
FROM deployments_rolloutsample look
JOIN deployments_rolloutstep step ON step.id = look.step_id
WHERE step.rollout_id = %(rollout)s AND step.position = ANY(%(steps)s)
GROUP BY step.position, ceil(extract(epoch FROM look.at) / %(width)s)
ORDER BY step.position, 2
"""
_TOTALS = """
SELECT min(look.at), max(look.at), sum(look.n)::bigint, count(*)
FROM deployments_rolloutsample look
JOIN deployments_rolloutstep step ON step.id = look.step_id
WHERE step.rollout_id = %(rollout)s AND step.position = ANY(%(steps)s)
"""


@dataclass(frozen=True, slots=True)
class Point:
    """So many minutes of looks, added up."""

    step: int
    at: datetime
    n: int
    errors: int
    slow: int
    p95: float | None
    others: int
    others_errors: int
    others_slow: int
    others_p95: float | None
    error_rate: float | None
    latency_ratio: float | None

    @property
    def told(self) -> bool:
        """Whether anything came in."""
        return bool(self.n or self.others) or self.error_rate is not None


@dataclass(frozen=True, slots=True)
class Curves:
    charts: list[dict[str, Any]]
    width: int  # minutes in a point
    looks: int


def of(rollout: Rollout, steps: Sequence[RolloutStep], *, now: datetime, zone: str) -> Curves:
    """Of these steps of the rollout, in the order they ran."""
    begun = [step for step in steps if step.started_at is not None]
    asked = {"rollout": rollout.pk, "steps": [step.position for step in begun]}
    first, last, requests, looks = _rows(_TOTALS, asked)[0] if begun else (None, None, 0, 0)
    if first is None:
        return Curves([], 1, 0)
    width = _width(last - first, requests or 0, looks)
    points = [Point(*row) for row in _rows(_SUMS, {**asked, "width": 60 * width})]
    if not any(each.told for each in points):
        return Curves([], width, looks)
    drawn = _Drawn(rollout, begun, points, width, now, zone)
    return Curves(drawn.charts(), width, looks)


def _rows(sql: str, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, asked)
        return list(cursor.fetchall())


def _width(span: timedelta, requests: int, looks: int) -> int:
    """Minutes in a point: as few as there is room for, and enough for requests to say something,
    as long as there are some points left."""
    minutes = max(1.0, span / MINUTE)
    wanted = minutes / POINTS
    if 0 < requests < LEAST_IN_A_POINT * looks:
        wanted = max(wanted, min(LEAST_IN_A_POINT * minutes / requests, minutes / 12))
    return next((width for width in WIDTHS if width >= wanted), WIDTHS[-1])


def _share(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


class _Drawn:
    """What all the curves of one page share."""

    def __init__(
        self,
        rollout: Rollout,
        steps: Sequence[RolloutStep],
        points: Sequence[Point],
        width: int,
        now: datetime,
        zone: str,
    ) -> None:
        self.rollout, self.steps, self.points, self.width = rollout, steps, points, width
        self.limits = Limits.read(rollout.limits)
        start = steps[0].started_at
        assert start is not None
        ended = rollout.ended_at or steps[-1].ended_at
        # To the whole minute: an axis that moved each second would be news at every look.
        live = now.replace(second=0, microsecond=0) + MINUTE
        end = live if ended is None or rollout.is_watched else max(ended, points[-1].at)
        one = f"{steps[0].percent} %" if len(steps) == 1 else "all steps"
        self.frame: dict[str, Any] = {
            "kind": "line",
            "period": one if width == 1 else f"{one}, {width} minutes a point",
            "tz": zone,
            "start": start,
            "end": end,
            # Where figures stopped coming is a gap, not a line across.
            "gap": max(180.0, 150.0 * width, 2.5 * _usual_pause(points)),
            "annotations": self._marks(),
        }

    def charts(self) -> list[dict[str, Any]]:
        found = [self._errors(), self._latency(), self._proof(), self._requests()]
        return [chart for chart in found if chart is not None]

    def _marks(self) -> list[dict[str, Any]]:
        marks: list[dict[str, Any]] = [
            {"at": step.started_at, "label": f"{step.percent} %"} for step in self.steps
        ]
        rollout = self.rollout
        if rollout.ended_at is not None:
            marks.append({"at": rollout.ended_at, "label": rollout.get_status_display()})
        return marks

    def _sides(self, cohort: list[Any], others: list[Any]) -> list[dict[str, Any]]:
        """Both curves; without the second where nothing was told of everybody else."""
        found = [{"name": "With the flag", "points": cohort}]
        if any(value is not None for _, value in others):
            found.append({"name": "Without it", "points": others})
        return found

    def _errors(self) -> dict[str, Any]:
        cohort = [
            (each.at, _share(each.errors, each.n) if each.n else _hundred(each.error_rate))
            for each in self.points
        ]
        others = [(each.at, _share(each.others_errors, each.others)) for each in self.points]
        limit = 100 * self.limits.max_error_rate
        return {
            **self.frame,
            "title": "Requests that fail",
            "unit": "%",
            "series": self._sides(cohort, others),
            "thresholds": [{"value": limit, "label": "limit"}],
            "ribbons": [
                {"name": "99 % bounds", "points": self._bounds("errors", HIGHEST_BOUND * limit)}
            ],
            "note": "shaded: where the share of the step is, with 99 %",
        }

    def _bounds(self, name: str, most: float) -> list[tuple[datetime, float, float]]:
        """Around the share of all requests of the step so far."""
        found, step, n, bad = [], 0, 0, 0
        for each in self.points:
            if each.step != step:
                step, n, bad = each.step, 0, 0
            n, bad = n + each.n, bad + getattr(each, name)
            if n:
                low, high = (100 * edge for edge in interval(bad, n))
                found.append((each.at, min(low, most), min(high, most)))
        return found

    def _latency(self) -> dict[str, Any] | None:
        """p95 where it is known, else how often it was slow, else the reported ratio."""
        limits, slow = self.limits, self.rollout.slow_ms
        if any(each.p95 is not None for each in self.points):
            base = slow / limits.max_latency_ratio if slow else None
            lines = [{"value": slow, "label": "limit"}] if slow else []
            if base is not None:
                lines.append({"value": base, "label": "baseline", "kind": "target"})
            return {
                **self.frame,
                "title": "95th percentile",
                "unit": "ms",
                "series": self._sides(
                    [(each.at, each.p95) for each in self.points],
                    [(each.at, each.others_p95) for each in self.points],
                ),
                "thresholds": lines,
            }
        if any(each.slow for each in self.points):
            return {
                **self.frame,
                "title": "Slow requests",
                "unit": "%",
                "series": self._sides(
                    [(each.at, _share(each.slow, each.n)) for each in self.points],
                    [(each.at, _share(each.others_slow, each.others)) for each in self.points],
                ),
                "thresholds": [{"value": 100 * limits.max_slow_share, "label": "limit"}],
            }
        if any(each.latency_ratio is not None for each in self.points):
            return {
                **self.frame,
                "title": "95th percentile, in times of the baseline",
                "series": [
                    {
                        "name": "With the flag",
                        "points": [(each.at, each.latency_ratio) for each in self.points],
                    }
                ],
                "thresholds": [{"value": limits.max_latency_ratio, "label": "limit"}],
            }
        return None

    def _proof(self) -> dict[str, Any] | None:
        """How far both bets are on the way to what rolls back, step by step."""
        if not any(each.n for each in self.points):
            return None
        names = {"errors": "Failing"}
        if any(each.slow for each in self.points):
            names["slow"] = "Slow"
        series = [{"name": words, "points": self._way(name)} for name, words in names.items()]
        return {
            **self.frame,
            "title": "Way to proof",
            "unit": "%",
            "size": "small",
            "series": series,
            "thresholds": [{"value": 100.0, "label": "rolls back"}],
        }

    def _way(self, name: str) -> list[tuple[datetime, float]]:
        limit = self.limits.max_error_rate if name == "errors" else self.limits.max_slow_share
        total, recent = self._needed()
        found, step, bet = [], 0, Evidence()
        for each in self.points:
            if each.step != step:
                step, bet = each.step, Evidence()
            bet = bet.after(each.n, getattr(each, name), limit=limit)
            way = max(bet.log_total / total, bet.log_recent / recent, 0.0)
            found.append((each.at, round(100 * min(way, MOST_PROOF), 1)))
        return found

    def _needed(self) -> tuple[float, float]:
        whole = list(self.rollout.steps.all())
        first = self.steps[0]
        assert first.started_at is not None
        situation = Situation(
            now=first.started_at,
            started_at=first.started_at,
            dwell=MINUTE,
            percent=first.percent,
            steps=len(whole),
            planned=MINUTE * sum(step.hold_minutes for step in whole),
        )
        return thresholds(situation, self.limits)

    def _requests(self) -> dict[str, Any]:
        return {
            **self.frame,
            "title": "Requests a minute",
            "unit": "",
            "size": "small",
            "series": self._sides(
                [(each.at, each.n / self.width) for each in self.points],
                [
                    (each.at, each.others / self.width if each.others else None)
                    for each in self.points
                ],
            ),
        }


def _usual_pause(points: Sequence[Point]) -> float:
    """Seconds between two points as a rule: those who post have a rhythm of their own."""
    pauses = [(after.at - before.at).total_seconds() for before, after in pairwise(points)]
    return median(pauses) if pauses else 0.0


def _hundred(rate: float | None) -> float | None:
    return None if rate is None else 100 * rate

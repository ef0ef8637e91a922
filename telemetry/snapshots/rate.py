"""Do as many events come in as usual? Asked after each deployment."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from telemetry import measures
from telemetry.audits.rules.streams import RATE_HIGH, RATE_LOW

WEEKS = 2  # one such hour of the past may be the odd one
Verdict = Literal["ok", "deviation", "insufficient_baseline"]


@dataclass(frozen=True, slots=True)
class IngestionRate:
    """Events per minute beside the median of the same hour of the same weekday. None reported at
    all is a rate of 0 here, and no missing figure: silence is what is looked for."""

    at: datetime
    minutes: float
    per_minute: float
    usual: float | None
    weeks: int  # hours of the past behind the usual one
    ratio: float | None
    verdict: Verdict

    def as_data(self) -> dict[str, Any]:
        return {**asdict(self), "at": self.at.isoformat()}

    @property
    def words(self) -> str:
        if self.usual is None or self.ratio is None:
            return f"{self.per_minute:,.1f} events a minute; there is no baseline yet."
        return (
            f"{self.per_minute:,.1f} events a minute, {self.ratio:.2f} times the usual"
            f" {self.usual:,.1f} of this weekday's hour."
        )


def ingestion_rate(workspace_id: int | None, at: datetime, *, minutes: float = 60) -> IngestionRate:
    """The rate of the `minutes` before `at`."""
    measure = measures.get("events.per_minute")
    start = at - timedelta(minutes=minutes)
    reading = measures.read(measure, workspace_id, start, at)[""]
    usual = measures.baseline(measure, workspace_id, start, "weekday_hour")
    rate = reading.value or 0.0
    if not usual.value or usual.sample < WEEKS:
        return IngestionRate(at, minutes, rate, None, usual.sample, None, "insufficient_baseline")
    ratio = rate / usual.value
    fits = RATE_LOW.value <= ratio <= RATE_HIGH.value
    return IngestionRate(
        at, minutes, rate, usual.value, usual.sample, ratio, "ok" if fits else "deviation"
    )

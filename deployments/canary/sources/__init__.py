"""Where the figures come from. `read` may call the outside, so it is never called under a lock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from deployments.canary.numbers import BASELINE_MINUTES, LAG
from deployments.canary.sources import impact, posted, prometheus, telemetry
from deployments.canary.sources.kinds import Baseline, Reading, Source
from deployments.models import Rollout
from deployments.services.reading import refuse

SOURCES: dict[str, Source] = {
    "telemetry": telemetry.SOURCE,
    "impact": impact.SOURCE,
    "prometheus": prometheus.SOURCE,
    "posted": posted.SOURCE,
}
MINUTE = timedelta(minutes=1)

__all__ = ["SOURCES", "Baseline", "Reading", "baseline", "checked", "read", "readable_until"]


def checked(source: str, asking: Any) -> dict[str, Any]:
    """What the source is asked, in its one form, or refused with the field named."""
    return SOURCES[source].checked(asking)


def baseline(rollout: Rollout, *, end: datetime, given: dict[str, Any] | None = None) -> Baseline:
    """Typed in only where everything is: what the source would say, nobody says for it."""
    if given is not None:
        if rollout.source != Rollout.Source.POSTED:
            name = rollout.get_source_display()
            raise refuse("baseline", f"It is read from its own source: {name}.")
        return posted.baseline_of(given)
    end = end.replace(second=0, microsecond=0)
    start = end - timedelta(minutes=BASELINE_MINUTES.value)
    return SOURCES[rollout.source].baseline(rollout, start, end)


def readable_until(now: datetime) -> datetime:
    """The last whole minute whose figures should be there."""
    return (now - timedelta(seconds=LAG.value)).replace(second=0, microsecond=0)


def read(rollout: Rollout, start: datetime, end: datetime) -> Reading | None:
    """What came in between. None where the source is posted to and asked nothing."""
    ask = SOURCES[rollout.source].read
    return ask(rollout, start, end) if ask is not None and start < end else None

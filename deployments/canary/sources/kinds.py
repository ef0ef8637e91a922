"""What every source of figures answers, and what it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from deployments.canary.judge import percent
from deployments.canary.seen import Figures
from deployments.models import Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """How it is without the flag. Nones where nothing was measured."""

    requests: int = 0
    error_rate: float | None = None
    p95_ms: float | None = None
    violations: int = 0

    def told(self) -> dict[str, Any]:
        return asdict(self)

    def words(self) -> str:
        if not self.requests and self.error_rate is None:
            return "no requests were measured; latency will not be judged"
        errors = "unknown" if self.error_rate is None else percent(self.error_rate)
        p95 = "unknown" if self.p95_ms is None else f"{self.p95_ms:,.0f} ms"
        return f"{self.requests:,} requests, errors {errors}, p95 {p95}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Of one look."""

    figures: Figures = field(default_factory=Figures)
    p95_ms: float | None = None
    others_p95_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Source:
    checked: Callable[[dict[str, Any]], dict[str, Any]]
    baseline: Callable[[Rollout, datetime, datetime], Baseline]
    # Of [start, end): what came in then.
    read: Callable[[Rollout, datetime, datetime], Reading] | None

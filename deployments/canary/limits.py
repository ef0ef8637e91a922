"""What a canary is held to: every number of its judge, by name.

The seeds' two limits ("above 2 %", "twice the baseline") become one question about shares: of the
cohort's requests, how many failed, and how many took longer than twice the baseline's p95. In a
healthy release at most 5 % do the latter, because that is what a p95 is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import timedelta
from typing import Any, Literal, Self

from controlplane.lib import defaults
from controlplane.lib.errors import Invalid

Judge = Literal["guarded", "strict", "sequential"]
JUDGES: dict[Judge, str] = {
    "guarded": "proof at every look, and the plain limit once there are enough requests",
    "strict": "as guarded, with the plain limit from the smallest sample on",
    "sequential": "proof only; the plain limit counts when a hold ends",
}

OUTSIDE = "This is outside of what makes sense."

ERROR_RATE = defaults.define(
    "canary.max_error_rate", 0.02, unit="share", why="the playbook rolls back above 2 % errors"
)
LATENCY_RATIO = defaults.define(
    "canary.max_latency_ratio", 2.0, unit="times", why="the playbook's limit: twice the baseline"
)
ALPHA = defaults.define(
    "canary.alpha", 0.01, unit="share", why="one healthy rollout of a hundred, for each test"
)
MIN_SAMPLES = defaults.define(
    "canary.min_samples", 150, unit="requests", why="fewer clean ones can't show less than 2 %"
)
LITERAL_SAMPLES = defaults.define(
    "canary.literal_samples", 500, unit="requests", why="from here on the plain limit is no noise"
)
CONFIRM_TICKS = defaults.define(
    "canary.confirm_ticks", 3, unit="looks", why="above the plain limit that often in a row"
)
MIN_ERRORS = defaults.define(
    "canary.min_errors", 3, unit="requests", why="two failed of two would already look like proof"
)
STALE = defaults.define(
    "canary.stale_after_s", 300.0, unit="s", why="five looks without figures: hold, don't guess"
)
HOLDS = defaults.define(
    "canary.max_holds", 1.0, unit="holds", why="one more dwell to settle it, then it is decided"
)


def _default(of: defaults.Default[Any]) -> Any:
    """Read when a plan is made, so that the environment of that moment counts."""
    return field(default_factory=lambda: of.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one rollout; what isn't said is the default of the installation."""

    judge: Judge = "guarded"
    max_error_rate: float = _default(ERROR_RATE)
    max_latency_ratio: float = _default(LATENCY_RATIO)
    # Of requests that may be slower than the ratio allows: the complement of the quantile.
    max_slow_share: float = 0.05
    max_violations: int = 0
    alpha: float = _default(ALPHA)
    min_samples: int = _default(MIN_SAMPLES)
    literal_samples: int = _default(LITERAL_SAMPLES)
    confirm_ticks: int = _default(CONFIRM_TICKS)
    min_errors: int = _default(MIN_ERRORS)
    stale_after: timedelta = field(default_factory=lambda: timedelta(seconds=STALE.value))
    max_holds: float = _default(HOLDS)

    @property
    def literal_from(self) -> int | None:
        """Requests from which the plain limit alone rolls back. None: never."""
        return {
            "guarded": self.literal_samples,
            "strict": self.min_samples,
            "sequential": None,
        }[self.judge]

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """From a plan's JSON. Refuses names and values that mean nothing."""
        unknown = sorted(set(given) - {one.name for one in fields(cls)})
        if unknown:
            raise _invalid(unknown[0], "There is no such limit.")
        values = dict(given)
        if "stale_after" in values:
            values["stale_after"] = _seconds("stale_after", values["stale_after"])
        for name, value in values.items():
            if name not in {"judge", "stale_after"}:
                values[name] = _number(name, value)
        limits = replace(cls(), **values)
        limits._check()
        return limits

    def written(self) -> dict[str, Any]:
        return {**asdict(self), "stale_after": self.stale_after.total_seconds()}

    def _check(self) -> None:
        wrong = {
            "judge": self.judge not in JUDGES,
            "max_error_rate": not 0 < self.max_error_rate < 0.5,
            "max_latency_ratio": not 1 < self.max_latency_ratio <= 100,
            "max_slow_share": not 0 < self.max_slow_share < 0.5,
            "max_violations": not 0 <= self.max_violations <= 1_000,
            "alpha": not 0.0001 <= self.alpha <= 0.2,
            "min_samples": not 1 <= self.min_samples <= 1_000_000,
            "literal_samples": not self.min_samples <= self.literal_samples <= 10_000_000,
            "confirm_ticks": not 1 <= self.confirm_ticks <= 60,
            "min_errors": not 1 <= self.min_errors <= 1_000,
            "stale_after": not timedelta(minutes=1) <= self.stale_after <= timedelta(hours=6),
            "max_holds": not 0 <= self.max_holds <= 10,
        }
        for name, broken in wrong.items():
            if broken:
                raise _invalid(name, OUTSIDE)


def _number(name: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _invalid(name, "This must be a number.")
    return value


def _seconds(name: str, value: Any) -> timedelta:
    """Bounded first: a span has its own idea of what is too long."""
    if not 0 <= _number(name, value) <= 86_400:
        raise _invalid(name, OUTSIDE)
    return timedelta(seconds=value)


def _invalid(name: str, sentence: str) -> Invalid:
    return Invalid("The limits of this canary can't be used.", details={f"limits.{name}": sentence})

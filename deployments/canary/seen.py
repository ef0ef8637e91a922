"""What one look counted, and what a step knows from all its looks so far. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from deployments.canary.evidence import Evidence
from deployments.canary.limits import Limits

# People the split is held against: at 10 percent an honest cohort stays within 5 to 15.
MOST_PEOPLE = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one look: counts since the look before, of the cohort and of everybody else."""

    n: int = 0
    errors: int = 0
    slow: int = 0
    violations: int = 0
    others: int = 0
    others_errors: int = 0
    others_slow: int = 0
    # How many people were asked about, and answered on or off. Nones where the source doesn't tell.
    # Requests are no people: they come in bundles, and who sends many is in as a whole.
    on: int | None = None
    off: int | None = None
    # Or people themselves, by a number that is the same for the same person: who was let in.
    people: Mapping[int, bool] | None = None
    # From a source that knows rates and no counts.
    error_rate: float | None = None
    latency_ratio: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one step knows of itself so far; kept as JSON between two looks."""

    errors: Evidence = field(default_factory=Evidence)
    slow: Evidence = field(default_factory=Evidence)
    others: int = 0
    others_errors: int = 0
    others_slow: int = 0
    on: int = 0
    off: int = 0
    # Those with the smallest numbers: of all who came a fair sample, however often each came.
    people: Mapping[int, bool] = field(default_factory=dict)
    violations: int = 0
    error_rate: float | None = None
    latency_ratio: float | None = None
    last_at: datetime | None = None

    def written(self) -> dict[str, Any]:
        return {
            "errors": self.errors.written(),
            "slow": self.slow.written(),
            "people": [[who for who, on in self.people.items() if on is side] for side in _SIDES],
            **{name: getattr(self, name) for name in _PLAIN},
            "last_at": self.last_at.isoformat() if self.last_at else None,
        }

    @classmethod
    def read(cls, given: dict[str, Any]) -> Seen:
        if not given:
            return cls()
        return cls(
            errors=Evidence.read(given["errors"]),
            slow=Evidence.read(given["slow"]),
            last_at=datetime.fromisoformat(given["last_at"]) if given["last_at"] else None,
            people={
                who: side
                for side, some in zip(_SIDES, given.get("people", ()), strict=False)
                for who in some
            },
            **{name: given[name] for name in _PLAIN},
        )


_SIDES = (True, False)
_PLAIN = (
    "others",
    "others_errors",
    "others_slow",
    "on",
    "off",
    "violations",
    "error_rate",
    "latency_ratio",
)


def look(seen: Seen, figures: Figures, *, at: datetime, limits: Limits) -> Seen:
    """Add the figures of one look. One that counted nothing keeps the time of the last that did."""
    enough = limits.literal_from or 0
    people = _sampled(seen.people, figures.people)
    heard = bool(figures.n or figures.error_rate is not None or figures.latency_ratio is not None)
    return replace(
        seen,
        errors=seen.errors.after(
            figures.n, figures.errors, limit=limits.max_error_rate, enough=enough
        ),
        slow=seen.slow.after(figures.n, figures.slow, limit=limits.max_slow_share, enough=enough),
        others=seen.others + figures.others,
        others_errors=seen.others_errors + figures.others_errors,
        others_slow=seen.others_slow + figures.others_slow,
        on=sum(people.values()) if people else seen.on + (figures.on or 0),
        off=len(people) - sum(people.values()) if people else seen.off + (figures.off or 0),
        people=people,
        violations=seen.violations + figures.violations,
        error_rate=figures.error_rate,
        latency_ratio=figures.latency_ratio,
        last_at=max(at, seen.last_at or at) if heard else seen.last_at,
    )


def _sampled(known: Mapping[int, bool], more: Mapping[int, bool] | None) -> Mapping[int, bool]:
    """Of all who came so far those with the smallest numbers, each as last seen."""
    if not more:
        return known
    everybody = {**known, **more}
    return {who: everybody[who] for who in sorted(everybody)[:MOST_PEOPLE]}

"""The judge of a canary: figures of one look in, a verdict with its numbers and its reason out.

Pure: no clock, no database. `seen.look` adds one minute's figures to what a step knows; `judge`
says what follows. Rolling back comes before everything, and nothing that waits for a person (an
approval, a freeze, an open gate) switches it off: it only keeps the next step from beginning.

Where figures are too few, missing or not those of the cohort, the judge holds. It neither goes on
nor rolls back by guess: when a hold is over, what is above its limit is rolled back and the rest
is a person's to decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import log
from typing import Any

from deployments.canary.evidence import Evidence, interval
from deployments.canary.limits import Limits
from deployments.canary.seen import Seen

# Of chi-square with one degree of freedom: passed by one of a thousand honest splits.
SPLIT_LIMIT = 10.828
# Below that many expected on either side the square says nothing.
SPLIT_LEAST = 5.0


class Verdict(StrEnum):
    ROLLBACK = "rollback"
    HOLD = "hold"
    KEEP = "keep"
    ADVANCE = "advance"
    ASK = "ask"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Where the step stands when it is judged."""

    now: datetime
    started_at: datetime
    dwell: timedelta
    percent: int
    # Since when it is held, and by which rule. None: not held.
    held_since: datetime | None = None
    held_for: str = ""
    # Of the whole plan: each step is one more chance for a false alarm, each minute one more look.
    steps: int = 3
    planned: timedelta = timedelta(minutes=120)
    # Sentences that stand in the way of the next step: a freeze, an open gate, no consent.
    waiting_for: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    verdict: Verdict
    # Stable: a key of RULES. Tests, pages and signals name it.
    rule: str
    reason: str
    numbers: dict[str, Any] = field(default_factory=dict)
    # Since when it is held. None: it isn't, or only for a person.
    held_since: datetime | None = None


RULES = {
    "safeguard": "a safeguard was violated",
    "asserted": "a reported rate is above its limit",
    "proof": "it is proven that the share is above its limit",
    "limit": "the share is above its limit, look after look",
    "above": "the share was still above its limit when the hold ended",
    "no_data": "no figures come in",
    "split": "the cohort is not the share of people that it should be",
    "few": "too few requests to tell",
    "dwell": "the step runs its time",
    "waiting": "something stands in the way of the next step",
    "passed": "the step passed",
}


def judge(seen: Seen, situation: Situation, limits: Limits) -> Ruling:
    """What follows from all that the step has seen. The first rule that applies decides."""
    found = (
        _violations(seen, limits)
        or _asserted(seen, limits)
        or _proven(seen, situation, limits)
        or _literally_above(seen, situation, limits)
        or _unclear(seen, situation, limits)
    )
    told = numbers(seen, situation, limits) | found.numbers
    return replace(found, numbers=told, held_since=_held_since(found, situation))


# --- Back ---------------------------------------------------------------------------------------


def _violations(seen: Seen, limits: Limits) -> Ruling | None:
    if seen.violations <= limits.max_violations:
        return None
    count = seen.violations
    return _back("safeguard", f"{count} safeguard violation{'s' * (count != 1)} in the cohort")


def _asserted(seen: Seen, limits: Limits) -> Ruling | None:
    if seen.error_rate is not None and seen.error_rate > limits.max_error_rate:
        return _back(
            "asserted", f"errors reported at {percent(seen.error_rate)}, {_allowed(limits)}"
        )
    ratio = seen.latency_ratio
    if ratio is not None and ratio > limits.max_latency_ratio:
        most = limits.max_latency_ratio
        return _back("asserted", f"p95 reported at {ratio:.1f} x the baseline, {most:g} x allowed")
    return None


def _proven(seen: Seen, situation: Situation, limits: Limits) -> Ruling | None:
    by_total, by_recent = thresholds(situation, limits)
    for name, evidence in (("errors", seen.errors), ("slow", seen.slow)):
        if evidence.bad < limits.min_errors:
            continue
        if evidence.log_total >= by_total or evidence.log_recent >= by_recent:
            return _back("proof", _of(name, seen, limits), name, seen, limits)
    return None


def _literally_above(seen: Seen, situation: Situation, limits: Limits) -> Ruling | None:
    least = limits.literal_from
    for name, evidence in (("errors", seen.errors), ("slow", seen.slow)):
        if least is None or evidence.n < least or evidence.above < limits.confirm_ticks:
            continue
        looks = f"at {evidence.above} looks in a row"
        return _back("limit", f"{_of(name, seen, limits)}, {looks}", name, seen, limits)
    return None


def _back(rule: str, reason: str, name: str = "", *of: Any) -> Ruling:
    extra = {"confounded": _confounded(name, *of)} if name else {}
    if extra.get("confounded"):
        reason += "; everybody else is above it too, so the flag may not be the cause"
    return Ruling(verdict=Verdict.ROLLBACK, rule=rule, reason=reason, numbers=extra)


def _confounded(name: str, seen: Seen, limits: Limits) -> bool:
    """The playbook's rule stays, the blame doesn't: those without the flag fail as well."""
    if seen.others < limits.min_samples:
        return False
    if name == "errors":
        return seen.others_errors > limits.max_error_rate * seen.others
    return seen.others_slow > limits.max_slow_share * seen.others


# --- Hold, keep, go on -------------------------------------------------------------------------


def _unclear(seen: Seen, situation: Situation, limits: Limits) -> Ruling:
    over = situation.now >= situation.started_at + situation.dwell
    held = situation.held_since is not None and (
        situation.now >= situation.held_since + situation.dwell * limits.max_holds
    )
    doubt = _doubt(seen, situation, limits, over=over)
    if doubt is None and not over:
        return Ruling(verdict=Verdict.KEEP, rule="dwell", reason=_left(situation))
    if doubt is None and situation.waiting_for:
        return Ruling(verdict=Verdict.HOLD, rule="waiting", reason="; ".join(situation.waiting_for))
    if doubt is None:
        return Ruling(verdict=Verdict.ADVANCE, rule="passed", reason=_summary(seen, limits))
    rule, reason = doubt
    # What was unclear before is no proof: above its limit it stands for a hold of its own.
    if not held or (rule == "above" and situation.held_for != "above"):
        return Ruling(verdict=Verdict.HOLD, rule=rule, reason=reason)
    if rule == "above":
        return _back(
            rule, reason, "errors" if _is_above(seen.errors, limits) else "slow", seen, limits
        )
    return Ruling(verdict=Verdict.ASK, rule=rule, reason=f"{reason}, and the hold is over")


def _held_since(ruling: Ruling, situation: Situation) -> datetime | None:
    """Waiting for a person is no doubt about the figures: its time does not run out."""
    if ruling.verdict not in (Verdict.HOLD, Verdict.ASK) or ruling.rule == "waiting":
        return None
    if ruling.rule == "above" and situation.held_for != "above":
        return situation.now
    return situation.held_since or situation.now


def _doubt(
    seen: Seen, situation: Situation, limits: Limits, *, over: bool
) -> tuple[str, str] | None:
    quiet = situation.now - (seen.last_at or situation.started_at)
    if quiet >= limits.stale_after:
        return "no_data", f"no figures for {_minutes(quiet)}"
    if (square := split(seen, situation.percent)) > SPLIT_LIMIT:
        share = seen.on / (seen.on + seen.off)
        return "split", (
            f"{percent(share)} of those asked about are in the cohort instead of"
            f" {situation.percent} % (chi-square {square:.0f})"
        )
    if not over:
        return None
    # A rate says nothing of how many it is of: beyond its limit it rolls back, within it the
    # sample is still what was counted.
    if seen.errors.n < limits.min_samples:
        counted = " counted" if seen.error_rate is not None else ""
        return "few", f"{seen.errors.n} requests{counted}, {limits.min_samples} are needed"
    for name, evidence in (("errors", seen.errors), ("slow", seen.slow)):
        if evidence.bad > _limit(name, limits) * evidence.n:
            return "above", _of(name, seen, limits)
    return None


def split(seen: Seen, percent: int) -> float:
    """How far the cohort's size is from its share of people, as a chi-square."""
    asked, share = seen.on + seen.off, percent / 100
    if not 0 < share < 1 or asked * min(share, 1 - share) < SPLIT_LEAST:
        return 0.0
    expected = asked * share
    return (seen.on - expected) ** 2 / expected + (seen.off - asked + expected) ** 2 / (
        asked - expected
    )


# --- Numbers and words --------------------------------------------------------------------------


def thresholds(situation: Situation, limits: Limits) -> tuple[float, float]:
    """Logarithms that the two bets must reach. One false alarm in a whole healthy rollout has the
    chance alpha: shared by the steps, and by the looks of the plan with all its holds."""
    looks = 2 * situation.planned / timedelta(minutes=1)
    return log(max(1, situation.steps) / limits.alpha), log(max(1.0, looks) / limits.alpha)


def numbers(seen: Seen, situation: Situation, limits: Limits) -> dict[str, Any]:
    """What the verdict rests on, as the page draws it and the event keeps it."""
    by_total, by_recent = thresholds(situation, limits)
    told: dict[str, Any] = {
        "requests": seen.errors.n,
        "violations": seen.violations,
        "others": seen.others,
        "split": round(split(seen, situation.percent), 2),
    }
    for name, evidence in (("errors", seen.errors), ("slow", seen.slow)):
        low, high = interval(evidence.bad, evidence.n)
        bets = evidence.log_total, evidence.log_recent
        proof = max(bets[0] / by_total, bets[1] / by_recent, 0.0)
        told[name] = {
            "count": evidence.bad,
            "share": round(evidence.share, 6),
            "limit": _limit(name, limits),
            "low": round(low, 6),
            "high": round(high, 6),
            # Of the way to proof: 1 rolls back.
            "proof": round(min(proof, 1.0), 4),
            # What the bets have grown to and what they must reach, as powers of ten: of the whole
            # step, and of what came lately.
            "bets": [_tens(each) for each in bets],
            "needed": [_tens(each) for each in (by_total, by_recent)],
            "above": evidence.above,
        }
    return told


def _tens(logarithm: float) -> float:
    """JSON has no minus infinity; a bet that far down is lost."""
    return round(max(logarithm / log(10), -99.0), 3)


def _limit(name: str, limits: Limits) -> float:
    return limits.max_error_rate if name == "errors" else limits.max_slow_share


def _is_above(evidence: Evidence, limits: Limits) -> bool:
    return evidence.bad > limits.max_error_rate * evidence.n


def _of(name: str, seen: Seen, limits: Limits) -> str:
    evidence = seen.errors if name == "errors" else seen.slow
    counts = f"{evidence.bad} of {evidence.n}"
    if name == "errors":
        return f"{counts} requests failed ({percent(evidence.share)}, {_allowed(limits)})"
    return (
        f"{counts} requests took more than {limits.max_latency_ratio:g} x the baseline's p95"
        f" ({percent(evidence.share)}, {percent(limits.max_slow_share)} allowed)"
    )


def _summary(seen: Seen, limits: Limits) -> str:
    return f"{_of('errors', seen, limits)}; {_of('slow', seen, limits)}"


def _allowed(limits: Limits) -> str:
    return f"{percent(limits.max_error_rate)} allowed"


def percent(share: float) -> str:
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + " %"


def _left(situation: Situation) -> str:
    span = situation.started_at + situation.dwell - situation.now
    if span < timedelta(minutes=1):
        return "less than a minute to go"
    return f"{_minutes(span)} to go"


def _minutes(span: timedelta) -> str:
    minutes = max(1, round(span / timedelta(minutes=1)))
    return f"{minutes} minute{'s' * (minutes != 1)}"

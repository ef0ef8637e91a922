"""What the names and codes in the packet of a rollout are called by people."""

from __future__ import annotations

from controlplane.approvals.models import Request
from controlplane.approvals.shown.packet import Terms
from deployments.canary.limits import JUDGES
from deployments.models import Rollout

# Shares stay as they are signed: 0.02 is 2 %, and the name says which of the two it is.
NAMES = {
    "limits": "It is rolled back, or held, beyond",
    "judge": "Judged by",
    "max_error_rate": "Failed requests, as a share (0.02 is 2 %)",
    "max_latency_ratio": "A request is slow from, times the baseline's p95",
    "max_slow_share": "Slow requests, as a share",
    "max_violations": "Safeguard violations allowed",
    "alpha": "False alarms among healthy rollouts, as a share for each test",
    "min_samples": "Least sample, in requests",
    "literal_samples": "The plain limit counts from, in requests",
    "confirm_ticks": "Looks in a row above the plain limit",
    "min_errors": "Least failed requests for a proof",
    "stale_after": "Held after so long without figures, in seconds",
    "max_holds": "Held for at most, times the length of a step",
    "steps": "Steps: percent of users, minutes",
    "source": "Where its figures come from",
    "asking": "What is asked there",
    "reporter": "Who may post figures",
    "automatic": "Goes on by itself",
    "before": "As it is served now",
    "after": "As it is served at each step",
    "on_while_off": "Others that are on while it is off",
    "prerequisites": "Flags it needs",
}


def in_words(request: Request, desk: bool) -> Terms:
    judges = {str(code): words for code, words in JUDGES.items()}
    return Terms(names=NAMES, codes={"judge": judges, "source": dict(Rollout.Source.choices)})

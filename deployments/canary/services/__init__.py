"""Verbs of rollouts. Doors, the tick and other packages call these and nothing else."""

from __future__ import annotations

from deployments.canary.services.changing import change_rollout
from deployments.canary.services.consent import ask_consent
from deployments.canary.services.figures import post_figures
from deployments.canary.services.going import pause, promote, resume, start
from deployments.canary.services.leaving import cancel, complete, roll_back
from deployments.canary.services.planning import plan, take_baseline

__all__ = [
    "ask_consent",
    "cancel",
    "change_rollout",
    "complete",
    "pause",
    "plan",
    "post_figures",
    "promote",
    "resume",
    "roll_back",
    "start",
    "take_baseline",
]

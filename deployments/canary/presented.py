"""What rollouts tell the packages below: the owner of their consent, words of the log."""

from __future__ import annotations

from controlplane.audit import words
from deployments.canary.services import consent, leaving
from deployments.services import closing


def register() -> None:
    consent.register()
    closing.ALONG.append(leaving.along)
    words.define(
        "rollout",
        {
            "plan": "plan/planned the rollout",
            "plan:baseline_taken": "take/took the baseline of the rollout",
            "plan:cancelled": "cancel/cancelled the rollout",
            "promote": "bring/brought on the rollout",
            "promote:stabilizing": "bring/brought the rollout to its end",
            "promote:completed": "document/documented how the rollout went",
            "pause": "pause/paused the rollout",
            "rollback": "roll/rolled back the rollout",
            "held": "hold/held the rollout",
        },
    )

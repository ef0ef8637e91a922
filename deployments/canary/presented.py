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
            "promote": "bring/brought on the rollout",
            "pause": "pause/paused the rollout",
            "rollback": "roll/rolled back the rollout",
            "held": "hold/held the rollout",
        },
    )

"""One look at each rollout a minute."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import timedelta

from controlplane.jobs.registry import job
from deployments.canary.services.looking import tick
from deployments.models import Rollout

logger = logging.getLogger(__name__)


@job("canary.tick", every=timedelta(seconds=60), time_limit=300, doc="Look at canary rollouts.")
def tick_all() -> dict[str, int]:
    counts: Counter[str] = Counter()
    rows = Rollout.objects.watched().select_related("flag", "environment", "baseline", "deployment")
    for rollout in rows.order_by("pk").iterator(chunk_size=200):
        try:
            counts[tick(rollout)] += 1
        except Exception:
            # One rollout's trouble must not keep the others from being looked at.
            logger.exception("rollout %s was not looked at", rollout.ref)
            counts["failed"] += 1
    return dict(counts)

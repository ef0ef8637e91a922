"""One look at each rollout a minute."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from controlplane.jobs.registry import job
from controlplane.lib import clock
from deployments.canary.services.looking import tick, window
from deployments.canary.sources import Reading, telemetry
from deployments.models import Rollout

logger = logging.getLogger(__name__)
TOGETHER = 200


@job("canary.tick", every=timedelta(seconds=60), time_limit=300, doc="Look at canary rollouts.")
def tick_all() -> dict[str, int]:
    counts: Counter[str] = Counter()
    now = clock.now()
    for some in _batches():
        readings = _readings(some, now)
        for rollout in some:
            try:
                counts[tick(rollout, now=now, reading=readings.get(rollout.pk))] += 1
            except Exception:
                # One rollout's trouble must not keep the others from being looked at.
                logger.exception("rollout %s was not looked at", rollout.ref)
                counts["failed"] += 1
    return dict(counts)


def _batches() -> Iterator[list[Rollout]]:
    rows = Rollout.objects.watched().select_related("flag", "environment", "baseline", "deployment")
    after = 0
    while some := list(rows.filter(pk__gt=after).order_by("pk")[:TOGETHER]):
        after = some[-1].pk
        yield some


def _readings(rollouts: Sequence[Rollout], now: datetime) -> dict[int, Reading]:
    """Those of the portal's own telemetry, in one question for each environment and window."""
    alike: dict[tuple[int, datetime, datetime], list[Rollout]] = defaultdict(list)
    for each in rollouts:
        start, end = window(each, now)
        if each.source == Rollout.Source.TELEMETRY and start < end:
            alike[each.environment_id, start, end].append(each)
    found: dict[int, Reading] = {}
    for (_, start, end), some in alike.items():
        found |= telemetry.read_many(some, start, end)
    return found

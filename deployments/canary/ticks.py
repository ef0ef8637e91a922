"""One look at each rollout a minute."""

from __future__ import annotations

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from controlplane.jobs.registry import job
from controlplane.lib import clock
from deployments.canary.numbers import OUTSIDE_SECONDS
from deployments.canary.services.looking import read, tick, window
from deployments.canary.services.together import look_together
from deployments.canary.sources import Reading, impact, telemetry
from deployments.models import Rollout

logger = logging.getLogger(__name__)
TOGETHER = 200
READ_HERE = (Rollout.Source.TELEMETRY, Rollout.Source.IMPACT)
ASKED_AT_ONCE = 8  # servers outside


@job("canary.tick", every=timedelta(seconds=60), time_limit=300, doc="Look at canary rollouts.")
def tick_all() -> dict[str, int]:
    counts: Counter[str] = Counter()
    now = clock.now()
    outside: list[Rollout] = []
    for some in _batches():
        outside += [each for each in some if each.source == Rollout.Source.PROMETHEUS]
        here = [each for each in some if each.source != Rollout.Source.PROMETHEUS]
        readings = _readings(here, now)
        looked = look_together(here, readings, now)
        counts += looked.counts
        for rollout in looked.rest:
            counts[_one(rollout, now, reading=readings.get(rollout.pk))] += 1
    # Last: a server that hangs keeps nobody else's rollout from being looked at.
    for rollout, reading, trouble in _asked(outside, now):
        counts[_one(rollout, now, reading=reading, trouble=trouble)] += 1
    return dict(counts)


def _one(
    rollout: Rollout, now: datetime, *, reading: Reading | None = None, trouble: str = ""
) -> str:
    """One rollout's trouble must not keep the others from being looked at."""
    try:
        return tick(rollout, now=now, reading=reading, trouble=trouble)
    except Exception:
        logger.exception("rollout %s was not looked at", rollout.ref)
        return "failed"


def _batches() -> Iterator[list[Rollout]]:
    rows = Rollout.objects.watched().select_related("flag", "environment", "baseline", "deployment")
    after = 0
    while some := list(rows.filter(pk__gt=after).order_by("pk")[:TOGETHER]):
        after = some[-1].pk
        yield some


def _readings(rollouts: Sequence[Rollout], now: datetime) -> dict[int, Reading]:
    """What is in the portal's own database: its telemetry in one question for each environment
    and window, and the impact metrics of each. Who is left out is read when looked at alone."""
    found: dict[int, Reading] = {}
    alike: dict[tuple[int, datetime, datetime, int], list[Rollout]] = defaultdict(list)
    for each in rollouts:
        start, end = window(each, now)
        if each.source in READ_HERE and start < end:
            alone = each.pk if each.source == Rollout.Source.IMPACT else 0
            alike[each.environment_id, start, end, alone].append(each)
    for (_, start, end, alone), some in alike.items():
        try:
            if alone:
                found[alone] = impact.read(some[0], start, end)
            else:
                found |= telemetry.read_many(some, start, end)
        except Exception:
            logger.exception("the figures of %s rollouts could not be read together", len(some))
    return found


def _asked(
    rollouts: Sequence[Rollout], now: datetime
) -> Iterator[tuple[Rollout, Reading | None, str]]:
    """What servers outside answer, several at a time. Those whose turn did not come in time are
    looked at without figures: the next minute reads what this one missed."""
    if not rollouts:
        return
    begun = time.monotonic()

    def ask(rollout: Rollout) -> tuple[Reading | None, str]:
        if time.monotonic() - begun > OUTSIDE_SECONDS.value:
            return None, "the servers asked before it took too long"
        return read(rollout, *window(rollout, now))

    with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
        for rollout, (reading, trouble) in zip(rollouts, pool.map(ask, rollouts), strict=True):
            yield rollout, reading, trouble

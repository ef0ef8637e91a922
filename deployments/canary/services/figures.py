"""Figures of a rollout, kept: snapshots for good, looks for the curves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from deployments.canary.seen import Figures, Seen
from deployments.canary.services import noting
from deployments.canary.services.holding import current_step, hold, require_status
from deployments.canary.sources import Baseline, Reading
from deployments.canary.sources.posted import reading_of
from deployments.models import Rollout, RolloutSample, RolloutStep, Snapshot
from deployments.watch.snapshots import ready_queue

READY = 10


def snapshot(
    rollout: Rollout,
    found: Baseline,
    *,
    actor: Actor,
    phase: str,
    start: datetime | None = None,
    note: str = "",
) -> Snapshot:
    """The four figures of the playbook: error rate, p95, safeguard violations, what is ready."""
    end = clock.now()
    return Snapshot.objects.create(
        workspace_id=rollout.workspace_id,
        deployment=rollout.deployment,
        phase=phase,
        starts_at=start or end - timedelta(minutes=30),
        ends_at=end,
        figures={
            "error_rate": found.error_rate,
            "p95_ms": found.p95_ms,
            "requests": found.requests,
            "safeguard_violations": found.violations,
            "ready": ready_queue(rollout.workspace_id)[:READY],
        },
        taken_by=actor.ref[:80],
        note=note[:500],
    )


def of_step(step: RolloutStep) -> Baseline:
    """What a step has seen, as a snapshot tells it. p95 of its busiest look: percentiles of
    minutes don't add up, and the worst that many people felt is what is asked for."""
    seen = Seen.read(step.seen)
    busiest = step.samples.exclude(p95_ms=None).order_by("-n", "-at").first()
    rate: float | None = seen.errors.share if seen.errors.n else seen.error_rate
    return Baseline(
        requests=seen.errors.n,
        error_rate=rate,
        p95_ms=busiest.p95_ms if busiest else None,
        violations=seen.violations,
    )


def look_of(step: RolloutStep, at: datetime, reading: Reading) -> RolloutSample:
    """One look's counts, for the curves; not saved yet."""
    told = reading.figures
    return RolloutSample(
        step=step,
        at=at,
        n=told.n,
        errors=told.errors,
        slow=told.slow,
        p95_ms=reading.p95_ms,
        violations=told.violations,
        others=told.others,
        others_errors=told.others_errors,
        others_slow=told.others_slow,
        others_p95_ms=reading.others_p95_ms,
        asked_on=told.on,
        asked_off=told.off,
        error_rate=told.error_rate,
        latency_ratio=told.latency_ratio,
    )


def keep_looks(looks: list[RolloutSample]) -> None:
    """That they count once is `read_until`'s promise; a look and a post of the very same moment
    are one point."""
    RolloutSample.objects.bulk_create(looks, ignore_conflicts=True)


@transaction.atomic
def post_figures(
    rollout: Rollout, given: dict[str, Any], *, actor: Actor, at: datetime | None = None
) -> Rollout:
    """Figures from outside, judged at once: what is beyond a limit rolls back in this very
    transaction. The same moment twice is a conflict, so that a repeated post counts once. Only
    where the plan says that figures are posted: beside a source of its own they would decide."""
    from deployments.canary.services.looking import judge_now

    policy.require(actor, "rollout.report", rollout)
    row = hold(rollout)
    if row.source != Rollout.Source.POSTED:
        raise Conflict(
            f"Its figures come from {row.get_source_display()}; nothing is posted to it."
        )
    base = row.baseline.figures.get("p95_ms") if row.baseline is not None else None
    reading = reading_of(given, base_p95=base)
    require_status(row, "running", "held", "paused")
    step = current_step(row)
    now = clock.now()
    at = min(at or now, now)
    if step is None or step.started_at is None or at < step.started_at:
        raise Conflict("These figures are from before the step that runs now.")
    if step.samples.filter(at=at).exists():
        raise Conflict("Figures of this moment are there already.")
    noting.decide(row, "figures", actor=actor, step=step, numbers=_told(reading.figures))
    judge_now(row, step, reading, at=at, now=now)
    return row


def _told(figures: Figures) -> dict[str, Any]:
    return {
        name: getattr(figures, name)
        for name in figures.__slots__
        if getattr(figures, name) is not None
    }

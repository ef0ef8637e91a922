"""What the watch tells operators of deployments: a schema that is not what the code has, steps that
nobody begins or ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from controlplane.jobs import watch
from controlplane.lib import defaults
from deployments import schema
from deployments.models import Step

STUCK_SECONDS = defaults.define(
    "deployments.step_stuck_s",
    120.0,
    unit="seconds",
    why="Offered eight times by then; a worker that lives takes a step within a second.",
)
_MOST = 5


@watch.probe("deployments.schema")
def drifted() -> Iterator[watch.Finding]:
    seen = schema.last_seen()
    if seen is not None and seen.findings:
        message = f"The schema is not what the code has: {'; '.join(seen.findings)}"
        yield watch.Finding("schema", "drift", message[:500], critical=False)


@watch.probe("deployments.steps")
def stuck_steps() -> Iterator[watch.Finding]:
    """Asked for and not begun, or with a lease that ended and that nobody buried."""
    late = Now() - timedelta(seconds=STUCK_SECONDS.value)
    waits = Q(started_at=None, asked_at__lte=late, deployment__status="deploying")
    rows = Step.objects.filter(state="running", token__isnull=False)
    rows = rows.filter(waits | Q(started_at__isnull=False, lease_until__lte=late))
    for step in rows.select_related("deployment").order_by("asked_at")[:_MOST]:
        what = "nobody begins it" if step.started_at is None else "its worker is silent"
        message = f"“{step.title}” of {step.deployment.ref} is stuck: {what}."
        yield watch.Finding("step", str(step.uid), message, critical=False)

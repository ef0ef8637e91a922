"""How a step's row moves: one compare-and-set for each move, an attempt kept for each end."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import F

from controlplane.lib import clock
from controlplane.lib.errors import Conflict
from deployments.models import Step, StepAttempt


def move(step: Step, to: str, *, from_: str, **changes: Any) -> Step:
    """Callers hold the deployment. The version they saw must still stand."""
    rows = Step.objects.filter(pk=step.pk, state=from_, version=step.version)
    if not rows.update(state=to, version=F("version") + 1, **changes):
        raise Conflict("Somebody changed the step since you looked. Look again.")
    step.refresh_from_db()
    return step


def end(step: Step, to: str, *, from_: str, **changes: Any) -> Step:
    """A try is over: done, failed or skipped. How it went is kept for good."""
    changes.setdefault("finished_at", max(clock.now(), step.started_at or clock.now()))
    changes.setdefault("attempt", step.attempt + (step.state != "running"))
    moved = move(step, to, from_=from_, token=None, lease_until=None, **changes)
    StepAttempt.objects.create(
        step=moved,
        attempt=moved.attempt,
        state=moved.state,
        adapter_slug=moved.adapter.slug if moved.adapter is not None else "",
        command=moved.command,
        started_at=moved.started_at,
        finished_at=moved.finished_at or clock.now(),
        by=moved.by,
        exit_code=moved.exit_code,
        output=moved.output,
        outcome=moved.outcome,
    )
    return moved


def fresh_token() -> uuid.UUID:
    return uuid.uuid4()

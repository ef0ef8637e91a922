"""What runs by itself, and what a worker does when it is sent a step."""

from __future__ import annotations

from controlplane.jobs.celery_app import app
from deployments import jobs as _jobs  # noqa: F401 - known to every process
from deployments.canary import ticks as _ticks  # noqa: F401
from deployments.steps import worker

# Longer than any adapter may take.
_LIMIT = 7_500


@app.task(name="deployments.step", time_limit=_LIMIT, expires=600)
def run_step(step_id: int, token: str) -> None:
    worker.perform(step_id, token)


def send_step(step_id: int, token: str) -> None:
    run_step.apply_async(args=[step_id, token], expires=600, retry=False)

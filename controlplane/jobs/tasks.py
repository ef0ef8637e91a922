"""What Celery runs: the tick, and single job runs. Both are strokes over rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.jobs import alarms, engine, heartbeats, obligations, runs, timers
from controlplane.jobs.celery_app import app
from controlplane.jobs.models import JobRun, Timer
from controlplane.jobs.registry import JOBS, job


@app.task(name="jobs.tick", time_limit=45, soft_time_limit=40, expires=5)
def tick(sender: str = "beat") -> None:
    """One turn of the engine. A tick that came from beat proves the whole path by its arrival."""
    if sender == "beat":
        heartbeats.beat("tick")
    engine.tick(instance=heartbeats.instance())


@app.task(name="jobs.run", time_limit=3600, expires=600)
def run_job(run_id: int) -> None:
    runs.execute(run_id, instance=heartbeats.instance())


def send_run(run: JobRun) -> None:
    """As a message, with the time limit of its job."""
    limit = JOBS[run.name].time_limit
    run_job.apply_async(
        args=[run.pk], time_limit=limit + 10, soft_time_limit=limit, expires=600, retry=False
    )


def _jobs(deadline: float) -> int:
    made = len(runs.schedule_due())
    runs.send_waiting(runs.sender(usual=send_run))
    return made


engine.module("jobs.timers", timers.work, rows=Timer, order=30)
engine.module("jobs.schedule", _jobs, every=timedelta(seconds=1), order=10)


@job(
    "jobs.clean_up",
    at="02:40",
    time_limit=300,
    doc="Forget processes and alarms that ended long ago.",
)
def clean_up() -> dict[str, Any]:
    return {"heartbeats": heartbeats.delete_old(), "alarms": alarms.delete_old()}


@job(
    "obligations.open_due",
    every=timedelta(minutes=15),
    time_limit=120,
    doc="Make the records of the periods that have begun, for every workspace.",
)
def open_obligations() -> dict[str, Any]:
    return {"opened": obligations.open_due()}

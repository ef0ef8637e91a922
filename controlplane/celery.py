"""Celery's entry point (`celery -A controlplane.celery worker`) and the one beat table.

Beat only ticks. What is due stands in rows: `manage.py jobs` lists every job with its schedule,
and two beats, or a beat and `manage.py engine`, cannot run anything twice.
"""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")

import django

django.setup()

from controlplane.jobs import forks, hands  # noqa: E402  (apps must be ready first)
from controlplane.jobs.celery_app import TICKS, app  # noqa: E402

# Clean-up, telemetry audits, wake triggers and every other job come due by these ticks: the
# engine's modules turn each second, and its `jobs.schedule` module starts what
# `controlplane.jobs.registry.JOBS` says.
BEAT: dict[str, dict[str, object]] = {
    "engine tick": {
        "task": "jobs.tick",
        "schedule": 1.0,
        "kwargs": {"sender": "beat"},
        "options": {"queue": TICKS, "expires": 5},
    },
}

app.conf.beat_schedule = BEAT
app.conf.imports = ("controlplane.jobs.tasks",)
forks.install()
hands.install()

__all__ = ["BEAT", "app"]

"""Celery's entry point (`celery -A controlplane.celery worker`) and the one beat table.

Beat only ticks. What is due stands in rows: `manage.py jobs` lists every job with its schedule,
and two beats, or a beat and `manage.py engine`, cannot run anything twice.
"""

from __future__ import annotations

import os

from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")

import django

django.setup()

from controlplane.jobs import forks, hands  # noqa: E402  (apps must be ready first)
from controlplane.jobs.celery_app import TICKS, app  # noqa: E402
from deployments.flags.serving import processes as flags  # noqa: E402
from missions.threads import told  # noqa: E402

# Every job comes due by these ticks: the engine's modules turn each second, and its
# `jobs.schedule` module starts what the jobs' rows say is due.
BEAT: dict[str, dict[str, object]] = {
    "engine tick": {
        "task": "jobs.tick",
        "schedule": 1.0,
        "kwargs": {"sender": "beat"},
        "options": {"queue": TICKS, "expires": 5},
    },
    # The day's clean-up starts on the minute also where the second's tick is slowed down.
    "clean-up": {
        "task": "jobs.tick",
        "schedule": crontab(hour="2", minute="41"),
        "kwargs": {"sender": "clean-up"},
        "options": {"queue": TICKS, "expires": 60},
    },
}

app.conf.beat_schedule = BEAT
app.conf.imports = ("controlplane.jobs.tasks",)
forks.install()
hands.install()
flags.install()
told.install()

__all__ = ["BEAT", "app"]

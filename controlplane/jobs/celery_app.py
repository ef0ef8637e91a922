"""The Celery application and its settings. The beat table is in `controlplane.celery`.

Here, below everything that publishes, because a web process must know the broker too: without
an application of ours, Celery would fall back to one that talks to nobody.

Celery is the engine that runs rows, and nothing here is trusted to keep them: messages may
vanish, repeat or be late. The settings only decide how soon it recovers.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from django.conf import settings
from kombu import Exchange, Queue

from controlplane.jobs.celery_task import PortalTask

TICKS = "engine"  # ticks only: may be emptied at any time
WORK = "work"  # job runs: may be emptied too, the sweep sends them again


def options() -> dict[str, Any]:
    """reliability before speed; every number has its reason beside it."""
    return {
        "broker_url": settings.REDIS_URL,
        "result_backend": None,
        "task_ignore_result": True,
        "task_store_errors_even_if_ignored": False,
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "task_default_queue": WORK,
        # Each with an exchange of its own: left out, both would be bound to the default one, and
        # every message would arrive in both.
        "task_queues": [
            Queue(name, Exchange(name, type="direct"), routing_key=name) for name in (TICKS, WORK)
        ],
        "task_routes": {"jobs.tick": {"queue": TICKS}},
        "task_create_missing_queues": False,
        "timezone": "UTC",
        "enable_utc": True,
        # A task killed with its worker is delivered again; with rows as the truth, twice is fine.
        "task_acks_late": True,
        # A task that kills its worker would be requeued for ever; the row's attempts bound it.
        "task_reject_on_worker_lost": False,
        "task_time_limit": 300,
        "task_soft_time_limit": 270,
        # One in hand: what a worker reserves waits with it when it hangs.
        "worker_prefetch_multiplier": 1,
        "worker_max_tasks_per_child": 5_000,
        "worker_max_memory_per_child": 400_000,
        "worker_cancel_long_running_tasks_on_connection_loss": True,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_send_task_events": False,
        "worker_enable_remote_control": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_connection_timeout": 2,
        "broker_transport_options": {
            # Longer than any time limit below, or a long task is delivered a second time.
            "visibility_timeout": 4 * 3600,
            # The sweep for messages of dead workers: each 5 s, not each 100.
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_timeout": 10,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
            "health_check_interval": 10,
        },
        "beat_max_loop_interval": 1,
        "beat_schedule_filename": os.fspath(settings.STATE_DIR / "run" / "beat-schedule"),
        # The worker fix-up would close the whole pool around each task; PortalTask hands the
        # connection back instead.
        "CELERY_DB_REUSE_MAX": 1_000_000_000,
    }


app = Celery("controlplane", task_cls=PortalTask)
app.conf.update(options())
app.set_default()

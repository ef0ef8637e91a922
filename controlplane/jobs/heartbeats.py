"""Signs of life: which process of which component was alive when, by the database's clock."""

from __future__ import annotations

import os
import socket
import threading
import time
from datetime import timedelta

from django.conf import settings
from django.db.models import F, Max
from django.db.models.functions import Now

from controlplane.jobs import metrics_files
from controlplane.jobs.models import Heartbeat
from controlplane.lib import defaults

EVERY = defaults.define(
    "jobs.heartbeat_s", 5.0, unit="seconds", why="A process writes its sign of life this often."
)
STALE = defaults.define(
    "jobs.heartbeat_stale_s",
    15.0,
    unit="seconds",
    why="Three missed beats: a component counts as silent.",
)
COMPONENTS = ("web", "stream", "worker", "beat", "tick", "waker")

_lock = threading.Lock()
_last: dict[tuple[int, str], float] = {}


def instance(pid: int | None = None) -> str:
    return f"{socket.gethostname()}:{pid or os.getpid()}"[:120]


def beat(component: str, instance_name: str | None = None) -> bool:
    """Write a sign of life, at most each `EVERY` seconds per process. False when too early."""
    key = (os.getpid(), component)
    with _lock:
        now = time.monotonic()
        if now - _last.get(key, float("-inf")) < EVERY.value:
            return False
        _last[key] = now
    write(component, instance_name or instance())
    metrics_files.keep_alive()
    return True


def write(component: str, instance_name: str) -> None:
    row = Heartbeat(component=component, instance=instance_name, version=settings.VERSION)
    row.at = Now()
    Heartbeat.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["component", "instance"],
        update_fields=["at", "version"],
    )


def stop(component: str, instance_name: str | None = None) -> None:
    """A process that ends on purpose takes its sign of life along."""
    Heartbeat.objects.filter(component=component, instance=instance_name or instance()).delete()


def ages() -> dict[str, float]:
    """Seconds since the newest sign of each component; components never seen are missing."""
    newest = (
        Heartbeat.objects.filter(component__in=COMPONENTS)
        .values("component")
        .annotate(age=Now() - Max("at"))
        .values_list("component", "age")
    )
    return {component: age.total_seconds() for component, age in newest}


def living(component: str) -> list[Heartbeat]:
    horizon = Now() - timedelta(seconds=STALE.value)
    return list(
        Heartbeat.objects.filter(component=component, at__gte=horizon).annotate(age=Now() - F("at"))
    )


def delete_old() -> int:
    deleted, _ = Heartbeat.objects.filter(at__lt=Now() - timedelta(days=1)).delete()
    return deleted

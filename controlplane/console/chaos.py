"""Kill the portal's own processes at random while it works, then audit what is left.

Real processes against a database of their own: a Celery worker, two beats, an engine without a
broker. SIGKILL takes a whole process group or a single child; the broker is emptied. Every victim
comes back at once, as a supervisor would bring it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from django.conf import settings
from django.db import connection, connections

from controlplane.console import chaos_rows
from controlplane.jobs import broker, heartbeats
from controlplane.jobs.models import Heartbeat

_CELERY = (sys.executable, "-m", "celery", "-A", "controlplane.celery", "--quiet")
PROGRAMS: dict[str, tuple[str, ...]] = {
    "worker": (
        *_CELERY,
        "worker",
        "--concurrency=2",
        "--without-mingle",
        "--without-gossip",
        "--include=controlplane.console.chaos_rows",
        "--loglevel=WARNING",
    ),
    "beat 1": (*_CELERY, "beat", "--pidfile=", "--loglevel=WARNING"),
    "beat 2": (*_CELERY, "beat", "--pidfile=", "--loglevel=WARNING"),
    "engine": (sys.executable, "manage.py", "chaos", "--turn"),
}
# Short leases, so that what a victim held comes back within the test.
_SHORT = {
    "CONTROLPLANE_JOBS_TIMER_LEASE_S": "3",
    "CONTROLPLANE_SIGNALS_LEASE_S": "3",
    "CONTROLPLANE_NOTIFY_OUTBOX_LEASE_SECONDS": "3",
    "CONTROLPLANE_NO_BOOTSTRAP": "1",
}


@dataclass
class Victims:
    """The processes that take part, and how to kill and revive them."""

    folder: Path
    environment: Mapping[str, str]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)

    def start(self, name: str) -> None:
        own = {**self.environment, "CONTROLPLANE_STATE_DIR": str(self.folder / name)}
        (self.folder / name / "run").mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(  # noqa: S603  (our own programs)
                PROGRAMS[name],
                cwd=settings.BASE_DIR,
                env=own,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ready(self) -> list[str]:
        """Those that have given a sign of life. Killing a process that is still starting proves
        little and keeps it from ever doing any work."""
        beating = set(Heartbeat.objects.values_list("instance", flat=True))
        return sorted(
            name
            for name, process in self.running.items()
            if heartbeats.instance(process.pid) in beating
        )

    def kill_one(self, random: Random) -> None:
        candidates = self.ready()
        if not candidates:
            return
        name = random.choice(candidates)
        children = _children(self.running[name].pid)
        if children and random.random() < 0.5:
            self.kills[f"{name} child"] += 1
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(children), signal.SIGKILL)
            return
        self.kills[name] += 1
        self._kill(name)
        self.start(name)

    def empty_broker(self) -> None:
        self.kills["broker emptied"] += 1
        client = broker.client()
        client.flushdb()
        client.close()

    def revive(self) -> None:
        for name, process in list(self.running.items()):
            if process.poll() is not None:
                self.start(name)

    def stop(self) -> None:
        for name in list(self.running):
            self._kill(name)

    def _kill(self, name: str) -> None:
        process = self.running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


def run(
    *, seconds: float, seed: int, folder: Path, database_url: str, broker_url: str
) -> tuple[chaos_rows.Audit, Counter[str]]:
    """Traffic and kills for `seconds`, then calm until everything is done or a minute is over.

    The caller's own database connection must lead to `database_url` too.
    """
    file = folder / "effects"
    environment = {
        **os.environ,
        **_SHORT,
        "DATABASE_URL": database_url,
        "REDIS_URL": broker_url,
        chaos_rows.FILE_VARIABLE: str(file),
    }
    victims = Victims(folder, environment)
    random = Random(seed)  # noqa: S311  (reproducible, not secret)
    acknowledged: list[str] = []
    try:
        for name in PROGRAMS:
            victims.start(name)
        _wait_until_ready(victims)
        for number in _steps(seconds, victims, random):
            acknowledged += chaos_rows.commit_batch(number, random)
        _calm_down(victims)
    finally:
        victims.stop()
    return chaos_rows.audit(acknowledged, file), victims.kills


def _steps(seconds: float, victims: Victims, random: Random) -> Iterator[int]:
    end = time.monotonic() + seconds
    next_kill = time.monotonic() + 1
    number = 0
    while time.monotonic() < end:
        yield number
        number += 1
        if time.monotonic() >= next_kill:
            next_kill = time.monotonic() + random.uniform(0.3, 1.5)
            victims.kill_one(random)
            if random.random() < 0.15:
                victims.empty_broker()
            victims.revive()
        time.sleep(0.08)


def _wait_until_ready(victims: Victims, limit: float = 60) -> None:
    end = time.monotonic() + limit
    while len(victims.ready()) < len(PROGRAMS) and time.monotonic() < end:
        victims.revive()
        time.sleep(0.2)


def _calm_down(victims: Victims, limit: float = 60) -> None:
    end = time.monotonic() + limit
    while chaos_rows.unfinished() and time.monotonic() < end:
        victims.revive()
        chaos_rows.hasten()
        time.sleep(0.5)


@contextlib.contextmanager
def scratch_database(name: str) -> Iterator[str]:
    """A database of its own beside the portal's, gone afterwards. The connection of this process
    leads there meanwhile."""
    usual = dict(connection.settings_dict)
    quoted = connection.ops.quote_name(name)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {quoted}")
    _lead_to(name)
    try:
        yield name
    finally:
        _lead_to(usual["NAME"])
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {quoted} WITH (FORCE)")


def _lead_to(name: str) -> None:
    connection.close()
    if connection.settings_dict["OPTIONS"].get("pool"):
        connection.close_pool()  # type: ignore[attr-defined]
    connection.settings_dict["NAME"] = name
    connections.databases["default"]["NAME"] = name

"""The processes that are measured: the web process as the portal runs it, and what they compute."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connection

from controlplane.lib.dsn import with_database

# Pace and guards are looked at with each message as always; they only must not stop the clients.
FREE = {
    "CONTROLPLANE_API_LIMIT_HOT": "100000000",
    "CONTROLPLANE_THREADS_AGENT_RATE": "1000000",
    "CONTROLPLANE_THREADS_AGENT_BURST": "1000000",
    "CONTROLPLANE_THREADS_THREAD_RATE": "1000000",
    "CONTROLPLANE_THREADS_THREAD_BURST": "1000000",
    "CONTROLPLANE_THREADS_IDLE_TURNS": "1000000000",
    "CONTROLPLANE_OUTGOING_ALLOW": "127.0.0.1",
    "CONTROLPLANE_ENV": "local",
}
WORKERS = 2  # as `manage.py up` starts them: one to a process, clients in turns


def environment() -> dict[str, str]:
    name = connection.settings_dict["NAME"]
    env = {**os.environ, **FREE, "DATABASE_URL": with_database(os.environ["DATABASE_URL"], name)}
    env.pop("DATABASE_OWNER_URL", None)
    return env


@contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen(  # noqa: S603 - our own programs
        [sys.executable, *command],
        env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


class Server(NamedTuple):
    port: int
    pid: int
    database: str = ""  # its name, where it is not the one that is measured in
    more: tuple[Server, ...] = ()  # others that answer the same

    def cpu(self) -> Cpu:
        web = sum(_with_children(each.pid) for each in (self, *self.more))
        return Cpu(web, _database(self.database))

    def port_of(self, client: int) -> int:
        """Each answers as many clients, as behind a proxy that asks whoever is free."""
        return [self.port, *(each.port for each in self.more)][client % (1 + len(self.more))]


class Cpu(NamedTuple):
    """Seconds computed so far: by the web process, and by its sessions of PostgreSQL where they
    run on this machine."""

    web: float
    database: float | None

    def minus(self, other: Cpu) -> Cpu:
        found = self.plus(Cpu(-other.web, None if other.database is None else -other.database))
        # A session that ended took its seconds with it.
        gone = found.database is not None and found.database < 0
        return Cpu(found.web, None) if gone else found

    def plus(self, other: Cpu) -> Cpu:
        web = self.web + other.web
        if self.database is None or other.database is None:
            return Cpu(web, None)
        return Cpu(web, self.database + other.database)


@contextmanager
def serving() -> Iterator[Server]:
    with ExitStack() as stack:
        first, *more = [stack.enter_context(_worker()) for _ in range(WORKERS)]
        yield first._replace(more=tuple(more))


@contextmanager
def _worker() -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = (
        *("-m", "granian", "missions.threads.bench_server:application", "--interface", "wsgi"),
        *("--host", "127.0.0.1", "--port", str(port), "--http", "1", "--no-ws"),
        *("--workers", "1", "--blocking-threads", "1", "--backlog", "2048"),
        *("--log-level", "critical", "--workers-kill-timeout", "2"),
    )
    with process(*command) as running:
        until(lambda: _answers(port), "the measured server", running)
        yield Server(port, running.pid)


def until(
    ready: Callable[[], bool], what: str, running: subprocess.Popen[Any], seconds: float = 60
) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and running.poll() is None:
        if ready():
            return
        time.sleep(0.05)
    raise RuntimeError(f"{what} did not start")


def _answers(port: int) -> bool:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        link.request("GET", "/health")
        return link.getresponse().status == 200
    except OSError:
        return False
    finally:
        link.close()


def _with_children(pid: int) -> float:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(_seconds(each) or 0.0 for each in (str(pid), *children))


def _database(name: str) -> float | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = coalesce(nullif(%s, ''), current_database())"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
            [name],
        )
        found = [_seconds(str(pid)) for (pid,) in cursor.fetchall()]
    return None if not found or None in found else sum(each or 0.0 for each in found)


def _seconds(pid: str) -> float | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

"""What is measured: a portal of its own as `manage.py up` starts it, and what it computes."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, NamedTuple

from django.conf import settings

from controlplane.console.benches.load import mix, world
from controlplane.console.benches.load.mix import Kind, Someone
from incidents.benches.killed.portal import Portal, base_of

# Pace and guards are looked at with each act as always; they only must not stop the crowd.
FREE = {
    "CONTROLPLANE_REQUIRE_MFA": "0",
    "CONTROLPLANE_THREADS_IDLE_TURNS": "1000000000",
}
RECOVERED_S = 0.5  # most acts take no longer where all is well
LOOK_FOR_S = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Used(NamedTuple):
    """Of one program with all of its processes: seconds computed and bytes held so far."""

    cpu: float
    memory: int


class LoadedPortal(Portal):
    def keep_engine(self) -> None:
        """None beside what `up` starts: it would compute on the same cores."""

    def fill(self, people: int, agents: int, missions: int) -> dict[str, Any]:
        """As the owner of the tables: bulk takes their triggers away for a moment."""
        environment = self.of_portal()
        environment["DATABASE_URL"] = environment.get(
            "DATABASE_OWNER_URL", environment["DATABASE_URL"]
        )
        done = subprocess.run(  # noqa: S603  (our own program)
            [sys.executable, "-c", world.PROGRAM % (people, agents, missions)],
            cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr[-3_000:])
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def used(self) -> dict[str, Used]:
        """Of all that are alike together."""
        found: dict[str, Used] = {}
        for name, pid in self.pids().items():
            before, used = found.get(base_of(name), Used(0.0, 0)), _with_children(pid)
            found[base_of(name)] = Used(before.cpu + used.cpu, before.memory + used.memory)
        return found

    def processes(self) -> dict[str, frozenset[int]]:
        """Of the programs that must not fall: they and their workers."""
        found: dict[str, frozenset[int]] = {}
        for name, pid in self.pids().items():
            if (base := base_of(name)) in {"web", "stream"}:
                found[base] = found.get(base, frozenset()) | {pid, *_children(pid)}
            elif base == "postgres":
                found[base] = frozenset({pid})
        return {"postgres": frozenset({0}), **found}

    def sessions_of_database(self) -> int:
        with self.database() as database:
            row = database.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            ).fetchone()
        return int(row[0]) if row else 0


def fell(before: Mapping[str, frozenset[int]], after: Mapping[str, frozenset[int]]) -> list[str]:
    """In words, which processes of before are there no more."""
    return [
        f"{name}: {len(pids - after.get(name, frozenset()))} of {len(pids)} processes fell"
        for name, pids in before.items()
        if pids - after.get(name, frozenset())
    ]


def recovered(port: int, filled: Mapping[str, Any], limit: float = LOOK_FOR_S) -> float | None:
    """Seconds until an act of each kind is answered well and most of them soon; None if that never
    happens."""
    began = time.perf_counter()
    while time.perf_counter() - began < limit:
        waits = [_waited(port, filled, kind) for kind in mix.KINDS]
        if median(waits) <= RECOVERED_S and max(waits) < float("inf"):
            return time.perf_counter() - began
    return None


def _waited(port: int, filled: Mapping[str, Any], kind: Kind) -> float:
    """Seconds until its answer; for ever where it is no right one."""
    number = 0 if kind.people else len(filled["sessions"])
    ask = kind.make(Someone(number, filled, Random(time.time_ns())))  # noqa: S311 - new each time
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    began = time.perf_counter()
    try:
        link.request(ask.method, ask.path, ask.body or None, dict(ask.headers))
        answer = link.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return float("inf")
    finally:
        link.close()
    return time.perf_counter() - began if kind.right(answer.status) else float("inf")


# --- What it is compared with -------------------------------------------------------------------


class Plain(NamedTuple):
    port: int
    pid: int

    def used(self) -> Used:
        return _with_children(self.pid)


@contextmanager
def plain(environment: Mapping[str, str]) -> Iterator[Plain]:
    """A web server like the portal's with nothing of the portal in it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(  # noqa: S603 - our own program
        [
            *(sys.executable, "-m", "granian", "controlplane.console.bench_server:application"),
            *("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--http", "1"),
            *("--workers", "2", "--blocking-threads", "1", "--backlog", "2048", "--no-ws"),
            *("--log-level", "critical", "--workers-kill-timeout", "2"),
        ],
        cwd=settings.BASE_DIR, env=dict(environment),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _until_open(port, process)
        yield Plain(port, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the plain server did not start")


# --- Processes ----------------------------------------------------------------------------------


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").glob("*/children"))
        return [int(one) for each in tasks for one in each.read_text().split()]
    except OSError:
        return []


def _with_children(pid: int) -> Used:
    """What ended meanwhile counts with its parent, as the system adds it up there."""
    cpu, memory = 0.0, 0
    for place, each in enumerate((pid, *_children(pid))):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        # utime, stime; of the parent cutime and cstime besides
        cpu += sum(int(one) for one in fields[11 : 15 if place == 0 else 13]) / _TICKS
        memory += int(fields[21]) * _PAGE
    return Used(cpu, memory)

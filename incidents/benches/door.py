"""Single alerts through the web server as `manage.py up` runs it: four senders, each of whom waits
for its answer before it sends the next."""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple

from django.db import connection, connections

from controlplane.base.bench import Row, Run
from controlplane.lib import defaults
from controlplane.lib.dsn import with_database

RATE = defaults.define(
    "alerts.bench_webhooks", 300.0, unit="a second", why="Single alerts, on two cores."
)
P99_MS = defaults.define(
    "alerts.bench_webhook_p99_ms", 100.0, unit="ms", why="Of the same: well within any time-out."
)
SENDERS = 4
_START_S = 90
_SERVER = (
    *("-m", "granian", "controlplane.wsgi:application", "--interface", "wsgi", "--http", "1"),
    *("--workers", "2", "--blocking-threads", "1", "--backlog", "2048", "--no-ws"),
    *("--host", "127.0.0.1", "--log-level", "critical", "--workers-kill-timeout", "2"),
)
Body = Callable[[int, int], bytes]  # of this sender, the so manieth


class Heard(NamedTuple):
    rate: float
    waits: list[float]  # in order


def measure(run: Run, path: str, said: Callable[[int, int], Any]) -> Iterator[Row]:
    """`said`: the alerts of a message."""

    def body(sender: int, number: int) -> bytes:
        return json.dumps({"version": "4", "alerts": said(sender, number)}).encode()

    with serving() as port:
        bare = _all(port, "/health", None, run.seconds)
        found = _all(port, path, body, max(run.seconds, 4.0))
    p99 = share(found.waits, 0.99) * 1000
    if found.rate < RATE.value:
        run.missed.append(f"alerts: {found.rate:.0f} webhooks a second, at least {RATE.value:.0f}")
    if p99 > P99_MS.value:
        run.missed.append(f"alerts: a webhook's p99 {p99:.0f} ms, at most {P99_MS.value:.0f}")
    note = f"{SENDERS} senders, two workers, goal {RATE.value:g}"
    yield Row("single alerts over HTTP", found.rate, "/s", "GET /health", bare.rate, note=note)
    yield Row("answered within, p50", share(found.waits, 0.5) * 1000, "ms", "GET /health",
              share(bare.waits, 0.5) * 1000)  # fmt: skip
    yield Row("answered within, p99", p99, "ms", "GET /health",
              share(bare.waits, 0.99) * 1000, note=f"goal {P99_MS.value:g}")  # fmt: skip


def share(waits: list[float], share: float) -> float:
    return waits[min(len(waits) - 1, int(len(waits) * share))]


def _all(port: int, path: str, body: Body | None, seconds: float) -> Heard:
    connections.close_all()
    context = multiprocessing.get_context("fork")
    ready, told = context.Barrier(SENDERS), context.Queue()

    def send(sender: int) -> None:
        try:
            told.put(_send_all(port, path, body, sender, seconds, ready))
        except BaseException:
            ready.abort()
            told.put([])
            raise

    senders = [context.Process(target=send, args=(number,)) for number in range(SENDERS)]
    for each in senders:
        each.start()
    waits = sorted(wait for _ in senders for wait in told.get())
    for each in senders:
        each.join()
    if any(each.exitcode for each in senders):
        raise RuntimeError(f"{path} did not answer each sender")
    return Heard(len(waits) / seconds, waits)


def _send_all(
    port: int, path: str, body: Body | None, sender: int, seconds: float, ready: Any
) -> list[float]:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    waits: list[float] = []
    end = float("inf")
    for number in count():
        if number == 20:  # what each process keeps is there by now
            ready.wait(60)
            waits.clear()
            end = time.perf_counter() + seconds
        began = time.perf_counter()
        if began >= end:
            break
        _send(link, path, body(sender, number) if body else None)
        waits.append(time.perf_counter() - began)
    link.close()
    return waits


def _send(link: http.client.HTTPConnection, path: str, body: bytes | None) -> None:
    if body is None:
        link.request("GET", path)
    else:
        link.request("POST", path, body, {"Content-Type": "application/json"})
    answer = link.getresponse()
    text = answer.read()
    if answer.status not in {200, 202}:
        raise RuntimeError(f"{path} answered {answer.status}: {text[:300]!r}")


@contextmanager
def serving(more: Mapping[str, str] | None = None) -> Iterator[int]:
    """A web server at a port, with `more` in its environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    env = {
        **os.environ,
        "DATABASE_URL": with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"]),
        "CONTROLPLANE_ENV": "local",
        **(more or {}),
    }
    env.pop("DATABASE_OWNER_URL", None)
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, *_SERVER, "--port", str(port)],
        env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait(port, process)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            _send(link, "/health", None)
        except (OSError, RuntimeError):
            time.sleep(0.1)
        else:
            return
        finally:
            link.close()
    raise RuntimeError("the measured server did not start")

"""How soon somebody hears: from an alert at the door to the channel that is handed the first call,
with a web server and an engine as processes of their own.

The engine turns each second, as beat turns it. What `manage.py up` does besides, a hint to the
workers with each commit, is left out: this is what it takes when the broker is away.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from django.conf import settings
from django.db import connection
from django.test.utils import override_settings

from controlplane.access import services as access
from controlplane.access.models import Workspace
from controlplane.base.bench import Row, Run
from controlplane.lib import actors, defaults
from controlplane.lib.dsn import with_database
from controlplane.lib.ids import uuid7
from controlplane.notify import services as notify
from incidents.benches import door
from incidents.intake import sources
from incidents.paging import policies

P95_S = defaults.define(
    "paging.bench_first_s", 3.0, unit="s", why="From an alert to the first call, for most of them."
)
ALERTS = 30
_APART_S = 0.37  # so that they come at every moment between two turns
_PATIENCE_S = 60.0
JOB = actors.job("bench")
_ALLOW = {"CONTROLPLANE_OUTGOING_ALLOW": "127.0.0.1"}


class Heard:
    """A receiver of webhooks, and when each call came to it."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        heard = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if said["kind"] == "page.incident":
                    heard.at.setdefault(said["subject"].rpartition(" ")[2], time.time())
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: what is measured stands in the report."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"


@contextmanager
def _listening() -> Iterator[Heard]:
    heard = Heard()
    thread = threading.Thread(target=heard.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        heard.server.shutdown()
        heard.server.server_close()


@contextmanager
def _engine() -> Iterator[None]:
    env = {
        **os.environ, **_ALLOW,
        "DATABASE_URL": with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"]),
    }  # fmt: skip
    env.pop("DATABASE_OWNER_URL", None)
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "engine", "--loop"],
        env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def measure(run: Run) -> Iterator[Row]:
    workspace = access.create_workspace("bench-first", actor=JOB)
    made = sources.create_source(workspace, actor=JOB, name="Bench", format="alertmanager")
    with _listening() as heard, override_settings(OUTGOING_ALLOW=["127.0.0.1"]):
        _call_by(workspace, heard.url)
        with door.serving(_ALLOW) as port, _engine():
            path = f"/api/v1/alerts/alertmanager/{made.key}"
            _tell(port, path, "warm")
            _wait(heard, {"warm"})
            told = [_tell(port, path, f"n{number}") for number in range(ALERTS)]
            names = {f"n{number}": began for number, (began, _) in enumerate(told)}
            lost = _wait(heard, set(names))
    waits = sorted(heard.at[name] - began for name, began in names.items() if name in heard.at)
    answered = median(took for _, took in told) * 1000
    yield from _rows(run, waits, answered, lost)


def _rows(run: Run, waits: list[float], answered: float, lost: int) -> Iterator[Row]:
    p50, p95 = (door.share(waits, share) if waits else float("nan") for share in (0.5, 0.95))
    if lost or not p95 <= P95_S.value:
        run.missed.append(
            f"paging: alert to first call p95 {p95:.2f} s, at most {P95_S.value:g}; {lost} lost"
        )
    beside = "its sender's answer"
    note = f"{ALERTS} alerts, an engine that turns each second, goal {P95_S.value:g} s"
    yield Row("alert to the first call, p50", p50 * 1000, "ms", beside, answered)
    yield Row("alert to the first call, p95", p95 * 1000, "ms", beside, answered, note)
    yield Row("first calls lost", float(lost), f"of {ALERTS}")


def _call_by(workspace: Workspace, url: str) -> None:
    """Where the level of these alerts calls: the receiver and no one else."""
    channel = notify.create_channel(
        workspace, actor=JOB, name="Receiver", kind="webhook", target=url, secret=str(uuid7())
    )
    step = {"targets": [{"kind": "webhook", "ref": str(channel.uid)}], "wait_s": 600}
    policies.save_policy(workspace, "sev2", actor=JOB, title="Bench", repeats=0, steps=[step])


def _tell(port: int, path: str, name: str) -> tuple[float, float]:
    """When it was sent, and how long its sender waited."""
    alert: Mapping[str, object] = {
        "status": "firing",
        "labels": {"alertname": "HighErrorRate", "severity": "critical", "service": name},
        "annotations": {"summary": f"It fails {name}"},
        "startsAt": "2026-01-01T00:00:00Z",
    }
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    began = time.time()
    body = json.dumps({"version": "4", "alerts": [alert]})
    link.request("POST", path, body, {"Content-Type": "application/json"})
    answer = link.getresponse()
    said = answer.read()
    took = time.time() - began
    link.close()
    if answer.status != 202:
        raise RuntimeError(f"answered {answer.status}: {said[:300]!r}")
    time.sleep(_APART_S)
    return began, took


def _wait(heard: Heard, names: set[str]) -> int:
    """Until all were called, or nobody waits any longer; how many were not."""
    deadline = time.monotonic() + _PATIENCE_S
    while names - heard.at.keys() and time.monotonic() < deadline:
        time.sleep(0.05)
    return len(names - heard.at.keys())

"""The portal as it is run, by granian in a process of its own, on the database of the test."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.error import URLError

from django.db import connection

from controlplane.lib.dsn import with_database
from tests.kit.source import ROOT

WITHIN_S = 120


class Served:
    """Started, stopped and started again at one address. Only for tests that commit."""

    def __init__(self, log: Path, interface: str = "wsgi") -> None:
        self.log, self.interface = log, interface
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **env: str) -> None:
        """Until it answers; `env` is set beside what the tests have."""
        database = with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"])
        command = [sys.executable, "-m", "granian", f"controlplane.{self.interface}:application"]
        options = ["--interface", self.interface, "--host", "127.0.0.1", "--port", str(self.port)]
        options += ["--workers", "1", "--http", "1", "--no-ws", "--workers-kill-timeout", "1"]
        if self.interface == "wsgi":
            options += ["--blocking-threads", "1"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *options],
                cwd=ROOT,
                env={**os.environ, "DATABASE_URL": database, **env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + WITHIN_S
        while not self._answers():
            assert self._process.poll() is None, self.log.read_text()[-3_000:]
            assert time.monotonic() < end, self.log.read_text()[-3_000:]

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def kill(self) -> None:
        """At once, with its workers, as the machine does that runs out of memory."""
        if self._process is not None:
            tasks = Path(f"/proc/{self._process.pid}/task").glob("*/children")
            workers = [int(pid) for each in tasks for pid in each.read_text().split()]
            for pid in (self._process.pid, *workers):
                os.kill(pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])

"""The same graph through its doors: files, HTTP, and `bd` as a whole process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.test import Client
from django.test.utils import override_settings

from controlplane.access import services as access
from controlplane.access.services.agents import create_agent
from controlplane.access.services.keys import issue_key
from controlplane.base.bench import Row, Run
from controlplane.lib import actors
from controlplane.work.benches.timing import both, since, timed
from controlplane.work.models import Project
from controlplane.work.services.transfer.exporting import export_lines
from controlplane.work.services.transfer.importing import import_lines

JOB = actors.job("bench")
ROOT = Path(__file__).resolve().parents[3]
READY = "/api/v1/work/ready?limit=100"
# As `.venv/bin/bd` starts it.
BD = (
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
    "from controlplane.bd.main import main; sys.exit(main(sys.argv[1:]))"
)


def measure(run: Run, project: Project) -> Iterator[Row]:
    yield from _files(project)
    agent = create_agent(project.workspace, actor=JOB, name="bench", role="coordinator")
    key = issue_key(agent, actor=JOB, workspace=project.workspace, name="bench", scopes=["work.*"])
    with override_settings(ALLOWED_HOSTS=["*"], SECURE_SSL_REDIRECT=False):
        yield from _http(run, str(key.secret))
        yield from _process(str(key.secret))


def _files(project: Project) -> Iterator[Row]:
    items = project.items.count()
    started = time.perf_counter()
    data = b"".join(export_lines(project, actor=JOB))
    yield Row(
        f"export of {items:,} items ({len(data) // 1_000_000} MB)", since(started) / 1000, "s"
    )
    other = access.create_workspace("bench-import", actor=JOB)
    target = Project.objects.get(workspace=other, is_operations=True)
    started = time.perf_counter()
    import_lines(target, data, actor=JOB)
    yield Row(f"import of {items:,} items", since(started) / 1000, "s")


def _http(run: Run, secret: str) -> Iterator[Row]:
    client = Client(headers={"Authorization": f"Bearer {secret}"})

    def get(path: str) -> None:
        answer = client.get(path)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")

    bare = timed(lambda: get("/api/v1/me"), run.seconds / 4)
    taken = timed(lambda: get(READY), run.seconds / 2)
    yield from both("ready, first 100, as the API answers", taken, "who am I", bare)


def _process(secret: str) -> Iterator[Row]:
    """From the shell to the end of its output, as tools start it."""
    python = [sys.executable, "-I", "-S", "-c"]
    with _serving() as address, tempfile.TemporaryDirectory() as folder:
        env = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": folder,
            "CONTROLPLANE_URL": address,
            "CONTROLPLANE_API_KEY": secret,
        }

        def start(*arguments: str) -> None:
            subprocess.run(  # noqa: S603 - our own program, our own words
                [*python, *arguments], cwd=folder, env=env, check=True, capture_output=True
            )

        start(BD, "init")
        bare = timed(lambda: start("pass"), least=10)
        taken = timed(lambda: start(BD, "ready", "--json"), least=20)
        yield from both("bd ready --json, whole process", taken, "Python doing nothing", bare)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """A thread a request: each gives its connection back, or the database can't be dropped."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            connections.close_all()


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads along."""


@contextmanager
def _serving() -> Iterator[str]:
    server = _Server(("127.0.0.1", 0), _Silent)
    server.set_app(WSGIHandler())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""The portal's long programs, each in a process of its own, on the database of the test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from django.db import connection

from controlplane.lib.dsn import with_database
from tests.kit.source import ROOT


@contextmanager
def running(log: Path, *command: str, **env: str) -> Iterator[None]:
    database = with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"])
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *command], cwd=ROOT, stdout=out, stderr=out,
            env={**os.environ, "DATABASE_URL": database, **env}, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:  # others may use this machine, too
            process.kill()
            process.wait()


def engine(log: Path, **env: str) -> AbstractContextManager[None]:
    return running(log, "engine", "--loop", **env)


def supervisor(log: Path, **env: str) -> AbstractContextManager[None]:
    """Whoever wakes agents."""
    return running(log, "wake_supervisor", **env)

"""Commands that need a database and find none run beside one of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import OutputWrapper
from django.db import OperationalError, connection

from controlplane.console.management.commands import _own_servers
from controlplane.embedded import passing
from controlplane.embedded.state import State, Trouble
from tests.kit.source import ROOT


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    found: list[list[str]] = []

    def again(argv: list[str], root: Path, parent: State, say: Any) -> int:
        found.append(argv)
        return 3

    monkeypatch.setattr(passing, "again", again)
    return found


@pytest.mark.django_db
def test_database_answers__command_goes_on(asked: list[list[str]]) -> None:
    _own_servers.or_end(OutputWrapper(StringIO()))
    assert asked == []


@pytest.mark.parametrize("command", [["bench", "kernel"], ["chaos", "--part", "rows"]])
def test_no_database__same_command_once_more__and_its_exit_code(
    command: list[str], asked: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setattr(sys, "argv", ["manage.py", *command])
    with pytest.raises(SystemExit, match="3"):
        call_command(*command, stderr=StringIO())
    assert asked == [["manage.py", *command]]


def test_database_is_down__is_none(asked: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "ensure_connection", refuse)
    with pytest.raises(SystemExit):
        _own_servers.or_end(OutputWrapper(StringIO()))
    assert len(asked) == 1


def test_server_of_its_own_that_does_not_answer__is_no_endless_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = State.at(tmp_path / f"{passing.PREFIX}abc")
    with pytest.raises(Trouble, match="does not answer"):
        passing.again(["manage.py", "bench"], tmp_path, parent, print)
    monkeypatch.setattr(_own_servers, "_database_answers", lambda: False)
    monkeypatch.setattr("django.conf.settings.STATE_DIR", parent.root)
    with pytest.raises(CommandError, match="does not answer"):
        _own_servers.or_end(OutputWrapper(StringIO()))


_PROGRAM = """
import os, sys, time
print(os.environ["DATABASE_URL"], os.environ["REDIS_URL"], flush=True)
time.sleep(float(sys.argv[1]))
sys.exit(5)
"""
_BEGIN = """
import sys
from pathlib import Path
from controlplane.embedded import passing
from controlplane.embedded.state import State
folder = Path(sys.argv[1])
sys.exit(passing.again(["x", sys.argv[2]], folder, State.at(folder / "state"), lambda line: None))
"""


def _begin(folder: Path, seconds: str) -> subprocess.Popen[str]:
    (folder / "manage.py").write_text(_PROGRAM)
    return subprocess.Popen(
        [sys.executable, "-c", _BEGIN, str(folder), seconds],
        cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.parametrize("told", [False, True])
def test_again__servers_last_as_long_as_the_command(tmp_path: Path, told: bool) -> None:
    with _begin(tmp_path, "60" if told else "0") as done:
        assert done.stdout is not None
        urls = done.stdout.readline()
        assert str(tmp_path) in urls or "socket" in urls
        began = time.monotonic()
        if told:
            done.send_signal(signal.SIGTERM)
        assert done.wait(60) == (128 + signal.SIGTERM if told else 5)
        assert time.monotonic() - began < 50
    assert not list((tmp_path / "state").glob(f"{passing.PREFIX}*"))

"""The supervisor with real processes: restart, order, orphans, logs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from controlplane.embedded import processes, supervise
from controlplane.embedded.processes import wait_until
from controlplane.embedded.state import Run, State, Trouble
from controlplane.embedded.supervise import Program, Supervisor

ENV = {"PATH": "/usr/bin:/bin"}


class Stage:
    """A supervisor with a state folder of its own, and what it said."""

    def __init__(self, root: Path) -> None:
        self.state = State.at(root)
        self.state.create()
        self.run = Run(supervisor=processes.identify(os.getpid()))
        self.said: list[str] = []
        self.supervisor = Supervisor(self.state, self.run, self.said.append)

    def start(self, name: str, code: str, **more: object) -> None:
        argv = [sys.executable, "-u", "-c", code]
        program = Program(name=name, argv=argv, env=ENV, cwd="/", **more)  # type: ignore[arg-type]
        self.supervisor.start(program)

    def until(self, condition: Callable[[], bool], seconds: float = 10) -> bool:
        def turn() -> bool:
            self.supervisor.tick()
            return condition()

        return wait_until(turn, seconds, step=0.02)

    def log(self, name: str) -> str:
        path = self.supervisor.log(name)
        return path.read_text() if path.exists() else ""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path / "state")
    yield made
    made.supervisor.stop()


FOREVER = "import time; print('up', flush=True); time.sleep(60)"


def test_restart__killed_child__comes_back_and_is_recorded(stage: Stage) -> None:
    stage.start("web", FOREVER)
    first = Run.read(stage.state).programs["web"]
    os.kill(first.pid, signal.SIGKILL)
    assert stage.until(lambda: Run.read(stage.state).programs.get("web") not in (None, first))
    assert stage.supervisor.alive("web")
    assert not processes.is_alive(first)
    assert "web ended (SIGKILL); it starts again in 0.5 s" in stage.said[0]
    assert stage.said[1] == "web started again"


def test_restart__keeps_failing__waits_longer_each_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "BACKOFF_FIRST", 0.01)
    monkeypatch.setattr(supervise, "BACKOFF_LIMIT", 0.04)
    stage.start("web", "raise SystemExit(3)")
    assert stage.until(lambda: sum("ended" in line for line in stage.said) >= 4)
    waits = [line.split(" in ")[1].split(" s.")[0] for line in stage.said if "ended" in line]
    assert waits[:4] == ["0.01", "0.02", "0.04", "0.04"]
    assert "exit code 3" in stage.said[0]


def test_restart__workers_of_a_dead_leader__end_before_it_starts_again(stage: Stage) -> None:
    stage.start(
        "web",
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    print('worker', os.getpid(), flush=True); time.sleep(60)\n"
        "time.sleep(60)",
    )
    assert stage.until(lambda: "worker" in stage.log("web"))
    worker = processes.identify(int(stage.log("web").split()[1]))
    assert worker
    os.kill(Run.read(stage.state).programs["web"].pid, signal.SIGKILL)
    assert stage.until(lambda: "web started again" in stage.said)
    assert not processes.is_alive(worker)


@pytest.mark.slow
def test_restart__preparation_refuses__is_said_and_tried_again(stage: Stage) -> None:
    calls: list[int] = []

    def prepare() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise Trouble("not yet")

    stage.start("db", FOREVER, before_restart=prepare)
    os.kill(Run.read(stage.state).programs["db"].pid, signal.SIGKILL)
    assert stage.until(lambda: "db started again" in stage.said)
    assert "not yet" in stage.said
    assert len(calls) == 2


def test_stop__in_reverse_order_and_cleanly(stage: Stage, tmp_path: Path) -> None:
    note = tmp_path / "order"
    for name in ("first", "second", "third"):
        stage.start(
            name,
            "import signal, sys, time\n"
            "def bye(*_):\n"
            f"    open({str(note)!r}, 'a').write({name!r} + ' '); sys.exit()\n"
            "signal.signal(signal.SIGTERM, bye)\n"
            "print('up', flush=True); time.sleep(60)",
        )
    assert stage.until(lambda: all("up" in stage.log(n) for n in ("first", "second", "third")))
    stage.supervisor.stop()
    assert note.read_text().split() == ["third", "second", "first"]
    assert Run.read(stage.state).programs == {}


def test_stop__child_that_ignores_it__is_killed_after_its_grace(stage: Stage) -> None:
    stage.start(
        "deaf",
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('up', flush=True); time.sleep(60)",
        grace=0.2,
    )
    assert stage.until(lambda: "up" in stage.log("deaf"))
    identity = Run.read(stage.state).programs["deaf"]
    stage.supervisor.stop()
    assert not processes.is_alive(identity)
    assert stage.said == ["deaf didn't stop in time and is killed"]


def test_require__dead_while_starting__shows_its_last_words(stage: Stage) -> None:
    stage.start("db", "print('out of coffee'); raise SystemExit(1)")
    assert wait_until(lambda: not stage.supervisor.alive("db"), 10)
    with pytest.raises(Trouble, match=r"(?s)db ended while starting.*out of coffee"):
        stage.supervisor.require("db")


def test_require__interrupted__stops_waiting(tmp_path: Path) -> None:
    state = State.at(tmp_path / "state")
    state.create()
    supervisor = Supervisor(state, Run(), print, interrupted=lambda: True)
    with pytest.raises(KeyboardInterrupt):
        supervisor.require("db")


def test_start__program_missing__is_trouble_not_a_traceback(stage: Stage) -> None:
    program = Program(name="web", argv=["/no/such/program"], env=ENV, cwd="/")
    with pytest.raises(Trouble, match="web can't be started"):
        stage.supervisor.start(program)


def test_logs__too_long__are_cut_and_the_last_part_kept(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervise, "LOG_LIMIT", 1000)
    stage.start(
        "web",
        "import sys, time\nprint('x' * 1500, flush=True)\n"
        "sys.stdin.read()\nwhile True:\n    print('later', flush=True); time.sleep(0.05)",
    )
    assert stage.until(lambda: (stage.state.logs / "web.log.1").exists())
    assert "x" * 1500 in (stage.state.logs / "web.log.1").read_text()
    # The child goes on writing into the same, now short, file.
    assert stage.until(lambda: stage.log("web").startswith("later"))


@pytest.mark.skipif(not processes.LINUX, reason="the death signal is Linux's")
def test_kill_9__of_the_supervisor__takes_its_children_along(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\n"
        "from controlplane.embedded import processes\n"
        "from controlplane.embedded.state import Run, State\n"
        "from controlplane.embedded.supervise import Program, Supervisor\n"
        "state = State.at(sys.argv[1]); state.create()\n"
        "run = Run(supervisor=processes.identify(os.getpid()))\n"
        "supervisor = Supervisor(state, run, print)\n"
        "argv = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "supervisor.start(Program('web', argv, dict(os.environ), '/'))\n"
        "print('up', flush=True); time.sleep(60)\n"
    )
    state = State.at(tmp_path / "state")
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(state.root)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "up\n"
    child = Run.read(state).programs["web"]
    assert processes.is_alive(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert wait_until(lambda: not processes.is_alive(child), 5)
    assert not Run.read(state).running
    assert Run.read(state).leftovers() == {}


def test_ready_time__waiting_is_bounded() -> None:
    began = time.monotonic()
    assert not wait_until(lambda: False, 0.1, step=0.01)
    assert time.monotonic() - began < 5

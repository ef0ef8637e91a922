"""Commands whose supervisor is gone, or could not note what became of them: none runs on unseen,
none holds a place for longer than it lives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from controlplane.embedded.processes import wait_until
from missions.threads import numbers
from missions.threads.models import WakeRun
from missions.threads.waking import commands, hosts, runs
from missions.threads.waking.delivering import deliver
from missions.threads.waking.runs import MARK, Keeper
from missions.threads.waking.services import running
from missions.threads.waking.services.running import begin_run
from tests.kit.waking import Night, program

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]
HANG = "import time; print('up', flush=True); time.sleep(600)"
GONE = f"{hosts.host()}:999999:x:1"


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> Night:
    monkeypatch.setenv(numbers.KILL_GRACE_SECONDS.env_name, "0.3")
    return Night()


def spawn(night: Night, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    allowed = {"default": {"spawn": [*program(code), "{prompt}"]}}
    monkeypatch.setenv(commands.ENVIRONMENT, json.dumps(allowed))
    night.post()
    (row,) = night.claim()
    assert deliver(row, night.place) == "spawn"


@contextmanager
def away(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    """The database is, for what is written by this."""

    def gone(*_: Any, **__: Any) -> None:
        raise OperationalError("the server closed the connection")

    with monkeypatch.context() as patch:
        patch.setattr(running, name, gone)
        yield


def lost(night: Night, title: str = "One") -> WakeRun:
    """As a supervisor leaves it that was killed."""
    thread = night.talk.begin(title=title)
    night.talk.post("executioner", thread=thread, to={"role": "reviewer"})
    (row,) = night.claim()
    return begin_run(row, "spawn", None, ["codex"], supervisor=GONE)[1]


@contextmanager
def left(run: WakeRun, code: str = HANG) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        program(code), stdout=subprocess.PIPE, start_new_session=True,
        env={**os.environ, MARK: str(run.uid)},
    )  # fmt: skip
    assert child.stdout is not None
    child.stdout.readline()
    try:
        yield child
    finally:
        hosts.signal_group(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()


def test_database_away_as_it_starts__it_is_followed_and_noted_later(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    with away(monkeypatch, "note_process"):
        spawn(night, monkeypatch, HANG)
    run = WakeRun.objects.get()
    assert run.pid is None
    assert night.place.keeper.holds(run.pk)
    assert runs.look_after(night.place.keeper) == 0
    run.refresh_from_db()
    assert hosts.same(run.pid, run.process_started)
    night.place.keeper.end_all()
    run.refresh_from_db()
    assert run.status == "killed"
    assert not hosts.same(run.pid, run.process_started)


def test_database_away_as_it_ends__the_end_is_said_later(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    with away(monkeypatch, "end_run"):
        spawn(night, monkeypatch, "print('done')")
        night.place.keeper.join()
    assert len(night.place.keeper) == 1
    assert runs.look_after(night.place.keeper) == 0
    run = WakeRun.objects.get()
    assert (run.status, run.exit_code, run.output) == ("completed", 0, "done\n")
    assert len(night.place.keeper) == 0
    assert night.turn()[0] == "unanswered", "its wake was let go on"


def test_database_away_as_it_cannot_start__that_is_said_later(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = [lost(night)]
    with away(monkeypatch, "end_run"):
        assert night.place.keeper.start(run, ["/no/such/program"], {}, "")
    night.place.keeper.catch_up()
    run.refresh_from_db()
    assert run.status == "failed"


def test_killed_before_its_number_was_noted__it_is_found_by_its_mark(night: Night) -> None:
    run = lost(night)
    with left(run) as child:
        assert runs.look_after(Keeper()) == 1
        assert child.wait(10) in {-9, -15}
    run.refresh_from_db()
    assert run.status == "orphaned"


def test_child_that_outlived_its_command__ends_with_it(night: Night, tmp_path: Path) -> None:
    run = lost(night)
    pids = tmp_path / "pids"
    code = (
        f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {HANG!r}]);"
        f" open({str(pids)!r}, 'w').write(str(p.pid))"
    )
    with left(run, code) as command:
        WakeRun.objects.filter(pk=run.pk).update(
            pid=command.pid, process_started=hosts.started(command.pid) or "ended"
        )
        assert command.wait(10) == 0
        assert wait_until(lambda: pids.exists() and bool(pids.read_text()), 10)
        child = int(pids.read_text())
        began = hosts.started(child)
        assert began
        assert runs.look_after(Keeper()) == 1
        assert wait_until(lambda: not hosts.same(child, began), 10)


def test_several__are_asked_together_before_any_is_made_to(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other, each with its grace, would keep wakes waiting."""
    first, second = lost(night, "One"), lost(night, "Two")
    signalled: list[signal.Signals] = []
    ask = hosts.signal_group

    def told(pid: int, number: signal.Signals) -> bool:
        signalled.append(number)
        return ask(pid, number)

    with left(first) as one, left(second) as two:
        for run, child in ((first, one), (second, two)):
            WakeRun.objects.filter(pk=run.pk).update(
                pid=child.pid, process_started=hosts.started(child.pid)
            )
        monkeypatch.setattr(hosts, "signal_group", told)
        assert runs.look_after(Keeper()) == 2
    assert signalled[:2] == [signal.SIGTERM] * 2


def test_child_that_writes_on__is_not_waited_for(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy = "import time\nwhile True: print('still here', flush=True); time.sleep(0.01)"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {noisy!r}])"
    spawn(night, monkeypatch, code)
    threads = [one.thread for one in night.place.keeper._followed.values()]
    for thread in threads:
        assert thread is not None
        thread.join(20)
    assert [row.status for row in WakeRun.objects.all()] == ["completed"]

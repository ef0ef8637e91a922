"""Commands at work: started without a shell, read to their end, ended when their time is over.

Each is a group of processes of its own. A supervisor that is stopped ends its commands; of one that
was killed they go on, and the next supervisor of the machine finds and ends them.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from controlplane.lib.text import short
from deployments.steps.output import Log
from missions.threads import numbers
from missions.threads.models import WakeRun
from missions.threads.waking import hosts
from missions.threads.waking.services import running

logger = logging.getLogger(__name__)
_CHUNK = 65_536
_LOOK = 0.5  # seconds between looks whether it is to end
MARK = "WAKE_RUN_ID"  # stands in the environment of a command, and of whatever it starts
STOPPED = "The supervisor was stopped."


@dataclass
class _Followed:
    run: WakeRun
    process: subprocess.Popen[bytes]
    deadline: float
    log: Log = field(default_factory=Log)
    wanted: str = ""  # why it is to end before its time
    noted: bool = False  # its number stands in the row
    thread: threading.Thread | None = None


class Keeper:
    """The commands of one supervisor. With the database away they are followed all the same: what
    could not be noted is noted later (`catch_up`)."""

    def __init__(self, ended: Callable[[], None] = lambda: None) -> None:
        self._ended = ended
        self._lock = threading.Lock()
        self._followed: dict[int, _Followed] = {}
        self._unsaid: dict[int, tuple[WakeRun, str, dict[str, Any]]] = {}

    def start(self, run: WakeRun, argv: list[str], env: Mapping[str, str], folder: str) -> str:
        """Why it could not be started, or "". From then on it is followed in a thread."""
        try:
            process = subprocess.Popen(  # noqa: S603 - from the allow-list, no shell
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder or env.get("HOME") or "/",
                env={**env, MARK: str(run.uid)},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            why = f"It could not be started: {short(str(error), 200)}"
            self._say(run, "failed", output=why)
            return why
        # Followed before anything is asked of the database, which may be away by now: a command
        # that nobody follows is ended by nobody.
        deadline = time.monotonic() + numbers.RUN_MINUTES.value * 60
        one = _Followed(run, process, deadline)
        one.thread = threading.Thread(target=self._keep, args=(one,), name=f"run-{run.pk}")
        with self._lock:
            self._followed[run.pk] = one
        one.thread.start()
        self._note(one)
        return ""

    def __len__(self) -> int:
        return len(self._followed) + len(self._unsaid)

    def holds(self, pk: int) -> bool:
        return pk in self._followed or pk in self._unsaid

    def catch_up(self) -> None:
        """Note what could not be noted when it happened."""
        for one in list(self._followed.values()):
            if not one.noted:
                self._note(one)
        for run, status, said in list(self._unsaid.values()):
            self._say(run, status, **said)

    def _note(self, one: _Followed) -> None:
        try:
            running.note_process(one.run, one.process.pid)
            one.noted = True
        except Exception as error:  # noqa: BLE001 - noted later; it is followed meanwhile
            logger.warning("command %s is noted later: %s", one.run.uid, type(error).__name__)

    def _say(self, run: WakeRun, status: str, **said: Any) -> None:
        """That it ended. Kept until somebody could be told: the row holds a place until then, and
        its wake waits."""
        with self._lock:
            self._unsaid[run.pk] = (run, status, said)
        try:
            running.end_run(run, status, **said)
        except Exception as error:  # noqa: BLE001 - said later
            logger.warning("the end of command %s is said later: %s", run.uid, type(error).__name__)
        else:
            with self._lock:
                self._unsaid.pop(run.pk, None)

    def end(self, pks: list[int], why: str) -> None:
        with self._lock:
            for pk in pks:
                if pk in self._followed:
                    self._followed[pk].wanted = why

    def end_all(self) -> None:
        self.end(list(self._followed), STOPPED)
        self.join()
        self.catch_up()

    def join(self) -> None:
        for one in list(self._followed.values()):
            if one.thread is not None:
                one.thread.join()

    def _keep(self, one: _Followed) -> None:
        try:
            status, why = self._follow(one)
            one.log.end()
            output = one.log.text[-numbers.RUN_OUTPUT.value :]
            code = one.process.returncode
            self._say(one.run, status, exit_code=code, output=output, reason=why)
        finally:
            with self._lock:
                self._followed.pop(one.run.pk, None)
            connection.close()
            self._ended()

    def _follow(self, one: _Followed) -> tuple[str, str]:
        try:
            status, why = _read(one)
        except Exception:
            logger.exception("command %s could not be followed", one.run.uid)
            status, why = "failed", "It could not be followed."
        finally:
            stop(one.process)
        if not status:
            status = "completed" if one.process.returncode == 0 else "failed"
        return status, why


def _read(one: _Followed) -> tuple[str, str]:
    """Until it ends by itself (no status), or must."""
    assert one.process.stdout is not None
    descriptor = one.process.stdout.fileno()
    os.set_blocking(descriptor, False)
    over = float("inf")  # once it ended, when its last words are no longer waited for
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            if one.wanted:
                return "killed", one.wanted
            left = min(one.deadline, over) - time.monotonic()
            if left <= 0:
                # A child of its own may hold the pipe and write on: that is not waited for.
                return ("", "") if over <= one.deadline else _LATE
            if not selector.get_map():
                if _gone(one.process, min(_LOOK, left)):
                    return "", ""
                continue
            ready = selector.select(min(_LOOK, left))
            if ready and not _chunk(descriptor, one.log):
                selector.unregister(descriptor)
            if one.process.poll() is not None:
                if not ready:
                    return "", ""
                over = min(over, time.monotonic() + _LOOK)


_LATE = ("timed_out", "It took longer than it may.")


def _chunk(descriptor: int, log: Log) -> bool:
    try:
        data = os.read(descriptor, _CHUNK)
    except BlockingIOError:
        return True
    log.feed(data)
    return bool(data)


def _gone(process: subprocess.Popen[bytes], patience: float) -> bool:
    try:
        process.wait(timeout=patience)
    except subprocess.TimeoutExpired:
        return False
    return True


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask, wait for the grace, make it; and whatever is left of its children."""
    if process.poll() is None:
        hosts.signal_group(process.pid, signal.SIGTERM)
        if not _gone(process, numbers.KILL_GRACE_SECONDS.value):
            hosts.signal_group(process.pid, signal.SIGKILL)
            process.wait()
    hosts.signal_group(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()


# --- What a supervisor that is gone left behind ---------------------------------------------------


def look_after(keeper: Keeper) -> int:
    """End what somebody asked to end, and what nobody follows any more, on this machine."""
    keeper.catch_up()
    rows = list(WakeRun.objects.running().filter(host=hosts.host()))
    asked = [row.pk for row in rows if row.kill_asked_at is not None and keeper.holds(row.pk)]
    keeper.end(asked, "Somebody asked for it.")
    lost = [row for row in rows if not keeper.holds(row.pk) and not hosts.lives(row.supervisor)]
    return _end_lost(lost) if lost else 0


def _end_lost(rows: Sequence[WakeRun]) -> int:
    """All at once: whoever looks after them has wakes to deliver."""
    for row in rows:
        _signal(row, signal.SIGTERM)
    until = time.monotonic() + numbers.KILL_GRACE_SECONDS.value
    pause = threading.Event()
    while any(_left(row) for row in rows) and time.monotonic() < until:
        pause.wait(0.05)  # they are no children of ours: nobody tells us of their end
    for row in rows:
        _signal(row, signal.SIGKILL)
    reason = "Its supervisor is gone."
    return sum(running.end_run(row, "orphaned", reason=reason) for row in rows)


def _signal(row: WakeRun, number: signal.Signals) -> None:
    if row.pid is not None and hosts.same(row.pid, row.process_started):
        hosts.signal_group(row.pid, number)
    for pid in _left(row):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _left(row: WakeRun) -> list[int]:
    """What is at work of it: it may have ended before what it started, or before anybody noted its
    number. What left its group, it meant to leave behind."""
    found = hosts.marked(MARK, str(row.uid))
    if row.pid is None:
        return found
    return [pid for pid in found if hosts.group(pid) == row.pid]

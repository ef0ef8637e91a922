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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.db import DatabaseError, connection

from controlplane.lib.text import short
from deployments.steps.output import Log
from missions.threads import numbers
from missions.threads.models import WakeRun
from missions.threads.waking import hosts
from missions.threads.waking.services import running

logger = logging.getLogger(__name__)
_CHUNK = 65_536
_LOOK = 0.5  # seconds between looks whether it is to end


@dataclass
class _Followed:
    run: WakeRun
    process: subprocess.Popen[bytes]
    deadline: float
    log: Log = field(default_factory=Log)
    wanted: str = ""  # why it is to end before its time
    thread: threading.Thread | None = None


class Keeper:
    """The commands of one supervisor."""

    def __init__(self, ended: Callable[[], None] = lambda: None) -> None:
        self._ended = ended
        self._lock = threading.Lock()
        self._followed: dict[int, _Followed] = {}

    def start(self, run: WakeRun, argv: list[str], env: Mapping[str, str], folder: str) -> str:
        """Why it could not be started, or "". From then on it is followed in a thread."""
        try:
            process = subprocess.Popen(  # noqa: S603 - from the allow-list, no shell
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=folder or env.get("HOME") or "/",
                env=dict(env),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            why = f"It could not be started: {short(str(error), 200)}"
            running.end_run(run, "failed", output=why)
            return why
        running.note_process(run, process.pid)
        deadline = time.monotonic() + numbers.RUN_MINUTES.value * 60
        one = _Followed(run, process, deadline)
        one.thread = threading.Thread(target=self._keep, args=(one,), name=f"run-{run.pk}")
        with self._lock:
            self._followed[run.pk] = one
        one.thread.start()
        return ""

    def __len__(self) -> int:
        return len(self._followed)

    def holds(self, pk: int) -> bool:
        return pk in self._followed

    def end(self, pks: list[int], why: str) -> None:
        with self._lock:
            for pk in pks:
                if pk in self._followed:
                    self._followed[pk].wanted = why

    def end_all(self) -> None:
        self.end(list(self._followed), "The supervisor was stopped.")
        self.join()

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
            running.end_run(one.run, status, exit_code=code, output=output, reason=why)
        except DatabaseError:
            # The row says that it runs; whoever looks after this machine's commands mends it.
            logger.exception("the end of command %s could not be noted", one.run.uid)
        finally:
            with self._lock:
                self._followed.pop(one.run.pk, None)
            connection.close()
            self._ended()

    def _follow(self, one: _Followed) -> tuple[str, str]:
        try:
            status, why = _read(one)
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
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            if one.wanted:
                return "killed", one.wanted
            left = one.deadline - time.monotonic()
            if left <= 0:
                return "timed_out", "It took longer than it may."
            if not selector.get_map():
                if _gone(one.process, min(_LOOK, left)):
                    return "", ""
                continue
            ready = selector.select(min(_LOOK, left))
            if ready and not _chunk(descriptor, one.log):
                selector.unregister(descriptor)
            elif not ready and one.process.poll() is not None:
                return "", ""  # a child of its own holds the pipe open: that is not waited for


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
    rows = list(WakeRun.objects.running().filter(host=hosts.host()))
    asked = [row.pk for row in rows if row.kill_asked_at is not None and keeper.holds(row.pk)]
    keeper.end(asked, "Somebody asked for it.")
    lost = [row for row in rows if not keeper.holds(row.pk) and not hosts.lives(row.supervisor)]
    return sum(_end_lost(row) for row in lost)


def _end_lost(row: WakeRun) -> bool:
    if row.pid is not None and hosts.same(row.pid, row.process_started):
        hosts.signal_group(row.pid, signal.SIGTERM)
        until = time.monotonic() + numbers.KILL_GRACE_SECONDS.value
        pause = threading.Event()
        while hosts.same(row.pid, row.process_started) and time.monotonic() < until:
            pause.wait(0.05)  # it is no child of ours: nobody tells us of its end
        hosts.signal_group(row.pid, signal.SIGKILL)
    return running.end_run(row, "orphaned", reason="Its supervisor is gone.")

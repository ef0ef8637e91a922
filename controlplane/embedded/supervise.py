"""Keeps a set of processes running: starts them, restarts the fallen, stops them in order."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from controlplane.embedded import processes
from controlplane.embedded.state import Run, State, Trouble

BACKOFF_FIRST = 0.5
BACKOFF_LIMIT = 30.0
HEALTHY_AFTER = 60.0  # a process that lived this long starts again without waiting
LOG_LIMIT = 10 * 1024 * 1024


@dataclass(frozen=True)
class Program:
    """One process to keep running."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str | Path
    uid: int | None = None
    stop_signal: int = signal.SIGTERM
    # What it gets when the supervisor itself is killed.
    death_signal: int = signal.SIGTERM
    grace: float = 10.0
    before_restart: Callable[[], None] | None = None


@dataclass
class _Child:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    since: float = 0.0
    wait: float = field(default_factory=lambda: BACKOFF_FIRST)
    due: float = 0.0
    restarts: int = 0


class Supervisor:
    """Single-threaded on purpose: the death signal of a child is tied to the forking thread."""

    def __init__(
        self,
        state: State,
        run: Run,
        say: Callable[[str], None],
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        self._interrupted = interrupted
        self._state = state
        self._run = run
        self._say = say
        self._children: dict[str, _Child] = {}

    def start(self, program: Program) -> None:
        child = _Child(program)
        self._children[program.name] = child
        self._spawn(child)

    def alive(self, name: str) -> bool:
        child = self._children.get(name)
        return bool(child and child.process and not _has_ended(child.process.pid))

    def require(self, name: str) -> None:
        """While waiting for it to answer: don't wait for the dead, nor against Ctrl-C."""
        if self._interrupted():
            raise KeyboardInterrupt
        if not self.alive(name):
            words = self.log(name).read_text(encoding="utf-8", errors="replace").splitlines()
            raise Trouble(
                f"{name} ended while starting. Its last words, from {self.log(name)}:\n"
                + "\n".join(f"    {line}" for line in words[-8:])
            )

    def tick(self) -> None:
        """Notice the fallen and start those whose waiting time is over."""
        now = time.monotonic()
        for child in self._children.values():
            if child.process is not None:
                self._notice_end(child, now)
            elif now >= child.due:
                self._restart(child)
        self._trim_logs()

    def stop(self) -> None:
        """In reverse order of starting, so that nobody loses a server it still talks to."""
        for child in reversed(list(self._children.values())):
            self._end(child)
        self._children.clear()
        self._run.programs.clear()
        self._run.write(self._state)

    # --- Inside -------------------------------------------------------------------------------

    def _spawn(self, child: _Child) -> None:
        program = child.program
        try:
            child.process = processes.spawn(
                program.argv,
                env=program.env,
                cwd=program.cwd,
                log=self.log(program.name),
                uid=program.uid,
                death_signal=program.death_signal,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise Trouble(f"{program.name} can't be started: {error}") from None
        child.since = time.monotonic()
        if identity := processes.identify(child.process.pid):
            self._run.programs[program.name] = identity
            self._run.write(self._state)

    def _notice_end(self, child: _Child, now: float) -> None:
        process = child.process
        if process is None or not _has_ended(process.pid):
            return
        # Its workers may outlive it and hold its socket. Until it is reaped nobody else can get
        # its number, so this is the moment when the group can be ended safely.
        processes.kill_group(process.pid)
        code = process.wait()
        child.process = None
        self._run.programs.pop(child.program.name, None)
        if now - child.since >= HEALTHY_AFTER:
            child.wait = BACKOFF_FIRST
        child.due = now + child.wait
        self._say(
            f"{child.program.name} ended ({_ending(code)}); it starts again in {child.wait:g} s. "
            f"See {self.log(child.program.name)}"
        )
        child.wait = min(child.wait * 2, BACKOFF_LIMIT)

    def _restart(self, child: _Child) -> None:
        child.restarts += 1
        try:
            if child.program.before_restart:
                child.program.before_restart()
            self._spawn(child)
        except Trouble as trouble:
            child.due = time.monotonic() + child.wait
            child.wait = min(child.wait * 2, BACKOFF_LIMIT)
            self._say(str(trouble))
            return
        self._say(f"{child.program.name} started again")

    def _end(self, child: _Child) -> None:
        process = child.process
        if process is None:
            return
        if not _has_ended(process.pid):
            process.send_signal(child.program.stop_signal)
            if not processes.wait_until(lambda: _has_ended(process.pid), child.program.grace):
                self._say(f"{child.program.name} didn't stop in time and is killed")
                process.kill()
                processes.wait_until(lambda: _has_ended(process.pid), 5)
        processes.kill_group(process.pid)
        process.wait()

    def log(self, name: str) -> Path:
        return self._state.logs / f"{name}.log"

    def _trim_logs(self) -> None:
        """Copy and truncate: the children keep their file open and append to it."""
        for name in self._children:
            path = self.log(name)
            try:
                if path.stat().st_size > LOG_LIMIT:
                    path.with_suffix(".log.1").write_bytes(path.read_bytes())
                    os.truncate(path, 0)
            except OSError:
                continue


def _has_ended(pid: int) -> bool:
    """Whether it has ended, leaving it unreaped so that its number stays taken."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def stop_leftovers(run: Run, say: Callable[[str], None]) -> bool:
    """End what an earlier supervisor left when it was killed; False when something resists."""
    clean = True
    for name, identity in reversed(list(run.leftovers().items())):
        say(f"Stopping {name} of an earlier run (pid {identity.pid})")
        first = signal.SIGINT if name == "postgres" else signal.SIGTERM
        if not processes.stop(identity, first=first, grace=15):
            say(f"{processes.describe(identity.pid)} can't be stopped: it belongs to another user")
            clean = False
    return clean

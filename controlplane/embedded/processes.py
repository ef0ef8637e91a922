"""Processes: start one that dies with us, know one again, and stop only what is ours."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
# A name of its own, because the type checker would call the other branch unreachable.
LINUX: bool = sys.platform.startswith("linux")
_libc = ctypes.CDLL(None, use_errno=True) if LINUX else None


@dataclass(frozen=True)
class Identity:
    """A pid alone may be somebody else's by now; with its start time it is one process."""

    pid: int
    started: str

    def to_json(self) -> dict[str, Any]:
        return {"pid": self.pid, "started": self.started}

    @classmethod
    def from_json(cls, value: object) -> Identity | None:
        if not isinstance(value, dict):
            return None
        pid, started = value.get("pid"), value.get("started")
        if type(pid) is not int or pid <= 1 or not isinstance(started, str) or not started:
            return None
        return cls(pid, started)


def started_at(pid: int) -> str:
    """When the process started, in the kernel's own words; empty when there is none."""
    if LINUX:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            return ""
        # The name in brackets may hold spaces and brackets itself: read behind the last one.
        fields = stat.rpartition(")")[2].split()
        # A zombie has ended; only its parent hasn't looked yet.
        return "" if fields[0] in "ZX" else f"{boot}:{fields[19]}"
    out = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return out.stdout.strip()


def identify(pid: int) -> Identity | None:
    started = started_at(pid)
    return Identity(pid, started) if started else None


def is_alive(identity: Identity) -> bool:
    return started_at(identity.pid) == identity.started


def describe(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return f"process {pid}"
    name = b" ".join(words[:3]).decode(errors="replace").strip()
    return f"{name[:80] or 'process'} (pid {pid})"


def wait_until(condition: Callable[[], bool], seconds: float, *, step: float = 0.05) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(step)
    return True


def stop(identity: Identity, *, first: int = signal.SIGTERM, grace: float = 10.0) -> bool:
    """Ask, wait, then kill. Checked before each signal, so that a reused pid is never hit."""
    for number, patience in ((first, grace), (signal.SIGKILL, 5.0)):
        if not is_alive(identity):
            return True
        try:
            os.kill(identity.pid, number)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        if wait_until(lambda: not is_alive(identity), patience):
            return True
    return False


def kill_group(leader: int) -> None:
    """End what a dead leader left behind. Only valid before the leader is reaped."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def dies_with_us(death_signal: int) -> Callable[[], None]:
    """For `preexec_fn`: the child gets this signal when we die, even by SIGKILL."""
    parent = os.getpid()

    def prepare() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
            if os.getppid() != parent:  # the parent died before the line above
                os._exit(1)

    return prepare


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str | Path,
    log: Path,
    uid: int | None = None,
    death_signal: int = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a leader of its own group that ends when its parent does, even by SIGKILL.

    Call it from the main thread: the death signal is tied to the thread that forks. Output goes
    straight into the file, so no pipe breaks and nothing is lost when the supervisor is killed.
    """
    with log.open("ab") as out:
        process: subprocess.Popen[bytes] = subprocess.Popen(
            list(argv),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=dies_with_us(death_signal),
            **({"user": uid, "group": uid, "extra_groups": []} if uid is not None else {}),  # type: ignore[call-overload]
        )
    return process

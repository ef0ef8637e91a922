"""What `doctor` can tell about the machine and the state folder, without any database."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from controlplane.embedded import caddy, postgres, processes, valkey
from controlplane.embedded.secrets import NAMES, parse
from controlplane.embedded.state import Run, State, Trouble

ENOUGH_DISK = 1_000_000_000
LITTLE_DISK = 200_000_000
SUPPORTED = ((3, 11), (3, 14))


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `mend` is the exact next step, empty when all is well."""

    check: str
    said: str
    mend: str = ""
    serious: bool = False

    @property
    def level(self) -> str:
        if not self.mend:
            return "ok"
        return "error" if self.serious else "warning"


def machine(state: State) -> Iterator[Finding]:
    yield python()
    yield disk(state.root)
    yield from programs()


def python() -> Finding:
    version = sys.version_info[:3]
    said = f"Python {'.'.join(map(str, version))} at {sys.executable}"
    if not SUPPORTED[0] <= version[:2] <= SUPPORTED[1]:
        mend = "Use Python 3.11 to 3.14: `python3.11 manage.py up`."
        return Finding("python", said, mend, serious=version[:2] < SUPPORTED[0])
    return Finding("python", said)


def disk(path: Path) -> Finding:
    while not path.exists():
        path = path.parent
    free = shutil.disk_usage(path).free
    said = f"{free / 1e9:.1f} GB free at {path}"
    if free < ENOUGH_DISK:
        mend = f"Free some space: `df -h {path}`, `du -xh {path} | sort -h | tail`."
        return Finding("disk", said, mend, serious=free < LITTLE_DISK)
    return Finding("disk", said)


def programs() -> Iterator[Finding]:
    """Needed by the embedded mode only, so their absence is a warning."""
    uid = postgres.UNPRIVILEGED if os.geteuid() == 0 else None
    finders: dict[str, Callable[[], Path]] = {
        "PostgreSQL": partial(postgres.find_binaries, uid),
        "Valkey": valkey.find_binary,
        "Caddy": caddy.find_binary,
    }
    for name, find in finders.items():
        try:
            yield Finding("programs", f"{name}: {find()}")
        except Trouble as trouble:
            yield Finding("programs", f"{name} is missing", str(trouble))


def folder(state: State) -> Iterator[Finding]:
    """The state folder: its rights, its secrets, and what runs from it."""
    if not state.root.exists():
        yield Finding(
            "state", f"{state.root} doesn't exist yet", "Start it: `python3 manage.py up`."
        )
        return
    if not os.access(state.root, os.W_OK | os.X_OK):
        mend = f"Run this as its owner, or `sudo chown -R $(id -u) {state.root}`."
        yield Finding("state", f"{state.root} can't be written", mend, serious=True)
        return
    yield Finding("state", f"{state.root}")
    yield from secret_file(state)
    yield from running(state)


def secret_file(state: State) -> Iterator[Finding]:
    path = state.secrets
    if not path.exists():
        return
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Finding(
            "secrets", f"{path} can be read by others", f"`chmod 600 {path}`", serious=True
        )
    have = parse(path.read_text(encoding="utf-8"))
    missing = [name for name in NAMES if not have.get(name)]
    if missing:
        mend = (
            "Put the file back from a copy; `up` would make new values, and what the old ones "
            "sealed could not be opened."
        )
        yield Finding("secrets", f"{path} lacks {', '.join(missing)}", mend, serious=True)
    else:
        yield Finding("secrets", f"{path}: {len(have)} values")


def running(state: State) -> Iterator[Finding]:
    run = Run.read(state)
    if run.running and run.supervisor:
        doing = {"starting": "Starting", "stopping": "Stopping"}.get(run.phase, "Running")
        yield Finding("processes", f"{doing} at {run.url} (pid {run.supervisor.pid})")
        for name, identity in run.programs.items():
            if not processes.is_alive(identity):
                yield Finding(
                    "processes",
                    f"{name} isn't alive; the supervisor starts it again",
                    f"If it stays so, read {state.logs / (name + '.log')}.",
                    serious=True,
                )
        return
    leftovers = run.leftovers()
    if leftovers:
        names = ", ".join(f"{name} (pid {i.pid})" for name, i in leftovers.items())
        mend = "`python3 manage.py down` ends them; the next `up` does too."
        yield Finding("processes", f"Left by a killed run: {names}", mend, serious=True)
    else:
        yield Finding("processes", "Not running", "Start it: `python3 manage.py up`.")

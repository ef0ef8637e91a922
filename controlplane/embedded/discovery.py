"""How `bd` finds the portal that runs for this user: one private file for each portal, written
while it runs and removed when it ends. Only its owner can read it, for it holds a key."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from controlplane.bd import portals
from controlplane.embedded import portal, processes
from controlplane.embedded.state import Run, State, write_private

# The key is renewed long before it ends; a portal may run for longer than a key lives.
RENEW_EVERY = 24 * 3600.0
PATIENCE = 30.0


def path_of(state: State, environ: Mapping[str, str] | None = None) -> Path:
    known = dict(os.environ if environ is None else environ)
    name = hashlib.sha256(os.fsencode(os.path.realpath(state.root))).hexdigest()[:16]
    return Path(portals.folder(known)) / f"{name}.json"


def publish(state: State, run: Run, *, key: str, why: str = "", authority: str = "") -> Path:
    """Say where the portal is and with which key; or why there is none."""
    path = path_of(state)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    supervisor = run.supervisor
    said = {
        "url": run.url,
        "key": key,
        "why": why,
        "authority": authority,
        "state": str(state.root),
        "began": datetime.now(UTC).isoformat(),
        "pid": supervisor.pid if supervisor else 0,
        "started": supervisor.started if supervisor else "",
    }
    write_private(path, json.dumps(said, indent=1) + "\n")
    return path


def forget(state: State, environ: Mapping[str, str] | None = None) -> None:
    """The portal is down: nobody is to be sent there. Another one's file stays."""
    try:
        path_of(state, environ).unlink(missing_ok=True)
    except OSError:
        return


class Introduction:
    """Runs `manage.py connect_bd` beside the start, and once a day after it. The portal is up
    whatever becomes of it."""

    def __init__(self, state: State, say: Callable[[str], None]) -> None:
        self._state = state
        self._say = say
        self._env: Mapping[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._due = 0.0

    def begin(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._due = time.monotonic() + RENEW_EVERY
        with (self._state.logs / "connect_bd.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(portal.ROOT / "manage.py"), "connect_bd"],
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=processes.dies_with_us(signal.SIGTERM),
            )

    def finish(self) -> None:
        """Wait for it, so that `bd` works from the moment the portal says that it is ready."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if code:
            log = self._state.logs / "connect_bd.log"
            self._say(f"bd does not find this portal by itself; see {log}")

    def tick(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            self.finish()
        if self._env and time.monotonic() >= self._due:
            self.begin(self._env)

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        forget(self._state, self._env or None)

"""PostgreSQL and Valkey for as long as one command takes: made for it, and removed with it."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from controlplane.embedded import processes, servers
from controlplane.embedded.state import Lock, Run, State, Trouble
from controlplane.embedded.supervise import Supervisor, stop_leftovers
from controlplane.lib.ending import asked_to_end

Say = Callable[[str], Any]
PREFIX = "test-"
END_S = 480.0  # for a command that has a portal of its own, or ends several


@contextmanager
def servers_for(parent: State, have: Mapping[str, str], say: Say) -> Iterator[dict[str, str]]:
    """What is added to the environment of those who use them: of whatever it has not yet."""
    with ExitStack() as stack:
        state = _own_state(parent, say, stack)
        added = {"CONTROLPLANE_STATE_DIR": str(state.root)}
        run = Run(supervisor=processes.identify(os.getpid()))
        supervisor = Supervisor(state, run, say)
        stack.callback(supervisor.stop)
        # Nothing here has to survive a power cut, so nothing waits for the disk.
        if not have.get("DATABASE_URL"):
            passwords = _Passwords()
            postgres = servers.start_database(state, passwords, supervisor, say, durable=False)
            added["DATABASE_URL"] = postgres.url("cp_owner")
        if not have.get("REDIS_URL"):
            broker = servers.start_broker(state, supervisor, say, durable=False)
            added["REDIS_URL"] = broker.url()
        yield added


def again(argv: Sequence[str], root: Path, parent: State, say: Say) -> int:
    """This command once more, as a program beside servers of its own; its exit code. Whoever ends
    this process ends that one first, then the servers."""
    if parent.root.name.startswith(PREFIX):
        raise Trouble("The database that was started for this command does not answer.")
    ours = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "CONTROLPLANE_STATE_DIR")
    env = {name: value for name, value in os.environ.items() if name not in ours}
    env.setdefault("SECRET_KEY", secrets.token_urlsafe(48))
    with asked_to_end(), servers_for(parent, {}, say) as added:
        process = subprocess.Popen(
            [sys.executable, str(root / "manage.py"), *argv[1:]],
            env={**env, **added, "CONTROLPLANE_NO_BOOTSTRAP": "1"},
        )
        try:
            return process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(END_S)
            if process.poll() is None:
                process.kill()
                process.wait()


def _own_state(parent: State, say: Say, stack: ExitStack) -> State:
    """A fresh one inside the state folder; what a killed run left there is cleared away."""
    parent.create()
    for old in parent.root.glob(f"{PREFIX}*"):
        _clear(State.at(old), say)
    root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent.root))
    state = State.at(root)
    state.create()
    lock = Lock(state)
    lock.take()
    stack.callback(_remove, state)
    stack.callback(lock.release)
    return state


class _Passwords(dict[str, str]):
    """Passwords of a database that lives as long as its command."""

    def __missing__(self, name: str) -> str:
        self[name] = secrets.token_urlsafe(24)
        return self[name]


def _clear(state: State, say: Say) -> None:
    lock = Lock(state)
    try:
        free = lock.take()
    except OSError:
        return
    if free:
        stop_leftovers(Run.read(state), say)
        lock.release()
        _remove(state)


def _remove(state: State) -> None:
    home = state.root / "postgres"
    if home.is_symlink():
        shutil.rmtree(os.path.realpath(home), ignore_errors=True)
    note = state.root / "socket-dir"
    if note.exists():
        shutil.rmtree(note.read_text(encoding="utf-8").strip(), ignore_errors=True)
    shutil.rmtree(state.root, ignore_errors=True)

"""The state folder: where everything lies, who holds it, and what runs from it."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controlplane.embedded import processes
from controlplane.embedded.processes import Identity

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, with the closing zero.
SOCKET_PATH_LIMIT = 100


class Trouble(Exception):
    """Something the person at the terminal must mend; the text says what and how."""


@dataclass(frozen=True)
class State:
    root: Path

    @classmethod
    def at(cls, path: str | Path) -> State:
        return cls(Path(os.path.abspath(path)))

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets.env"

    @property
    def environment(self) -> Path:
        """What `manage.py anything` in another terminal needs to reach this portal."""
        return self.root / "portal.env"

    @property
    def record(self) -> Path:
        return self.root / "run.json"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics"

    def create(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # As root PostgreSQL runs as another user and must pass through; every file and
            # folder inside that holds a secret is closed by itself.
            self.root.chmod(0o711 if os.geteuid() == 0 else 0o700)
            for folder in (self.logs, self.root / "run", self.root / "files", self.metrics):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise Trouble(
                f"The state folder {self.root} can't be used ({error.strerror}). Make it yours "
                f"with `sudo chown -R $(id -u) {self.root}`, or choose another one with "
                "`--state DIR`."
            ) from None

    def socket_dir(self, longest_name: str) -> Path:
        """A private folder whose socket paths fit; a short one is made where the path is long."""
        near = self.root / "run"
        if len(os.fsencode(near / longest_name)) < SOCKET_PATH_LIMIT:
            return near
        note = self.root / "socket-dir"
        recorded = Path(note.read_text(encoding="utf-8").strip()) if note.exists() else None
        if recorded and _private(recorded):
            return recorded
        made = Path(tempfile.mkdtemp(prefix="cp-", dir="/tmp"))
        made.chmod(0o711 if os.geteuid() == 0 else 0o700)
        note.write_text(f"{made}\n", encoding="utf-8")
        return made


def _private(folder: Path) -> bool:
    """A folder in a public place is reused only if it is ours and nobody else can write there."""
    try:
        info = folder.lstat()
    except OSError:
        return False
    return folder.is_dir() and info.st_uid == os.geteuid() and not info.st_mode & 0o066


class Lock:
    """One supervisor for each state folder. The kernel releases it however the holder ends."""

    def __init__(self, state: State) -> None:
        self._path = state.root / "lock"
        self._handle: int | None = None

    def take(self) -> bool:
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner alone from the first byte on."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    os.replace(scratch, path)


@dataclass
class Run:
    """What `run.json` says: who supervises, under which URL, and which processes it started."""

    url: str = ""
    phase: str = "starting"  # starting | running | stopping
    supervisor: Identity | None = None
    programs: dict[str, Identity] = field(default_factory=dict)

    @classmethod
    def read(cls, state: State) -> Run:
        try:
            found: Any = json.loads(state.record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return cls()
        if not isinstance(found, dict):
            return cls()
        programs = found.get("programs")
        return cls(
            url=str(found.get("url", "")),
            phase=str(found.get("phase", "")),
            supervisor=Identity.from_json(found.get("supervisor")),
            programs={
                str(name): identity
                for name, value in (programs if isinstance(programs, Mapping) else {}).items()
                if (identity := Identity.from_json(value))
            },
        )

    def write(self, state: State) -> None:
        write_private(
            state.record,
            json.dumps(
                {
                    "url": self.url,
                    "phase": self.phase,
                    "supervisor": self.supervisor.to_json() if self.supervisor else None,
                    "programs": {n: i.to_json() for n, i in self.programs.items()},
                },
                indent=1,
            ),
        )

    @property
    def running(self) -> bool:
        return self.supervisor is not None and processes.is_alive(self.supervisor)

    def leftovers(self) -> dict[str, Identity]:
        """Processes of an earlier run that outlived their supervisor. Never a foreign pid."""
        return {n: i for n, i in self.programs.items() if processes.is_alive(i)}

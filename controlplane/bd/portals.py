"""The portals that `up` runs for this user, each in a private file that `up` writes and `down`
removes. A file alone proves nothing: its portal may have been killed."""

from __future__ import annotations

import os

from controlplane.bd import files


class Portal:
    """One of this user's portals, by what its file says."""

    def __init__(self, path: str, said: dict[str, object]) -> None:
        self.path = path
        self.url = _text(said, "url")
        self.key = _text(said, "key")
        self.authority = _text(said, "authority")
        self.state = _text(said, "state")
        self.why = _text(said, "why")
        self.began = _text(said, "began")
        pid = said.get("pid")
        self.pid = pid if isinstance(pid, int) and pid > 1 else 0
        self.started = _text(said, "started")

    @property
    def running(self) -> bool:
        """The very process that wrote the file, not another one with its number."""
        if not self.pid:
            return False
        if self.started.count(":") == 1:
            return _started_at(self.pid) == self.started
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True
        return True


def folder(environ: dict[str, str] | os._Environ[str]) -> str:
    """Where the files lie: also `controlplane.embedded.discovery` writes there."""
    base = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".local", "state")
    return os.path.join(base, "controlplane", "portals")


def found(environ: dict[str, str] | os._Environ[str]) -> list[Portal]:
    """Every portal that has a file, the newest first. What others could have written is none."""
    place = folder(environ)
    try:
        names = [name for name in os.listdir(place) if name.endswith(".json")]
    except OSError:
        return []
    paths = [os.path.join(place, name) for name in names]
    portals = [Portal(path, files.read_json(path)) for path in paths if _private(path)]
    return sorted(portals, key=lambda portal: portal.began, reverse=True)


def _private(path: str) -> bool:
    try:
        info = os.stat(path, follow_symlinks=False)
    except OSError:
        return False
    return info.st_uid == os.geteuid() and not info.st_mode & 0o077


def _started_at(pid: int) -> str:
    stat = files.read_text(f"/proc/{pid}/stat")
    fields = stat.rpartition(")")[2].split()
    if len(fields) < 20 or fields[0] in "ZX":
        return ""
    boot = files.read_text("/proc/sys/kernel/random/boot_id").strip()
    return f"{boot}:{fields[19]}"


def _text(said: dict[str, object], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""

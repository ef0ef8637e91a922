"""Keeps the folder of metric files small: values of ended processes are folded into one file.

Simply deleting them would make counters jump back; keeping them all would leave a file for each
worker that ever lived. Process id 0 stands for everybody who is gone.

A file carries the name of its machine beside the process id: containers share the folder, and in
each of them ids begin anew.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.conf import settings

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_FOLDED = "0"
# No "_", which parts the words of a file's name.
_HERE = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:80]
_TOUCH_S = 60.0
_SILENT_S = 600.0  # ten touches missed: nobody of that machine is there any more
_touched = float("-inf")
_shared = False


def settle_folder() -> Path:
    """Say where values live. The client decides once, when first imported by anybody, whether
    they are shared at all, so this comes before: `JobsConfig.ready` calls it."""
    if not os.environ.get(_VARIABLE):
        folder = Path(settings.STATE_DIR) / "metrics"
        if settings.TESTING:
            folder = Path(tempfile.mkdtemp(prefix="metrics-"))
        os.environ[_VARIABLE] = str(folder)
    _share()
    return Path(os.environ[_VARIABLE])


def _share() -> None:
    """Once: what was counted before would stand in a file that nobody writes to any more."""
    global _shared
    if not _shared:
        from prometheus_client import values

        several: Any = values.MultiProcessValue
        values.ValueClass = several(identity)
        _shared = True


def identity() -> str:
    return f"{_HERE}.{os.getpid()}"


def keep_alive() -> None:
    """Tell the other machines that share this folder that the processes of this one are there."""
    global _touched
    folder, now = os.environ.get(_VARIABLE), time.monotonic()
    if folder is None or now - _touched < _TOUCH_S:
        return
    _touched = now
    for path in Path(folder).glob(f"*_{_HERE}.*.db"):
        if _is_alive(path):
            with suppress(OSError):  # folded meanwhile, or another user's
                os.utime(path)


def fold_dead(folder: Path) -> int:
    """Fold files of dead processes; returns how many. One process at a time does it."""
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        dead = [path for path in folder.glob("*.db") if not _is_alive(path)]
        for kind, paths in _by_kind(dead).items():
            if kind in {"counter", "histogram", "summary"}:
                _fold(folder / f"{kind}_{_FOLDED}.db", paths)
            for path in paths:
                path.unlink(missing_ok=True)
        return len(dead)


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """While somebody sums up the files none of them is folded: what was folded and not yet
    removed would count twice, and what is removed under the reader could not be read."""
    fold_dead(folder)
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield


def _is_alive(path: Path) -> bool:
    machine, _, pid = path.stem.rpartition("_")[2].rpartition(".")
    if pid == _FOLDED or not pid.isdigit():
        return True
    if machine not in {"", _HERE}:
        return _age(path) < _SILENT_S
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _by_kind(paths: list[Path]) -> dict[str, list[Path]]:
    kinds: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        kinds[path.stem.rpartition("_")[0]].append(path)
    return kinds


def _fold(into: Path, paths: list[Path]) -> None:
    from prometheus_client import mmap_dict  # only after the folder is settled

    mmaped: Any = mmap_dict.MmapedDict  # untyped in its package
    sums: dict[str, float] = defaultdict(float)
    for path in paths:
        for key, value, _, _ in mmaped.read_all_values_from_file(str(path)):
            sums[key] += value
    target = mmaped(str(into))
    try:
        for key, value in sums.items():
            known, _ = target.read_value(key)
            target.write_value(key, known + value, 0.0)
    finally:
        target.close()

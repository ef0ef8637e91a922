"""Keeps the folder of metric files small: values of ended processes are folded into one file.

Simply deleting them would make counters jump back; keeping them all would leave a file for each
worker that ever lived. Process id 0 stands for everybody who is gone.
"""

from __future__ import annotations

import fcntl
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

from prometheus_client import mmap_dict

_FOLDED = "0"
_MmapedDict: Any = mmap_dict.MmapedDict  # untyped in its package


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


def _pid(path: Path) -> str:
    return path.stem.rpartition("_")[2]


def _is_alive(path: Path) -> bool:
    pid = _pid(path)
    if pid == _FOLDED or not pid.isdigit():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _by_kind(paths: list[Path]) -> dict[str, list[Path]]:
    kinds: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        kinds[path.stem.rpartition("_")[0]].append(path)
    return kinds


def _fold(into: Path, paths: list[Path]) -> None:
    sums: dict[str, float] = defaultdict(float)
    for path in paths:
        for key, value, _, _ in _MmapedDict.read_all_values_from_file(str(path)):
            sums[key] += value
    target = _MmapedDict(str(into))
    try:
        for key, value in sums.items():
            known, _ = target.read_value(key)
            target.write_value(key, known + value, 0.0)
    finally:
        target.close()

"""What one machine can say of itself without help: from `/proc` where there is one."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

PROC = Path("/proc")
Values = Iterator[tuple[str, str, float, str]]  # name, unit, value, of


def name() -> str:
    return socket.gethostname()[:60]


def disks() -> Values:
    """The disks that hold the portal's files, each once."""
    seen: set[int] = set()
    for of, place in (("state", Path(settings.STATE_DIR)), ("root", Path("/"))):
        try:
            device = os.stat(place).st_dev
            usage = shutil.disk_usage(place)
        except OSError:
            continue
        if device in seen:
            continue
        seen.add(device)
        free = usage.free / (usage.used + usage.free) * 100 if usage.used + usage.free else 0.0
        yield "disk_used_percent", "%", round(100 - free, 2), of


def memory(proc: Path = PROC) -> Values:
    """What can't be had without taking it from somebody. A container's limit counts for it."""
    known = dict(_numbers(_text(proc / "meminfo")))
    total, free = known.get("MemTotal", 0), known.get("MemAvailable", 0)
    if total:
        yield "memory_used_percent", "%", round(100 - free / total * 100, 2), ""


def processor(state: dict[str, Any], proc: Path = PROC) -> Values:
    """Busy time since the last look, of all time. The first look has nothing to compare with."""
    first = _text(proc / "stat").partition("\n")[0].split()
    if not first or first[0] != "cpu":
        return
    ticks = [int(tick) for tick in first[1:9]]
    idle, total = ticks[3] + ticks[4], sum(ticks)
    before = state.get("cpu")
    state["cpu"] = [idle, total]
    if before and total > before[1] and idle >= before[0]:
        share = (idle - before[0]) / (total - before[1])
        yield "cpu_percent", "%", round(max(0.0, 100 - share * 100), 2), ""


def resident(pid: int, proc: Path = PROC) -> float | None:
    """Bytes of memory that a process of this machine holds."""
    value = dict(_numbers(_text(proc / str(pid) / "status"))).get("VmRSS")
    return value * 1024.0 if value else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _numbers(text: str) -> Iterator[tuple[str, int]]:
    """`Name:   123 kB` lines."""
    for line in text.splitlines():
        key, _, rest = line.partition(":")
        value = rest.split()
        if value and value[0].isdigit():
            yield key, int(value[0])

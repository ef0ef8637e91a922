"""Processes of this machine, told apart from later ones with the same number."""

from __future__ import annotations

import os
import signal
import socket
from functools import cache
from pathlib import Path

_PROC = Path("/proc")


def host() -> str:
    return socket.gethostname()[:120]


@cache
def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()[:8]
    except OSError:
        return ""


def started(pid: int) -> str:
    """When it began, in ticks of this boot; empty where there is none, or it can't be told."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()  # its name may hold blanks and brackets
    if len(fields) < 20 or fields[0] == "Z":
        return ""
    return f"{_boot()}:{fields[19]}"


def same(pid: int | None, began: str) -> bool:
    """Is it still the process that was started then?"""
    return pid is not None and bool(began) and started(pid) == began


def name_of(pid: int | None = None) -> str:
    """A supervisor's own name: machine, process and when it began."""
    number = pid or os.getpid()
    return f"{host()[:60]}:{number}:{started(number)}"


def lives(name: str) -> bool:
    """Of a supervisor of this machine."""
    _, pid, began = name.split(":", 2) if name.count(":") >= 2 else ("", "", "")
    return pid.isdigit() and same(int(pid), began)


def signal_group(pid: int, number: signal.Signals) -> bool:
    """The process and its children. False when nothing is left of them."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def marked(name: str, value: str) -> list[int]:
    """Processes with this in their environment, which their children inherit."""
    wanted = f"{name}={value}".encode()
    found = []
    for entry in _PROC.glob("[0-9]*/environ"):
        try:
            said = entry.read_bytes()
        except OSError:  # somebody else's, or it has just ended
            continue
        if wanted in said.split(b"\0"):
            found.append(int(entry.parent.name))
    return found

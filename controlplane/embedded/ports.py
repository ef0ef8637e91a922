"""The public port: whether it can be had, and who has it."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from pathlib import Path

from controlplane.embedded import processes
from controlplane.embedded.portal import Address
from controlplane.embedded.state import Trouble


def check(address: Address) -> None:
    """Raise with a next step when the port can't be had."""
    error = _bind_error(address.bind, address.port)
    if error is None:
        return
    if error.errno == errno.EADDRINUSE:
        holder = holder_of(address.port)
        by = f" by {holder}" if holder else ""
        free = next_free(address)
        raise Trouble(
            f"Port {address.port} on {address.bind} is taken{by}. Stop it, or choose another port: "
            f"`python3 manage.py up --port {free}`"
        )
    if error.errno == errno.EACCES:
        raise Trouble(
            f"Only root may serve port {address.port}. Choose one above 1023: "
            "`python3 manage.py up --port 8000`"
        )
    raise Trouble(
        f"{address.bind}:{address.port} can't be served ({error.strerror}). This machine's own "
        "addresses: `ip -brief address`; 127.0.0.1 always works."
    )


def _bind_error(bind: str, port: int) -> OSError | None:
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the proxy does: a port whose last connections are winding down is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
            probe.listen(1)
        except OSError as error:
            return error
    return None


def next_free(address: Address) -> int:
    for port in range(max(address.port, 1024) + 1, 65_536):
        if _bind_error(address.bind, port) is None:
            return port
    return 0


def holder_of(port: int) -> str:
    """The process that listens there, where the kernel lets us see it; else empty."""
    inodes = _listening_inodes(port)
    if not inodes:
        return ""
    for process in Path("/proc").glob("[0-9]*"):
        if inodes & _open_files(process):
            return processes.describe(int(process.name))
    return "a process of another user"


def _open_files(process: Path) -> set[str]:
    """Its open files, as far as we may look; files close while we do."""
    found = set()
    with suppress(OSError):
        for name in os.listdir(process / "fd"):
            with suppress(OSError):
                found.add(os.readlink(process / "fd" / name))
    return found


def _listening_inodes(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{fields[9]}]")
    return found

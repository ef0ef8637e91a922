"""A way to the database that can be stopped: what goes through it waits, as behind a network that
swallows everything and refuses nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qs, urlsplit, urlunsplit

_CHUNK = 65_536


class Way:
    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The same database, through here."""
        parts = self._parts
        who = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        place = f"{who}127.0.0.1:{self._listener.getsockname()[1]}"
        return urlunsplit((parts.scheme, place, parts.path, "", ""))

    def _reach(self) -> socket.socket:
        folder = parse_qs(self._parts.query).get("host", [""])[0]
        number = self._parts.port or 5432
        if folder.startswith("/"):
            link = socket.socket(socket.AF_UNIX)
            link.connect(f"{folder}/.s.PGSQL.{number}")
            return link
        return socket.create_connection((self._parts.hostname or folder or "127.0.0.1", number))

    def _accept(self) -> None:
        with suppress(OSError):  # closed: nobody comes any more
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        self._open.wait()
        far = self._reach()
        threading.Thread(target=self._copy, args=(far, near), daemon=True).start()
        self._copy(near, far)

    def _copy(self, here: socket.socket, there: socket.socket) -> None:
        with suppress(OSError):
            while said := here.recv(_CHUNK):
                self._open.wait()
                there.sendall(said)
        for each in (here, there):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def close(self) -> None:
        self._open.set()
        self._listener.close()

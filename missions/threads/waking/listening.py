"""Hearing of new wakes: a connection of its own that listens, and is made anew when it breaks."""

from __future__ import annotations

import logging
import threading
from typing import Any

from django.db import DatabaseError, InterfaceError, connections

from missions.threads.waking.due import CHANNEL

logger = logging.getLogger(__name__)
_ALIAS = "default"
_LOOK = 1.0  # seconds between looks whether to stop
_AGAIN = 1.0  # seconds before a broken connection is made anew; the tick goes on meanwhile


class Listener:
    def __init__(self, nudge: threading.Event) -> None:
        self._nudge = nudge
        self._stop = threading.Event()
        self.listens = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wake-listen", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(2 * _LOOK)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except (DatabaseError, InterfaceError, OSError) as error:
                logger.warning("new wakes are not heard of: %s", type(error).__name__)
                self.listens.clear()
                self._stop.wait(_AGAIN)

    def _listen(self) -> None:
        wrapper = _own_connection()
        try:
            with wrapper.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            self.listens.set()
            self._nudge.set()  # of what came while nobody listened
            while not self._stop.is_set():
                with wrapper.wrap_database_errors:
                    for _ in wrapper.connection.notifies(timeout=_LOOK, stop_after=1):
                        self._nudge.set()
        finally:
            wrapper.close()


def _own_connection() -> Any:
    """Outside the pool, which is for whoever asks and gives back."""
    wrapper: Any = connections.create_connection(_ALIAS)
    options = {k: v for k, v in wrapper.settings_dict["OPTIONS"].items() if k != "pool"}
    wrapper.settings_dict = {**wrapper.settings_dict, "OPTIONS": options, "CONN_MAX_AGE": None}
    wrapper.inc_thread_sharing()
    wrapper.ensure_connection()
    return wrapper

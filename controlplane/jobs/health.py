"""Is the portal ready? One answer within a bounded time, whatever hangs.

Each look runs in a thread of its own that is given up after `LIMIT`: a database or broker that is
stopped, not gone, answers nothing at all, and a monitor must not hang with it. While an abandoned
look still hangs no second one is started, so a dead dependency costs one thread, not one a second.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from controlplane.jobs import broker, watch
from controlplane.lib import defaults, errors

logger = logging.getLogger(__name__)

LIMIT = defaults.define(
    "health.limit_s", 2.5, unit="seconds", why="Monitors and proxies give up soon after."
)
FRESH = defaults.define(
    "health.fresh_s", 1.0, unit="seconds", why="Answers within it share one look."
)


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    checks: tuple[Check, ...]
    taken_at: float = field(default_factory=time.monotonic)

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    @property
    def failing(self) -> list[str]:
        return [check.name for check in self.checks if not check.ok]


class Bounded:
    """Runs a look in a thread and waits `limit` seconds for it at most."""

    def __init__(self, name: str, look: Callable[[], list[Check]]) -> None:
        self.name, self._look = name, look
        self._lock = threading.Lock()
        self._busy: threading.Thread | None = None
        self._result: list[Check] = []

    def begin(self) -> None:
        with self._lock:
            if self._busy is None or not self._busy.is_alive():
                self._result = []
                self._busy = threading.Thread(
                    target=self._run, name=f"ready-{self.name}", daemon=True
                )
                self._busy.start()

    def _run(self) -> None:
        try:
            self._result = self._look()
        except Exception as error:  # noqa: BLE001  (whatever went wrong is the answer)
            self._result = [Check(self.name, False, _sentence(error))]
        finally:
            connections.close_all()

    def result(self, until: float) -> list[Check]:
        thread = self._busy
        if thread is not None:
            thread.join(max(0.0, until - time.monotonic()))
            if not thread.is_alive():
                return self._result
        return [Check(self.name, False, "does not answer")]


def _sentence(error: Exception) -> str:
    if isinstance(error, errors.ControlPlaneError):
        return error.message
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]


_migrated: set[str] = set()


def _database() -> list[Check]:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 2000")
        cursor.execute("SELECT 1")
    try:
        return [
            Check("database", True),
            _migrations(),
            *_components(),
            *_engine(),
        ]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET statement_timeout")


def _migrations() -> Check:
    """Every migration of the code is in the database. Once true it stays true for this process,
    since code only changes with a restart."""
    if "all" in _migrated:
        return Check("migrations", True)
    wanted = set(MigrationLoader(None, ignore_no_migrations=True).disk_migrations or {})
    missing = wanted - set(MigrationRecorder(connection).applied_migrations())
    if not missing:
        _migrated.add("all")
    names = ", ".join(sorted(f"{app}.{name}" for app, name in missing)[:5])
    return Check("migrations", not missing, f"not applied: {names}" if missing else "")


def _components() -> list[Check]:
    silent = {finding.subject: finding.message for finding in watch.silent_components()}
    silent.pop("web", None)  # answering this is the sign of life
    names = [name for name in watch.expected() if name != "web"]
    return [Check(name, name not in silent, silent.get(name, "")) for name in names]


def _engine() -> list[Check]:
    stalled = [finding.message for finding in watch.stalled_engine()]
    late = [f.message for f in watch.backlogs() if f.kind == "lag"]
    return [
        Check("engine", not stalled, " ".join(stalled)),
        Check("lag", not late, " ".join(late)),
    ]


def _broker() -> list[Check]:
    broker.ping()
    return [Check("broker", True)]


_looks = (Bounded("database", _database), Bounded("broker", _broker))
_lock = threading.Lock()
_last: Report | None = None


def report() -> Report:
    """The newest answer, at most `FRESH` seconds old."""
    global _last
    with _lock:
        if _last is None or time.monotonic() - _last.taken_at > FRESH.value:
            _last = look()
        return _last


def look() -> Report:
    until = time.monotonic() + LIMIT.value
    for bounded in _looks:
        bounded.begin()
    checks = [Check("web", True)]
    for bounded in _looks:
        checks.extend(bounded.result(until))
    return Report(tuple(checks))

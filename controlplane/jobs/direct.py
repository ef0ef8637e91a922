"""The way out that needs nothing of the portal's own engine: plain mail, and a ping that stops.

Used when the engine that normally sends does not turn, or when the database is away. Addresses
are kept in memory from the last good look, for they cannot be asked for any more by then.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import mail as django_mail
from django.db.models import F
from django.db.models.functions import Now

from controlplane.access.models import Grant
from controlplane.jobs.models import EngineCycle
from controlplane.lib import defaults, http

logger = logging.getLogger(__name__)

PING_EVERY = defaults.define(
    "jobs.deadman_s", 60.0, unit="seconds", why="Rhythm of the outward sign of life."
)
PING_AGAIN = defaults.define(
    "jobs.deadman_again_s",
    15.0,
    unit="seconds",
    why="One that was not taken is tried again well before whoever waits for it takes alarm.",
)
CALM = defaults.define(
    "jobs.once_calm_s",
    15.0,
    unit="seconds",
    why="Three looks of each process: if none of them sees the trouble any more, it is over.",
)
_known_admins: frozenset[str] = frozenset()
_next_ping = float("-inf")
OUTWARD = "outward sign of life"


def remember_admins() -> frozenset[str]:
    """Mail addresses of the workspaces' admins; refreshed on every look that reaches the rows."""
    global _known_admins
    held = Grant.objects.held().filter(role="workspace_admin", membership__user__is_active=True)
    _known_admins = frozenset(held.values_list("membership__user__email", flat=True))
    return _known_admins


def mail(subject: str, body: str, *, to: Iterable[str] | None = None) -> bool:
    """One mail to the admins, now. False when it could not be handed to the mail server."""
    addresses = sorted(set(_known_admins if to is None else to))
    if not addresses:
        logger.error("nobody to tell directly: %s", subject)
        return False
    try:
        django_mail.send_mail(
            f"[portal] {subject}"[:200].replace("\n", " "),
            f"{body}\n\nSent directly, because the portal's own delivery may not work.\n"
            f"{settings.PUBLIC_URL}/ready",
            None,
            addresses,
        )
    except Exception as error:  # noqa: BLE001  (the mail server may be what is broken)
        logger.error("could not mail %d admins directly: %s", len(addresses), error)
        return False
    return True


def ping(*, healthy: bool) -> bool:
    """The outward sign of life: silence at the other end is the alarm, so an unhealthy portal
    must not ping. True when one was taken; one that was not is tried again soon, and what became
    of the last is kept for the watch."""
    global _next_ping
    url = settings.DEADMAN_URL
    if not url or not healthy or time.monotonic() < _next_ping:
        return False
    refused = _refused(url)
    wait = PING_AGAIN if refused else PING_EVERY
    _next_ping = time.monotonic() + wait.value
    _keep_sign(refused)
    return not refused


def _refused(url: str) -> str:
    """Why it was not taken, or "". Of an address that answers 404 nobody counts the calls."""
    try:
        answer = http.request("GET", url, timeout=5)
    except Exception as error:  # noqa: BLE001  (whoever watches from outside will notice)
        why = str(error)
    else:
        why = "" if 200 <= answer.status < 300 else f"It answered {answer.status}."
    if why:
        logger.warning("the outward sign of life was not taken: %s", why)
    return why


def _keep_sign(refused: str) -> None:
    if refused:
        seen: dict[str, Any] = {"failures": F("failures") + 1, "last_error": refused}
    else:
        seen = {"ok_at": Now(), "done": F("done") + 1, "failures": 0, "last_error": ""}
    row, _ = EngineCycle.objects.get_or_create(module=OUTWARD)
    EngineCycle.objects.filter(pk=row.pk).update(started_at=Now(), **seen)


class OncePerMachine:
    """A mark on disk for alarms that cannot be rows: one process of this machine tells.

    Told is what a mail server took: until then each look tries again, by whichever process. A
    teller that is killed lets go of the file, and the next one tells. Whoever still sees the
    trouble freshens the mark, and only one that nobody freshens any more is over: processes that
    see different things don't contradict each other by turns.
    """

    def __init__(self, name: str, *, now: Callable[[], float] | None = None) -> None:
        self.path = Path(settings.STATE_DIR) / "run" / f"told-{name}"
        # The machine's own time since its start: the same for all its processes, and no step.
        self._now = now or (lambda: time.monotonic())

    def tell(self, say: Callable[[], bool]) -> bool:
        """Say it, unless it was said. True when it was, just now."""
        with self._held(make=True) as mark:
            if mark is None:
                return False
            said = bool(os.pread(mark, 1, 0))
            well = not said and say()
            if well:
                os.pwrite(mark, b"1", 0)
            at = self._now()
            os.utime(mark, (at, at))
            return well

    def over(self, say: Callable[[], bool] | None = None) -> bool:
        """Seen to be well: after a while in which nobody saw otherwise, say that it is over, if
        it was ever told. True when it is, just now."""
        if not self.path.exists():
            return False
        with self._held(make=False) as mark:
            if mark is None or 0 <= self._now() - os.fstat(mark).st_mtime < CALM.value:
                return False
            if say is not None and os.pread(mark, 1, 0):
                say()
            self.path.unlink(missing_ok=True)
            return True

    @contextmanager
    def _held(self, *, make: bool) -> Iterator[int | None]:
        """The open file, for one process at a time; None while another has it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            mark = os.open(self.path, os.O_RDWR | (os.O_CREAT if make else 0), 0o600)
        except FileNotFoundError:
            yield None
            return
        try:
            yield mark if self._locked(mark) else None
        finally:
            os.close(mark)

    def _locked(self, mark: int) -> bool:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever ended it took the name away: then this is nobody's mark any more.
            return os.fstat(mark).st_ino == os.stat(self.path).st_ino
        except (BlockingIOError, FileNotFoundError):
            return False

"""The way out that needs nothing of the portal's own engine: plain mail, and a ping that stops.

Used when the engine that normally sends does not turn, or when the database is away. Addresses
are kept in memory from the last good look, for they cannot be asked for any more by then.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.core import mail as django_mail

from controlplane.access.models import Grant
from controlplane.lib import defaults, http

logger = logging.getLogger(__name__)

PING_EVERY = defaults.define(
    "jobs.deadman_s", 60.0, unit="seconds", why="Rhythm of the outward sign of life."
)
_known_admins: frozenset[str] = frozenset()
_last_ping = float("-inf")


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
    must not ping. True when one was sent."""
    global _last_ping
    url = settings.DEADMAN_URL
    if not url or not healthy or time.monotonic() - _last_ping < PING_EVERY.value:
        return False
    _last_ping = time.monotonic()
    try:
        http.request("GET", url, timeout=5)
    except Exception as error:  # noqa: BLE001  (whoever watches from outside will notice)
        logger.warning("the outward sign of life failed: %s", error)
        return False
    return True


class OncePerMachine:
    """A mark on disk for alarms that cannot be rows: one process of this machine tells."""

    def __init__(self, name: str) -> None:
        self.path = Path(settings.STATE_DIR) / "run" / f"told-{name}"

    def take(self) -> bool:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return False
        return True

    def clear(self) -> None:
        self.path.unlink(missing_ok=True)

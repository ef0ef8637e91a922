"""A page as it was last written, from memory; from the database when that is old; from the disk
when the database is away. Of all who read it one waits for the database, and not for long."""

from __future__ import annotations

import gzip
import json
import logging
import os
import re
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, connections
from psycopg_pool import PoolTimeout

from controlplane.lib import defaults
from incidents.models import StatusDocument, StatusPage

logger = logging.getLogger(__name__)
FRESH_S = defaults.define(
    "status.fresh_s", 5.0, unit="seconds", why="So old may a page be that is read from memory."
)
AWAY_S = defaults.define(
    "status.away_s",
    10.0,
    unit="seconds",
    why="A database that was away is asked again after so long: readers don't wait for it.",
)
WAIT_S = defaults.define(
    "status.wait_s",
    1.0,
    unit="seconds",
    why="So long does one reader wait for the database; the others read the copy meanwhile.",
)
GIVE_UP_S = defaults.define(
    "status.give_up_s",
    30.0,
    unit="seconds",
    why="A connection that says nothing for so long is left alone, and another one is asked.",
)
FIRST = ""  # the page under /status/ itself
_MOST_HANGING = 8
_AWAY = (DatabaseError, InterfaceError, PoolTimeout)
_NAME = re.compile(r"[a-z0-9-]{0,40}")


@dataclass(frozen=True, slots=True)
class Bundle:
    digest: str
    parts: dict[str, tuple[str, str]]
    changed: float  # seconds since 1970
    packed: dict[str, bytes] = field(default_factory=dict, compare=False)

    def zipped(self, path: str) -> bytes:
        """Packed once, for all who read it."""
        if path not in self.packed:
            self.packed[path] = gzip.compress(self.parts[path][1].encode(), 6, mtime=0)
        return self.packed[path]


class _Asking:
    """The database is asked how a page is now, beside whoever reads it: what hangs for as long as
    a network is away must hang nobody with it."""

    def __init__(self, name: str, known: Bundle | None) -> None:
        self.name, self.known = name, known
        self.began = time.monotonic()
        self.over = Event()
        self.found = known

    def work(self) -> None:
        global _away_until
        try:
            self.found = _from_rows(self.name, self.known)
            _remember(self.name, self.began, self.found)
        except _AWAY as error:
            _away_until = time.monotonic() + AWAY_S.value  # asking took its time
            self.found = self.known or _from_disk(self.name)
            _remember(self.name, self.began, self.found)
            logger.warning("status page served from its copy: %s", error)
        finally:
            self.over.set()

    def work_apart(self) -> None:
        try:
            self.work()
        finally:
            connections.close_all()

    @property
    def hangs(self) -> bool:
        return time.monotonic() - self.began > GIVE_UP_S.value


_known: dict[str, tuple[float, Bundle | None]] = {}  # name: (looked at, what was there)
_asking: dict[str, _Asking] = {}
_hanging: list[_Asking] = []
_away_until = 0.0
_lock = Lock()


def bundle(name: str) -> Bundle | None:
    """None where there is no page of this name that may be read."""
    if not _NAME.fullmatch(name):
        return None
    looked, known = _known.get(name, (float("-inf"), None))
    if time.monotonic() - looked < FRESH_S.value:
        return known
    if time.monotonic() < _away_until:
        return known or _from_disk(name)
    asked, mine = _ask(name, known)
    if known is not None and not mine:
        return known
    left = asked.began + WAIT_S.value - time.monotonic()
    if asked.over.wait(max(left, 0.0)):
        return asked.found
    return known or _from_disk(name)


def _ask(name: str, known: Bundle | None) -> tuple[_Asking, bool]:
    """(who asks, whether on behalf of this reader)."""
    if connection.in_atomic_block:  # in a transaction of one's own: it sees what that wrote
        asked = _Asking(name, known)
        asked.work()
        return asked, True
    with _lock:
        found = _asking.get(name)
        if found is not None and not found.over.is_set():
            if not found.hangs or len(_still_hanging()) >= _MOST_HANGING:
                return found, False
            _hanging.append(found)
        asked = _asking[name] = _Asking(name, known)
    Thread(target=asked.work_apart, name=f"status page {name}", daemon=True).start()
    return asked, True


def _still_hanging() -> list[_Asking]:
    _hanging[:] = [each for each in _hanging if not each.over.is_set()]
    return _hanging


def _remember(name: str, now: float, found: Bundle | None) -> None:
    if found is None and name not in _known and len(_known) > 200:
        return  # names that somebody makes up fill no memory
    if _known.get(name, (float("-inf"), None))[0] <= now:  # who hung long knows less
        _known[name] = (now, found)


def _from_rows(name: str, known: Bundle | None) -> Bundle | None:
    rows = StatusDocument.objects.filter(page__in=StatusPage.objects.in_force())
    rows = rows.filter(page__slug=name) if name else rows.filter(page__is_first=True)
    digest = rows.values_list("digest", flat=True).first()
    if digest is None:
        _forget_on_disk(name)
        return None
    if known is not None and known.digest == digest:
        return known
    row = rows.values_list("digest", "parts", "changed_at").first()
    if row is None:
        return None
    packed = bytes(row[1])
    _to_disk(name, row[0], packed, row[2].timestamp())
    return _unpacked(row[0], packed, row[2].timestamp())


def _unpacked(digest: str, packed: bytes, changed: float) -> Bundle:
    parts: dict[str, Any] = json.loads(zlib.decompress(packed))
    return Bundle(digest, {path: (kind, text) for path, (kind, text) in parts.items()}, changed)


# --- The copy on the disk -------------------------------------------------------------------------


def _file(name: str) -> Path:
    return Path(settings.STATE_DIR) / "status" / f"{name or '_first'}.page"


def _to_disk(name: str, digest: str, packed: bytes, changed: float) -> None:
    """Whole or not at all. A disk that is full keeps nobody from reading the page."""
    path = _file(name)
    scratch = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(f"{digest} {changed}\n".encode() + packed)
        scratch.replace(path)
    except OSError:
        logger.warning("no copy of a status page could be kept on the disk", exc_info=True)


def _from_disk(name: str) -> Bundle | None:
    try:
        head, _, packed = _file(name).read_bytes().partition(b"\n")
        digest, changed = head.decode().split(" ")
        return _unpacked(digest, packed, float(changed))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, zlib.error):
        logger.warning("the copy of a status page can't be read", exc_info=True)
        return None


def _forget_on_disk(name: str) -> None:
    """A page that was closed is not to be read again when the database is away."""
    try:
        _file(name).unlink(missing_ok=True)
    except OSError:
        logger.warning("the copy of a status page can't be removed", exc_info=True)


def forget() -> None:
    """For tests: as a process that was just started."""
    global _away_until
    for kept in (_known, _asking, _hanging):
        kept.clear()
    _away_until = 0.0

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
from controlplane.lib.errors import Unavailable
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
_ALL = "*"  # no page's name: which pages there are
_MOST_ASKING = 12
_MOST_HANGING = 16
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
    """The database is asked something, beside whoever wants to know: what hangs for as long as
    a network is away must hang nobody with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.began = time.monotonic()
        self.over = Event()
        self.answered = False

    def ask(self) -> None:
        raise NotImplementedError

    def work(self) -> None:
        global _away_until
        try:
            self.ask()
            self.answered = True
        except _AWAY as error:
            _away_until = time.monotonic() + AWAY_S.value  # asking took its time
            logger.warning("the database did not answer for a status page: %s", error)
        finally:
            _forget_asking(self)
            self.over.set()

    def work_apart(self) -> None:
        try:
            self.work()
        finally:
            connections.close_all()

    def wait(self) -> bool:
        """Whether it was answered in time."""
        left = self.began + WAIT_S.value - time.monotonic()
        return self.over.wait(max(left, 0.0)) and self.answered

    @property
    def hangs(self) -> bool:
        return time.monotonic() - self.began > GIVE_UP_S.value


class _AskingPage(_Asking):
    """How one page is now."""

    def __init__(self, name: str, known: Bundle | None) -> None:
        super().__init__(name)
        self.known = known
        self.found: Bundle | None = None

    def ask(self) -> None:
        self.found = _from_rows(self.name, self.known)
        _remember(self.name, self.began, self.found)


class _AskingNames(_Asking):
    """Which pages there are, in one question for all the names that somebody makes up."""

    names: frozenset[str] = frozenset()

    def ask(self) -> None:
        global _there
        rows = StatusPage.objects.in_force().values_list("slug", "is_first")
        self.names = frozenset(name for slug, first in rows for name in (slug, FIRST)[: 1 + first])
        _there = (self.began, self.names)
        _keep_on_disk(self.names)


_known: dict[str, tuple[float, Bundle | None]] = {}  # name: (looked at, what was there)
_there: tuple[float, frozenset[str]] = (float("-inf"), frozenset())  # (looked at, their names)
_asking: dict[str, _Asking] = {}  # by name, the newest
_running: list[_Asking] = []  # each has a thread, and mostly a connection
_away_until = 0.0
_lock = Lock()


def bundle(name: str) -> Bundle | None:
    """None where there is no page of this name that may be read; refused where nobody can tell."""
    if not _NAME.fullmatch(name):
        return None
    looked, known = _known.get(name, (float("-inf"), None))
    if time.monotonic() - looked < FRESH_S.value:
        return known
    if time.monotonic() < _away_until:
        return _copy(name, known)
    if known is None:
        there = _is_there(name)
        if there is False:
            return None
        if there is None:
            return _copy(name, known)
    asked = _AskingPage(name, known)
    doing = _begin(asked)
    if known is not None and doing is not asked:
        return known
    if isinstance(doing, _AskingPage) and doing.wait():
        return doing.found
    return _copy(name, known)


def _is_there(name: str) -> bool | None:
    """None where nobody can tell. A name that was there once is looked up by itself."""
    looked, names = _there
    if name in names:
        return True
    if time.monotonic() - looked < FRESH_S.value:
        return False
    doing = _begin(_AskingNames(_ALL))
    if isinstance(doing, _AskingNames) and doing.wait():
        return name in doing.names
    return None


def _copy(name: str, known: Bundle | None) -> Bundle:
    found = known or _from_disk(name)
    if found is None:
        said = "Whether there is such a page can't be told just now. Try again in a moment."
        raise Unavailable(said, retry_after=AWAY_S.value)
    return found


def _begin(asked: _Asking) -> _Asking | None:
    """Who asks: this one, or who asks the same already. Nobody where too many ask."""
    if connection.in_atomic_block:  # in a transaction of one's own: it sees what that wrote
        asked.work()
        return asked
    with _lock:
        found = _asking.get(asked.name)
        if found is not None and not found.hangs:
            return found
        hanging = sum(each.hangs for each in _running)
        if hanging >= _MOST_HANGING or len(_running) - hanging >= _MOST_ASKING:
            return found
        _asking[asked.name] = asked
        _running.append(asked)
    try:
        Thread(target=asked.work_apart, name=f"status page {asked.name}", daemon=True).start()
    except RuntimeError:  # the system gives no more threads
        _forget_asking(asked)
        logger.warning("a status page is served from its copy", exc_info=True)
        return None
    return asked


def _forget_asking(asked: _Asking) -> None:
    with _lock:
        if _asking.get(asked.name) is asked:
            del _asking[asked.name]
        if asked in _running:
            _running.remove(asked)


def _remember(name: str, now: float, found: Bundle | None) -> None:
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
    _unlink(_file(name))


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        logger.warning("the copy of a status page can't be removed", exc_info=True)


def _keep_on_disk(names: frozenset[str]) -> None:
    """Also of pages that were closed while nobody here read them no copy is left."""
    kept = {_file(name).name for name in names}
    for path in (Path(settings.STATE_DIR) / "status").glob("*.page"):
        if path.name not in kept:
            _unlink(path)


def forget() -> None:
    """For tests: as a process that was just started."""
    global _away_until, _there
    for kept in (_known, _asking, _running):
        kept.clear()
    _there = (float("-inf"), frozenset())
    _away_until = 0.0

"""A page as it was last written, from memory; from the database when that is old; from the disk
when the database is away. Whoever reads it waits for nobody."""

from __future__ import annotations

import json
import logging
import os
import re
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError
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
FIRST = ""  # the page under /status/ itself
_AWAY = (DatabaseError, InterfaceError, PoolTimeout)
_NAME = re.compile(r"[a-z0-9-]{0,40}")


@dataclass(frozen=True, slots=True)
class Bundle:
    digest: str
    parts: dict[str, tuple[str, str]]
    changed: float  # seconds since 1970


_known: dict[str, tuple[float, Bundle | None]] = {}  # name: (looked at, what was there)
_away_until = 0.0
_lock = Lock()


def bundle(name: str) -> Bundle | None:
    """None where there is no page of this name that may be read."""
    if not _NAME.fullmatch(name):
        return None
    looked, known = _known.get(name, (float("-inf"), None))
    now = time.monotonic()
    if now - looked < FRESH_S.value:
        return known
    # Somebody asks already, perhaps for as long as a database that is away takes to say nothing:
    # who has a copy doesn't wait for that.
    if not _lock.acquire(blocking=known is None):
        return known
    try:
        looked, known = _known.get(name, (float("-inf"), None))
        if now - looked < FRESH_S.value:
            return known
        found = _asked(name, known)
        _remember(name, now, found)
        return found
    finally:
        _lock.release()


def _remember(name: str, now: float, found: Bundle | None) -> None:
    if found is None and name not in _known and len(_known) > 200:
        return  # names that somebody makes up fill no memory
    _known[name] = (now, found)


def _asked(name: str, known: Bundle | None) -> Bundle | None:
    global _away_until
    if time.monotonic() < _away_until:
        return known or _from_disk(name)
    try:
        return _from_rows(name, known)
    except _AWAY as error:
        _away_until = time.monotonic() + AWAY_S.value  # asking took its time
        logger.warning("status page served from its copy: %s", error)
        return known or _from_disk(name)


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
    _known.clear()
    _away_until = 0.0

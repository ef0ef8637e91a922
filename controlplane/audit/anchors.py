"""Seal hashes carried outside the database, without which a cut-off tail can't be seen.

Whoever removes the newest events together with their seals leaves a chain that is sound but
short. So every link's hash goes to the log stream and to a file beside the state; a copy of
either on another machine is the anchor that `verify_audit` compares with.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings

from controlplane.audit.models import AuditSeal

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Anchor:
    n: int
    hash: str
    # A database was restored to this link: links after it, seen before, are gone with reason.
    restored: bool = False


def default_file() -> Path:
    return Path(settings.STATE_DIR) / "audit-seals.jsonl"


def export(path: Path | None = None) -> int:
    """Append every link the file does not hold yet, in order. Safe to repeat and to race."""
    with _opened(path or default_file()) as file:
        last = _last(file)
        count = 0
        fields = ("n", "hash", "root", "count", "at")
        new = AuditSeal.objects.filter(n__gt=last).order_by("n").values_list(*fields)
        for n, link_hash, root, size, at in new.iterator(chunk_size=500):
            line = {
                "n": n,
                "hash": bytes(link_hash).hex(),
                "root": bytes(root).hex(),
                "count": size,
                "at": at.isoformat(),
            }
            file.write(json.dumps(line) + "\n")
            logger.info("audit sealed", extra={"event": "audit.sealed", "context": line})
            count += 1
        file.flush()
    return count


def mark_restored(path: Path | None = None) -> None:
    """Say that the database was put back to its newest link, so that later anchors count anew."""
    newest = AuditSeal.objects.order_by("-n").values_list("n", "hash").first()
    n, link_hash = (newest[0], bytes(newest[1]).hex()) if newest else (0, "")
    with _opened(path or default_file()) as file:
        file.write(json.dumps({"restored": True, "n": n, "hash": link_hash}) + "\n")
    logger.warning(
        "audit log restored",
        extra={"event": "audit.restored", "context": {"n": n, "hash": link_hash}},
    )


def _opened(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    file = os.fdopen(descriptor, "r+", encoding="utf-8")
    # Two sealers on one machine: the second waits, then finds nothing left to write.
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _last(file: IO[str]) -> int:
    """The newest link in the file, from its last lines: the file grows for years."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 65_536))
    last = 0
    for anchor in parse(file.read().splitlines()):
        last = anchor.n
    file.seek(0, os.SEEK_END)
    return last


def parse(lines: Iterable[str]) -> Iterator[Anchor]:
    """Anchors of a file or of log lines; anything else, like a torn last line, is passed over."""
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        found = value.get("context", value) if isinstance(value, dict) else None
        if isinstance(found, dict) and isinstance(found.get("n"), int) and "hash" in found:
            yield Anchor(found["n"], str(found["hash"]), bool(found.get("restored")))


def expected(lines: Iterable[str]) -> dict[int, str]:
    """n -> hash as the anchors have it, with links undone by a recorded restore left out."""
    found: dict[int, str] = {}
    for anchor in parse(lines):
        if anchor.restored:
            found = {n: each for n, each in found.items() if n <= anchor.n}
        else:
            # The first word stands: a later line must not overwrite an anchor.
            found.setdefault(anchor.n, anchor.hash)
    return found

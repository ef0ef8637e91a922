"""Backup files on disk: a dump, its checksum and a manifest of what it must hold."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings

from controlplane.lib.errors import Invalid

PREFIX, SUFFIX = "controlplane-", ".dump"
_STAMP = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True)
class Manifest:
    """Written beside the dump, from the very snapshot that was dumped."""

    sha256: str
    size: int
    taken_at: str
    version: str  # of the portal
    server: int  # of PostgreSQL
    tables: dict[str, int] = field(default_factory=dict)  # name -> rows
    seal: int = 0  # newest link of the audit chain
    seal_hash: str = ""


def folder(given: Path | None = None) -> Path:
    path = given or Path(settings.STATE_DIR) / "backups"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def name(at: datetime) -> str:
    return f"{PREFIX}{at.astimezone(UTC):{_STAMP}}{SUFFIX}"


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def beside(dump: Path, ending: str) -> Path:
    return dump.with_name(dump.name + ending)


def write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def finish(partial: Path, dump: Path, manifest: Manifest) -> None:
    """Checksum and manifest first, the name of the dump last: a dump that has its name is whole."""
    write_private(beside(dump, ".json"), json.dumps(asdict(manifest), indent=1) + "\n")
    # The form `sha256sum -c` reads, for people without the portal.
    write_private(beside(dump, ".sha256"), f"{manifest.sha256}  {dump.name}\n")
    partial.chmod(0o600)
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.rename(dump)


def verified(dump: Path) -> Manifest:
    """The manifest of a dump whose bytes are what they were. Refuses anything else."""
    if not dump.is_file():
        raise Invalid(f"There is no backup {dump}.")
    try:
        known = json.loads(beside(dump, ".json").read_text())
        manifest = Manifest(**known)
    except (OSError, ValueError, TypeError) as error:
        raise Invalid(
            f"{dump.name} has no readable manifest: {dump.name}.json belongs beside it."
        ) from error
    found = checksum(dump)
    if found != manifest.sha256:
        raise Invalid(
            f"{dump.name} is damaged: its SHA-256 is {found}, not {manifest.sha256}."
            " Use another backup."
        )
    return manifest


def dumps(path: Path) -> Iterator[Path]:
    """Backups of a folder, newest first."""
    yield from sorted(path.glob(f"{PREFIX}*{SUFFIX}"), reverse=True)


def remove_old(path: Path, *, keep: timedelta, now: datetime) -> int:
    """Delete backups past their time, but never the newest: old is better than none."""
    removed = 0
    for dump in list(dumps(path))[1:]:
        if now - taken_at(dump) > keep:
            for each in (dump, beside(dump, ".json"), beside(dump, ".sha256")):
                each.unlink(missing_ok=True)
            removed += 1
    for partial in path.glob(f"{PREFIX}*.partial"):
        if now.timestamp() - partial.stat().st_mtime > 86_400:
            partial.unlink(missing_ok=True)
    return removed


def taken_at(dump: Path) -> datetime:
    """When a backup was taken, by its name; by the file's own time if somebody renamed it."""
    try:
        text = dump.name.removeprefix(PREFIX).removesuffix(SUFFIX)
        return datetime.strptime(text, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(dump.stat().st_mtime, UTC)

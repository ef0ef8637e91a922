"""A bundle as one file: a zip of its entries, a list of their hashes, and a manifest.

The same evidence makes the same bytes, whenever and however often: entries in the order of their
paths, without times and owners, the manifest dated by the moment it was asked for. `SHA256SUMS` is
what `sha256sum -c` reads; its own hash is the hash of the manifest.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, cast

from django.conf import settings

from controlplane.base import files
from controlplane.base.files import keeping
from controlplane.base.states import plain
from missions.evidence import leaving
from missions.evidence.contents import Entry, entries, written
from missions.evidence.leaving import Cleaner
from missions.evidence.limits import ALIAS
from missions.evidence.redacting import redacted
from missions.models import Artifact, Bundle

SUMS, MANIFEST = "SHA256SUMS", "manifest.json"
FORM = "controlplane.evidence/1"
_CHUNK = 256 * 1024
_EPOCH = (1980, 1, 1, 0, 0, 0)
# Packed already: to pack it again costs time and wins nothing.
_PACKED = frozenset(
    ["application/zip", "application/gzip", "application/x-bzip2", "application/x-xz",
     "application/x-7z-compressed", "application/zstd", "application/vnd.rar", "image/png",
     "image/jpeg", "image/gif", "image/webp", "video/mp4", "video/webm"]
)  # fmt: skip
# Entries of a manifest that are keys into the portal.
_OWN = frozenset({"of", "as_it_is"})
# Called between files: a long bundle says that it is alive, or stops.
Beat = Callable[[], None]


class Broken(Exception):
    """A file is not what was received: no bundle is made of it."""

    def __init__(self, artifact: Artifact, why: str) -> None:
        super().__init__(why)
        self.artifact, self.why = artifact, why


@dataclass(slots=True)
class Packed:
    file: IO[bytes]
    manifest: dict[str, Any]
    manifest_hash: str
    hash_ms: float
    lines: list[str] = field(default_factory=list)


@contextmanager
def packed(bundle: Bundle, beat: Beat) -> Iterator[Packed]:
    """The bundle, in a temporary file."""
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as kept, keeping.told_why():
        made = _pack(bundle, cast("IO[bytes]", kept), beat)
        kept.flush()
        kept.seek(0)
        yield made


def _pack(bundle: Bundle, kept: IO[bytes], beat: Beat) -> Packed:
    outside = None
    if bundle.audience == Bundle.Audience.EXTERNAL:
        outside = leaving.cleaner_for(bundle.mission)
    listed: list[dict[str, Any]] = []
    lines: list[str] = []
    hashing = 0.0
    with zipfile.ZipFile(kept, "w") as archive:
        for entry in entries(bundle):
            beat()
            told = {"path": entry.path, **plain(entry.about)}
            if entry.why:
                listed.append({**told, "included": False, "why": entry.why})
                continue
            began = time.monotonic()
            digest, size = _add(archive, entry, outside)
            hashing += time.monotonic() - began
            lines.append(f"{digest}  {entry.path}")
            listed.append({**told, "included": True, "size": size, "sha256": digest})
        sums = "".join(f"{line}\n" for line in lines).encode()
        manifest_hash = hashlib.sha256(sums).hexdigest()
        manifest = _manifest(bundle, listed, manifest_hash)
        _write(archive, SUMS, sums)
        _write(archive, MANIFEST, written(_told(manifest, outside)))
    return Packed(kept, manifest, manifest_hash, hashing * 1000, lines)


def _manifest(bundle: Bundle, listed: list[dict[str, Any]], manifest_hash: str) -> dict[str, Any]:
    mission = bundle.mission
    outside = bundle.audience == Bundle.Audience.EXTERNAL
    return {
        "form": FORM,
        "bundle_id": str(bundle.uid),
        "mission": mission.ref,
        "title": mission.title if not outside else "",
        "number": bundle.number,
        "audience": bundle.audience,
        "redaction": "applied" if outside else "not_required",
        "generated_at": plain(bundle.created_at),
        "artifacts": listed,
        "manifest_hash": manifest_hash,
        "how_to_check": f"sha256sum -c {SUMS}; the SHA-256 of {SUMS} is manifest_hash.",
    }


def _told(manifest: dict[str, Any], outside: Cleaner | None) -> dict[str, Any]:
    """The manifest as it stands in the file. The portal's own keys stay in the portal."""
    if outside is None:
        return manifest
    listed = [
        {name: value for name, value in each.items() if name not in _OWN}
        for each in manifest["artifacts"]
    ]
    return {**manifest, "artifacts": listed}


def _add(archive: zipfile.ZipFile, entry: Entry, outside: Cleaner | None) -> tuple[str, int]:
    artifact = entry.artifact
    if artifact is None:
        return _write(archive, entry.path, entry.content)
    if outside and artifact.redaction == Artifact.Redaction.APPLIED:
        content = redacted(_whole(artifact), artifact.media_type).decode()
        return _write(archive, entry.path, outside(content).encode())
    digest, size = hashlib.sha256(), 0
    packs = artifact.media_type not in _PACKED
    with _opened(artifact) as source, archive.open(_info(entry.path, packs), "w") as target:
        while part := source.read(_CHUNK):
            digest.update(part)
            size += len(part)
            target.write(part)
    _require_same(artifact, digest.hexdigest(), size)
    return digest.hexdigest(), size


def _whole(artifact: Artifact) -> bytes:
    with _opened(artifact) as source:
        content: bytes = source.read(artifact.size + 1)
    _require_same(artifact, hashlib.sha256(content).hexdigest(), len(content))
    return content


@contextmanager
def _opened(artifact: Artifact) -> Iterator[Any]:
    try:
        with files.opened(ALIAS, artifact.storage_key) as source:
            yield source
    except files.Lost:
        raise Broken(artifact, "The storage has no such file any more.") from None


def _require_same(artifact: Artifact, digest: str, size: int) -> None:
    if (digest, size) != (artifact.sha256, artifact.size):
        raise Broken(artifact, f"{artifact.path} is not what was received: its hash is another.")


def _write(archive: zipfile.ZipFile, path: str, content: bytes) -> tuple[str, int]:
    archive.writestr(_info(path), content)
    return hashlib.sha256(content).hexdigest(), len(content)


def _info(path: str, packs: bool = True) -> zipfile.ZipInfo:
    """The same on every machine: no time, no owner, read by whoever has the archive."""
    info = zipfile.ZipInfo(path, date_time=_EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED if packs else zipfile.ZIP_STORED
    info.create_system = 3
    info.external_attr = 0o644 << 16
    return info

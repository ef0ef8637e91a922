"""A file on its way in: read once, hashed while it is read, never held in memory whole.

It goes to a temporary file first. Only there can it be looked at before it is kept: a lie about
its type, a byte too many or an end too early leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Protocol, cast

from django.conf import settings

from controlplane.base.files import keeping, kinds
from controlplane.lib.errors import Invalid, TooLarge

CHUNK = 64 * 1024
IN_MEMORY = 512 * 1024


class Source(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Spooled:
    """The file, read to its end, at its beginning."""

    file: IO[bytes]
    size: int
    sha256: str
    head: bytes


def too_large(most: int) -> TooLarge:
    return TooLarge(f"A file has at most {most:,} bytes.", details={"max_bytes": most})


@contextmanager
def spool(source: Source, *, most: int, size: int | None = None) -> Iterator[Spooled]:
    """Read it, up to `most` bytes. `size` is what its sender says: more than may be is refused
    before the first byte is read, less than was said is a torn upload."""
    if size is not None and size > most:
        raise too_large(most)
    with tempfile.SpooledTemporaryFile(
        max_size=IN_MEMORY, dir=settings.FILE_UPLOAD_TEMP_DIR
    ) as kept:
        taken = _take(source, cast("IO[bytes]", kept), most)
        if size is not None and taken.size != size:
            raise Invalid("The file ended early.", details={"file": "Send it again."})
        kept.seek(0)
        yield taken


def measure(file: IO[bytes]) -> tuple[str, int]:
    """SHA-256 and size of a file that is there whole; it stands at its beginning afterwards."""
    digest, size = hashlib.sha256(), 0
    file.seek(0)
    while part := file.read(CHUNK):
        digest.update(part)
        size += len(part)
    file.seek(0)
    return digest.hexdigest(), size


def _take(source: Source, kept: IO[bytes], most: int) -> Spooled:
    digest, size, head = hashlib.sha256(), 0, b""
    while True:
        try:
            part = source.read(min(CHUNK, most + 1 - size))
        except OSError:  # whoever sent it went away
            raise Invalid("The file ended early.", details={"file": "Send it again."}) from None
        if not part:
            break
        size += len(part)
        if size > most:
            raise too_large(most)
        digest.update(part)
        if len(head) < kinds.HEAD:
            head = (head + part)[: kinds.HEAD]
        with keeping.told_why():
            kept.write(part)
    if size == 0:
        raise Invalid("The file is empty.", details={"file": "The file is empty."})
    with keeping.told_why():
        kept.flush()
    return Spooled(kept, size, digest.hexdigest(), head)

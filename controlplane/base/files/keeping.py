"""Where files are kept: Django's storages, by alias. Errors of a disk or a bucket become refusals
that say what happened, and a file that could not be written whole leaves no part of itself."""

from __future__ import annotations

import errno
import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from django.core.files.base import File
from django.core.files.storage import Storage, storages

from controlplane.lib.error_help import OPERATOR, Help
from controlplane.lib.errors import ControlPlaneError, Unavailable, register_code

logger = logging.getLogger(__name__)
_CHUNK = 256 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
RETRY_AFTER = 60

register_code(
    "STORAGE_FULL",
    507,
    Help(
        "The disk or bucket that files are kept in has no room left. Nothing of the file was kept.",
        "Send it again once there is room. An operator frees some: `df -h` on the machine, or the "
        "limit of the bucket; the runbook `evidence_upload` has the steps.",
        OPERATOR,
    ),
)


class StorageFull(ControlPlaneError):
    code = "STORAGE_FULL"


class StorageSilent(Unavailable):
    """The storage does not answer: nothing is known of the file."""


class Lost(Exception):
    """The storage answers, and has no such file."""


@contextmanager
def told_why() -> Iterator[None]:
    """Errors of a storage as refusals. Which disk it was stands in the log only."""
    try:
        yield
    except ControlPlaneError:
        raise
    except FileNotFoundError as error:
        raise Lost(str(error.filename or "")) from error
    except OSError as error:
        if error.errno in _FULL:
            logger.error("the storage of files is full: %s", error.strerror)
            raise StorageFull(
                "There is no room left for files. Nothing of this one was kept.",
                retry_after=RETRY_AFTER,
            ) from error
        raise _silent(error) from error
    except Exception as error:
        if _is_missing(error):
            raise Lost(type(error).__name__) from error
        if _is_of_storage(error):
            raise _silent(error) from error
        raise


def _silent(error: Exception) -> StorageSilent:
    logger.error("the storage of files failed: %s", type(error).__name__, exc_info=error)
    return StorageSilent(
        "The storage of files does not answer just now. Nothing of this one was kept.",
        retry_after=RETRY_AFTER,
    )


def _is_of_storage(error: Exception) -> bool:
    """Clients of buckets have errors of their own, which are no OSError."""
    return type(error).__module__.split(".")[0] in {"botocore", "boto3", "s3transfer", "storages"}


def _is_missing(error: Exception) -> bool:
    answer: Any = getattr(error, "response", None)
    code = answer.get("Error", {}).get("Code") if isinstance(answer, dict) else None
    return str(code) in {"404", "NoSuchKey", "NotFound"}


def put(alias: str, key: str, content: IO[bytes]) -> str:
    """Keep it, and answer the key it is kept under. All of it, or none."""
    storage = storages[alias]
    content.seek(0)
    try:
        with told_why():
            return storage.save(key, File(content))
    except (ControlPlaneError, Lost):
        # By whatever name: what was begun goes, or stays for the sweep if even that fails.
        with suppress(Exception):
            storage.delete(key)
        raise


@contextmanager
def opened(alias: str, key: str) -> Iterator[Any]:
    with told_why():
        file = storages[alias].open(key, "rb")
    with file:
        yield file


def digest(alias: str, key: str) -> tuple[str, int]:
    """Read it back: its SHA-256 and its size, as they are now."""
    found, size = hashlib.sha256(), 0
    with opened(alias, key) as file, told_why():
        while part := file.read(_CHUNK):
            found.update(part)
            size += len(part)
    return found.hexdigest(), size


def drop(alias: str, key: str) -> None:
    """Let it go. Gone already is as good."""
    with suppress(Lost), told_why():
        storages[alias].delete(key)


def walk(alias: str, folder: str = "") -> Iterator[str]:
    """Every key below a folder."""
    storage: Storage = storages[alias]
    try:
        with told_why():
            folders, files = storage.listdir(folder)
    except Lost:
        return
    for name in sorted(files):
        yield f"{folder}/{name}" if folder else name
    for name in sorted(folders):
        yield from walk(alias, f"{folder}/{name}" if folder else name)

"""Small writings to disk: whole or not at all."""

from __future__ import annotations

import os


def read_text(path: str, limit: int = 1_000_000) -> str:
    """What stands there; empty when nothing does."""
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read(limit)
    except OSError:
        return ""


def replace(path: str, text: str, *, mode: int = 0o644) -> None:
    """A reader sees the old file or the new one, never a part."""
    scratch = f"{path}.{os.getpid()}.tmp"
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
        os.replace(scratch, path)
    except BaseException:
        os.unlink(scratch)
        raise


def read_json(path: str) -> dict[str, object]:
    """The object in a file; empty when there is none that can be read."""
    text = read_text(path)
    if not text:
        return {}
    import json

    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

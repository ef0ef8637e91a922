"""Files in a folder of this machine, written so that what was answered for survives the machine:
the bytes and their name are on the disk before anybody hears that they are kept."""

from __future__ import annotations

import os
from typing import Any

from django.core.files.storage import FileSystemStorage


class DurableFolder(FileSystemStorage):
    def _save(self, name: str, content: Any) -> str:
        kept: str = super()._save(name, content)  # type: ignore[misc]  # Django's own hook
        whole = self.path(kept)
        _flush(whole)
        _flush(os.path.dirname(whole))
        return kept


def _flush(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

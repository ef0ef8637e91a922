"""Files for missions: a folder of one's own, and bytes that are what they say."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import override_settings

from controlplane.lib import places
from missions.models import Artifact, Mission
from missions.services import evidence

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer <<>>\n%%EOF\n"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d494844520000000100000001080600000"
    "01f15c4890000000d4944415478da63fcffff3f030005fe02fea7b5c9f50000000049454e44ae426082"
)
ZIP = b"PK\x05\x06" + b"\0" * 18
ELF = b"\x7fELF\x02\x01\x01" + b"\0" * 60


@contextmanager
def folder() -> Iterator[Path]:
    """Evidence is kept here, and nowhere else, for as long as this lasts."""
    with tempfile.TemporaryDirectory(prefix="cp-evidence-") as path:
        place = {**settings.STORAGES, "evidence": places.storage("", Path(path))}
        with override_settings(STORAGES=place):
            yield Path(path)


def add(
    mission: Mission, name: str = "report.txt", content: bytes = b"Found.\n", **given: Any
) -> Artifact:
    return evidence.receive_file(
        mission, name=name, source=io.BytesIO(content), size=len(content), **given
    )


def file_of(place: Path, artifact: Artifact) -> Path:
    return place / artifact.storage_key


def kept(place: Path) -> list[str]:
    """Keys of everything there is."""
    return sorted(str(each.relative_to(place)) for each in place.rglob("*") if each.is_file())

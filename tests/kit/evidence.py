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

from controlplane.access.models import User, Workspace
from controlplane.lib import places
from missions.models import Artifact, Mission
from missions.services import evidence
from missions.services.evidence import bundles
from missions.services.evidence.keeping import judge
from missions.services.sharing import share_mission
from tests import make

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


def inhabit(workspace: Workspace, root: User, *, hostile: str, long: str) -> None:
    """A file in every state a person sees, bundles, and a legal hold."""
    actor = make.actor(root)
    rows = Mission.objects.of(workspace).filter(external_ref="newest")
    row = rows.select_related("workspace", "owner", "item").get()
    add(row, f"{hostile}.md", f"# {hostile}\n".encode(), actor=actor, title=hostile[:200])
    add(row, "shot.png", PNG, actor=actor, title=long[:190])
    gone = add(row, "gone.html", b"<script>alert(1)</script>", actor=actor)
    evidence.remove_artifact(gone, actor=actor, reason=hostile)
    broken = add(row, "broken.json", b"{}", actor=actor)
    judge(broken, hostile[:250], actor)
    evidence.clear_artifact(
        add(row, "cleared.csv", b"a,b\n1,2\n", actor=actor), actor=actor, reason=hostile
    )
    evidence.ask_bundle(row, actor=actor, reason=hostile)
    bundles.make_due()
    evidence.ask_bundle(row, actor=actor, audience="external")
    evidence.place_hold(row, actor=actor, reason=hostile)
    partner = make.person(workspace, "product_partner", name=hostile[:100])
    share_mission(row, partner, actor=actor, reason=hostile)

"""The demo's evidence: what was found before a mission's brief was signed, and the log of one that
runs, each with its hash; and the bundle they make."""

from __future__ import annotations

import io
import struct
import zlib
from datetime import UTC, datetime

from fpdf import FPDF

from controlplane.base import demo
from missions.models import Artifact, Mission
from missions.services import evidence
from missions.services.evidence import bundles
from missions.services.sharing import share_mission

_ACCOUNTS = """segment,accounts,contract ends,last contact
EU north,64,2026-12-31,2026-04-02
EU south,71,2026-12-31,2026-05-19
EU east,38,2027-03-31,2026-03-11
DACH,27,2026-12-31,2026-06-08
"""
_NOTES = """# Intake of the campaign

- 200 accounts without a login for 90 days and a contract that ends this year.
- Nothing is sent before somebody of the account team read it.
- Customer success answers whoever writes back within a day.

Open: whether accounts in a dispute are left out. Asked of legal.
"""
_RUN = """{"step": 1, "toolkit": "crm", "action": "calls.list", "status": "success", "ms": 412}
{"step": 2, "toolkit": "crm", "action": "calls.read", "status": "success", "ms": 960}
{"step": 3, "toolkit": "docs", "action": "page.draft", "status": "success", "ms": 1204}
"""


@demo.step("missions.evidence", order=81)
def kept(scene: demo.Scene) -> None:
    if Artifact.objects.of(scene.workspace).exists():
        return
    _intake(scene)
    _running(scene)


def _mission(scene: demo.Scene, ref: str) -> Mission | None:
    found: Mission | None = Mission.objects.of(scene.workspace).filter(external_ref=ref).first()
    return found


def _add(
    mission: Mission, scene: demo.Scene, role: str, name: str, title: str, body: bytes
) -> None:
    evidence.receive_file(
        mission,
        actor=scene.actor(role),
        name=name,
        title=title,
        source=io.BytesIO(body),
        size=len(body),
    )


def _intake(scene: demo.Scene) -> None:
    mission = _mission(scene, "campaign-311")
    if mission is None or not mission.is_under_way:
        return
    owner = "mission_owner"
    _add(mission, scene, owner, "Intake notes.md", "Intake notes", _NOTES.encode())
    _add(mission, scene, owner, "accounts.csv", "Accounts that went quiet", _ACCOUNTS.encode())
    _add(mission, scene, owner, "Validation.pdf", "Signed intake validation", _document())
    analyst = "telemetry_analyst"
    _add(mission, scene, analyst, "logins.png", "Logins of the last 12 months", _picture())
    evidence.ask_bundle(mission, actor=scene.actor(owner), reason="For the review on Monday.")
    bundles.make_due()
    if "product_partner" in scene.people:
        partner = scene.people["product_partner"]
        share_mission(
            mission, partner, actor=scene.actor(owner), reason="Their customers are written to."
        )


def _running(scene: demo.Scene) -> None:
    mission = _mission(scene, "legacy-37")
    if mission is None or not mission.is_under_way:
        return
    _add(mission, scene, "operations_command", "run.jsonl", "Run log, first day", _RUN.encode())


def _document() -> bytes:
    page = FPDF()
    page.set_creation_date(datetime(2026, 9, 1, tzinfo=UTC))
    page.add_page()
    page.set_font("helvetica", "B", 16)
    page.cell(0, 12, "Intake validation", new_x="LMARGIN", new_y="NEXT")
    page.set_font("helvetica", size=11)
    page.multi_cell(0, 6, "The intent was read with the account team. The KPI can be measured.")
    return bytes(page.output())


def _picture() -> bytes:
    """A chart of logins that fall, drawn by hand: width, height, and a row of colours each."""
    wide, high = 240, 120
    levels = [100, 96, 92, 95, 80, 72, 60, 52, 40, 33, 24, 20]
    rows = bytearray()
    for y in range(high):
        rows.append(0)
        for x in range(wide):
            bar = levels[x * len(levels) // wide] * (high - 12) // 100
            gap = x % (wide // len(levels)) < 3
            inside = not gap and high - y <= bar + 6 and high - y > 6
            rows += b"\x3f\x6c\xc9" if inside else b"\xf4\xf5\xf7"
    head = struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

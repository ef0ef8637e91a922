"""The evidence of a mission as people see it: the tree by stage, its bundles, the room it takes."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from controlplane.access.policy import can
from controlplane.base import files
from controlplane.base.files import handing
from controlplane.base.registries import PaletteAction, palette_actions
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from missions import links, stages
from missions.evidence import tree
from missions.evidence.gates import lacking
from missions.evidence.limits import ALERT_PERCENT, FILE_BYTES
from missions.models import Artifact, Bundle, EvidenceHold, Mission, StageVisit
from missions.services.evidence import room
from missions.services.evidence.opening import beginning
from missions.services.sharing import guests_of
from missions.shown.sections import section

MOST = 5
MOST_PREVIEWED = 256 * 1024


# --- The card on the mission's page --------------------------------------------------------------


def card(mission: Mission, actor: Actor) -> dict[str, Any] | None:
    if mission.status == Mission.Status.DRAFT:
        return None
    rows = kept.ask(
        lambda mission: Artifact.objects.listed().filter(mission=mission).order_by("-pk"),
        mission.pk,
    )
    bundles = kept.ask(
        lambda mission: Bundle.objects.filter(mission=mission, audience="internal").order_by("pk")[
            :1
        ],
        mission.pk,
    )
    bundle = next(iter(bundles), None)
    broken = [row for row in rows if row.status == "failed" and row.stored_at is not None]
    acts = []
    if mission.is_under_way and can(actor, "mission.evidence", mission):
        acts.append({"text": "Add a file", "url": f"{links.evidence_of(mission)}#add"})
    return {
        "badge": (f"{len(broken)} broken", "bad") if broken else _counted(len(rows)),
        "about": "Files, each with its hash. Of a stage that is open they are part of what is "
        "signed.",
        "facts": [("Bundle", _bundle_words(bundle))],
        "lines": [
            {
                "text": row.title,
                "url": links.artifact_page(row),
                "note": stages.get(row.stage).label,
                "state": row.get_status_display(),
                "at": row.created_at,
            }
            for row in rows[:MOST]
        ],
        "empty": "No file is kept yet.",
        "acts": acts,
    }


def _counted(number: int) -> tuple[str, str]:
    return f"{number} file{'' if number == 1 else 's'}", "neutral"


def _bundle_words(bundle: Bundle | None) -> str:
    if bundle is None:
        return "Not made yet"
    return f"{bundle.number}: {bundle.get_status_display().lower()}"


# --- The page ------------------------------------------------------------------------------------


_MOST_GUESTS = 100


def page(mission: Mission, actor: Actor) -> dict[str, Any]:
    visits = list(StageVisit.objects.filter(mission=mission).order_by("pk"))
    rows = list(Artifact.objects.filter(mission=mission).order_by("pk"))
    held = EvidenceHold.objects.standing().filter(mission=mission).first()
    here, whole = room.of_mission(mission), room.of_workspace(mission.workspace_id)
    bundles = list(Bundle.objects.filter(mission=mission).order_by("-number")[:20])
    for each in [*rows, *bundles]:
        each.mission = mission
    newest = next((each for each in bundles if each.audience == "internal"), None)
    open_visit = next((visit for visit in reversed(visits) if visit.is_open), None)
    return {
        "title": f"Evidence of {mission.ref}",
        "branches": [_branch(visit, rows) for visit in reversed(visits)],
        "visit": open_visit,
        "may_add": _why_not(actor, "mission.evidence", mission, open_visit),
        "adds": can(actor, "mission.evidence", mission).allowed,
        "most": FILE_BYTES.value,
        "room": here,
        "room_of_all": whole,
        "room_low": max(here.percent, whole.percent) >= ALERT_PERCENT.value,
        "held": held,
        "may_hold": can(actor, "mission.hold", mission).allowed,
        "bundle": newest,
        "bundle_url": links.bundle_file(newest) if newest is not None and newest.is_there else "",
        "lacking": lacking(newest) if newest is not None and newest.status == "stored" else [],
        "bundles": [_bundle(each) for each in bundles if each is not newest],
        "may_bundle": can(actor, "mission.bundle", mission),
        "may_export": can(actor, "mission.export_evidence", mission),
        **_shown_to(mission, actor),
        "making": any(each.status == "building" for each in bundles),
    }


def _shown_to(mission: Mission, actor: Actor) -> dict[str, Any]:
    shares = mission.shares.standing().select_related("person").order_by("pk")
    may = can(actor, "mission.share", mission).allowed
    known = [each.person_id for each in shares]
    guests = list(guests_of(mission.workspace).exclude(pk__in=known)[:_MOST_GUESTS]) if may else []
    return {"shares": shares, "may_share": may, "guests": guests}


def _why_not(actor: Actor, action: str, mission: Mission, visit: StageVisit | None) -> str:
    if visit is None:
        state = str(mission.get_status_display()).lower()
        return f"Files are kept for the stage a mission is in; it is {state}."
    decision = can(actor, action, mission)
    return "" if decision else decision.reason


def _branch(visit: StageVisit, rows: list[Artifact]) -> dict[str, Any]:
    own = [row for row in rows if row.visit_id == visit.pk]
    return {
        "visit": visit,
        "label": str(visit),
        "folder": tree.folder(visit),
        "open": visit.is_open,
        "files": [_file(row) for row in own if row.status != "deleted"],
        "gone": [_file(row) for row in own if row.status == "deleted"],
        "links": visit.evidence,
    }


def _file(row: Artifact) -> dict[str, Any]:
    return {
        "row": row,
        "name": row.name,
        "url": links.artifact_page(row),
        "save": links.artifact_file(row) if row.is_there else "",
        "picture": picture_url(row),
    }


def _bundle(row: Bundle) -> dict[str, Any]:
    listed = row.manifest.get("artifacts", []) if isinstance(row.manifest, dict) else []
    left_out = [each for each in listed if isinstance(each, dict) and not each.get("included")]
    return {
        "row": row,
        "save": links.bundle_file(row) if row.is_there else "",
        "inside": len(listed) - len(left_out),
        "left_out": len(left_out),
    }


def picture_url(row: Artifact) -> str:
    if row.media_type not in handing.PICTURES or not row.is_there:
        return ""
    return reverse("missions:file_picture", args=(row.mission.uid, row.uid))


def preview(row: Artifact) -> dict[str, Any]:
    """As the console's previews take it: pictures from where they are, texts by their beginning,
    anything else as a name."""
    url = links.artifact_file(row) if row.is_there else ""
    shown: dict[str, Any] = {"name": row.name, "type": row.media_type, "size": row.size, "url": url}
    if picture := picture_url(row):
        return {**shown, "url": picture}
    if files.is_text(row.media_type):
        content = beginning(row, MOST_PREVIEWED)
        return shown if content is None else {**shown, "content": content}
    return shown


LISTED = (
    ("path", "Path", "code"),
    ("state", "State", "state"),
    ("size", "Bytes", "number"),
    ("sha256", "SHA-256", "code"),
    ("why", "Why"),
)
_MOST_LISTED = 300


def listed(row: Bundle) -> list[dict[str, Any]]:
    """Entries of a manifest, as a table."""
    given = row.manifest.get("artifacts", []) if isinstance(row.manifest, dict) else []
    found = []
    for each in given[:_MOST_LISTED]:
        inside = bool(each.get("included"))
        state = {
            "value": "Included" if inside else "Left out",
            "tone": "good" if inside else "warn",
        }
        found.append(
            {
                "path": each.get("path", ""),
                "state": state,
                "size": each.get("size"),
                "sha256": str(each.get("sha256", ""))[:16],
                "why": each.get("why", ""),
            }
        )
    return found


PAGES = (
    ("mission-evidence", "Evidence", "artifact", ("file", "artifact", "hash", "upload")),
    ("mission-bundles", "Evidence bundles", "bundle", ("zip", "manifest", "export")),
    ("mission-holds", "Holds on missions", "evidencehold", ("law", "retention")),
)


def register() -> None:
    for slug, label, model, words in PAGES:
        address = f"admin:missions_{model}_changelist"
        palette_actions.register(PaletteAction(slug, label, address, "mission.view", words))
    section(
        "evidence",
        "Evidence",
        order=60,
        read=card,
        url=links.evidence_of,
    )

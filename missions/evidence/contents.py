"""What stands in a bundle, in order: the mission, what was signed, links, files.

Each entry is named by its path and known by its hash. What people signed stands there to the
character, so that its hash is the one they signed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from controlplane.approvals.models import Decision, Request
from controlplane.base.states import plain
from missions import stages
from missions.evidence import leaving
from missions.evidence.leaving import Cleaner
from missions.evidence.parts import PARTS
from missions.models import Artifact, Brief, Bundle, Mission, StageVisit

# Decided, or closed without an answer. A question that is open asks, among others, about this
# very bundle.
ERASED = "Erased"  # the title of what its uploader wanted to be forgotten
_OVER = ("approved", "rejected", "changes_requested", "void", "superseded", "withdrawn", "expired")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the bundle: its bytes, or the artifact they are read from. Left out (`why`), it is
    named in the manifest, with the hash of what it would have been."""

    path: str
    about: dict[str, Any] = field(default_factory=dict)
    content: bytes = b""
    artifact: Artifact | None = None
    why: str = ""  # it is not in it


def entries(bundle: Bundle) -> list[Entry]:
    """All of them, by path."""
    mission = bundle.mission
    outside = None
    if bundle.audience == Bundle.Audience.EXTERNAL:
        outside = leaving.cleaner_for(mission)
    found = [
        *_mission(mission, outside),
        *_signed(mission, outside),
        *_links(mission, outside),
        *_files(mission, outside),
    ]
    return sorted(found, key=lambda each: each.path)


def written(value: Any) -> bytes:
    return (json.dumps(plain(value), indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _document(path: str, value: Any, outside: Cleaner | None) -> Entry:
    told = leaving.cleaned(plain(value), outside) if outside else value
    return Entry(path, {"kind": "record"}, written(told))


# --- The mission --------------------------------------------------------------------------------


def _mission(mission: Mission, outside: Cleaner | None) -> Iterator[Entry]:
    yield _document("mission/mission.json", _told(mission, outside), outside)
    for name, read in sorted(PARTS.items()):
        found = read(mission)
        if found is not None:
            yield _document(f"mission/{name}.json", plain(found), outside)


def _told(mission: Mission, outside: Cleaner | None) -> dict[str, Any]:
    brief = Brief.objects.get(mission=mission)
    who = {} if outside else {"owner": f"user:{mission.owner_id}", "planned_by": mission.created_by}
    return {
        "mission": mission.ref,
        "title": mission.title,
        "intent": mission.intent,
        "type": mission.mission_type,
        "persona": mission.persona,
        **who,
        "started_at": mission.started_at,
        "status": mission.status,
        "closed_at": mission.closed_at,
        "reason": mission.close_reason,
        "brief": {
            "revision": brief.revision,
            "objective": brief.objective,
            "audience": brief.audience,
            "business_objective": brief.business_objective,
            "timeline": brief.timeline,
            "kpi": {
                "name": brief.kpi_name,
                "unit": brief.kpi_unit,
                "baseline": brief.kpi_baseline,
                "target": brief.kpi_target,
                "direction": brief.kpi_direction,
                "deadline": brief.kpi_deadline,
            },
        },
        "stages": [
            {
                "stage": visit.stage,
                "label": stages.get(visit.stage).label,
                "attempt": visit.attempt,
                "entered_at": visit.entered_at,
                "left_at": visit.left_at,
                "outcome": visit.outcome,
                "reason": visit.reason,
            }
            for visit in _visits(mission)
        ],
    }


def _visits(mission: Mission) -> list[StageVisit]:
    return list(StageVisit.objects.filter(mission=mission).order_by("pk"))


# --- What was signed ----------------------------------------------------------------------------


def _signed(mission: Mission, outside: Cleaner | None) -> Iterator[Entry]:
    visits = {f"missions.stagevisit:{visit.uid}": visit for visit in _visits(mission)}
    asked = Request.objects.of(mission.workspace_id).filter(
        owner="missions.checkpoint", subject__in=visits, status__in=_OVER
    )
    for number, request in enumerate(asked.order_by("pk"), start=1):
        visit = visits[request.subject]
        name = str(number) if outside else request.ref
        base = f"checkpoints/{visit.stage}-{visit.attempt}-{name}"
        text = _packet_outside(request, outside) if outside else request.packet_text.encode()
        about = {"kind": "packet", "signed_sha256": request.sha256}
        yield Entry(f"{base}.packet.json", about, text)
        yield _document(f"{base}.signatures.json", _signatures(request, outside), outside)


def _packet_outside(request: Request, clean: Cleaner) -> bytes:
    """Cleaned it is not what was signed any more: its hash says of what it is the copy."""
    return written(leaving.cleaned(request.packet, clean))


def _signatures(request: Request, outside: Cleaner | None) -> dict[str, Any]:
    rows = Decision.objects.filter(request=request).select_related("slot").order_by("pk")
    return {
        **({} if outside else {"request": request.ref}),
        "status": request.status,
        "sha256": request.sha256,
        "revision": request.revision,
        "asked_at": request.asked_at,
        "decided_at": request.decided_at,
        "signatures": [_signature(each, outside) for each in rows],
    }


def _signature(decision: Decision, outside: Cleaner | None) -> dict[str, Any]:
    who = {} if outside else {"by": f"user:{decision.person_id}"}
    return {
        "slot": decision.slot.title,
        "role": decision.as_role,
        "decision": decision.verdict,
        "comment": decision.comment,
        "sha256": decision.sha256,
        "decided_at": decision.decided_at,
        **who,
    }


# --- Links and files ----------------------------------------------------------------------------


def _links(mission: Mission, outside: Cleaner | None) -> Iterator[Entry]:
    found = [
        {
            "stage": visit.stage,
            "attempt": visit.attempt,
            "label": each["label"],
            "link": each["link"],
            "sha256": each.get("sha256", ""),
        }
        for visit in _visits(mission)
        for each in visit.evidence
    ]
    if found:
        yield _document("docs/readiness/links.json", found, outside)


def _files(mission: Mission, outside: Cleaner | None) -> Iterator[Entry]:
    rows = Artifact.objects.filter(mission=mission, stored_at__isnull=False)
    for row in rows.exclude(status="failed").select_related("visit").order_by("pk"):
        row.mission = mission
        about = _about(row, outside)
        path = leaving.path_of(row) if outside else row.path
        if row.status == Artifact.Status.DELETED:
            if row.title != ERASED:
                yield Entry(path, about, why=_taken_away(row, outside))
            continue
        yield Entry(path, about, artifact=row, why=_left_out(row, outside))


def _about(row: Artifact, outside: Cleaner | None) -> dict[str, Any]:
    return {
        "of": str(row.uid),
        "kind": row.kind,
        "title": leaving.text(row.title, outside) if outside else row.title,
        "stage": row.stage,
        "media_type": row.media_type,
        "size": row.size,
        "sha256": row.sha256,
        **({} if outside else {"uploaded_by": row.uploaded_by}),
        **({"as_it_is": row.redaction == Artifact.Redaction.NOT_REQUIRED} if outside else {}),
        "at": row.created_at,
    }


def _taken_away(row: Artifact, outside: Cleaner | None) -> str:
    return "withheld" if outside else f"withheld: taken away. {row.delete_reason}".strip()


def _left_out(row: Artifact, outside: Cleaner | None) -> str:
    if not row.is_there:
        return "archived: its hash is kept, its bytes are not"
    if outside and row.redaction == Artifact.Redaction.PENDING:
        return "nobody said that it may go out as it is"
    return ""

"""What people sign of safeguards, toolkits and exceptions. Nothing in it changes by itself: no
clock, no state of a connection, only what somebody decided or reported."""

from __future__ import annotations

from typing import Any

from missions import reads, stages
from missions.gates import registry
from missions.models import DataInspection, StageVisit, ToolkitConnection
from missions.services import safeguards

_EARLY = ("define", "prepare", "plan_approve")
_WORKS = ("prepare", "plan_approve")


def toolkits_of(visit: StageVisit) -> list[dict[str, Any]]:
    mission = visit.mission
    connected = reads.by_toolkit(reads.LAST_CONNECTED, mission)
    looks = reads.by_toolkit(reads.LAST_LOOKS, mission)
    return [
        {
            "toolkit": row.integration.slug,
            "name": row.integration.name,
            "purpose": row.purpose,
            "changes_something": row.mutating,
            "minimum_scopes": row.minimum_scopes,
            "requested_scopes": row.requested_scopes,
            "decision": row.status,
            "decided_because": row.decision,
            "approved_scopes": row.approved_scopes,
            "granted_scopes": _granted(connected.get(row.pk)),
            "attested_by": f"user:{row.attested_by_id}" if row.attested_by_id else "",
            "attestation": row.attestation,
            "inspection": _inspection(looks.get(row.pk)),
        }
        for row in reads.TOOLKITS.of(mission)
    ]


def _granted(last: ToolkitConnection | None) -> list[str]:
    return list(last.granted_scopes) if last is not None else []


def _inspection(last: DataInspection | None) -> dict[str, Any] | None:
    if last is None:
        return None
    return {
        "source": last.source,
        "coverage_percent": f"{last.coverage_percent.normalize():f}",
        "sample_count": last.sample_count,
        "fresh_to": last.freshness_at.isoformat() if last.freshness_at else None,
        "pii_flags": last.pii_flags,
        "duplicates": last.duplicates,
        "result": last.result,
        "read_only": last.proof,
        "at": last.inspected_at.isoformat(),
        "by": last.by,
    }


def exceptions_of(visit: StageVisit) -> list[dict[str, Any]]:
    """What was let pass at this stage's door: who asked, who granted it, until when."""
    stage = stages.get(visit.stage)
    doors = {gate.slug for gate in (*stage.entry, *stage.exit_gates)}
    wanted = [
        row
        for row in reads.OVERRIDES.of(visit.mission)
        if row.subject in doors or (row.kind == "coverage" and "data_coverage" in doors)
    ]
    return [
        {
            "what": row.kind,
            "subject": row.subject,
            "because": row.reason,
            "asked_by": row.requested_by,
            "granted_by": row.decided_by,
            "as": row.role,
            "until": row.expires_at.isoformat() if row.expires_at else "",
        }
        for row in wanted
    ]


def safeguard_authors(visit: StageVisit) -> list[str]:
    rows = visit.mission.safeguards.values_list("authors", flat=True)
    return [ref for authors in rows for ref in authors]


def toolkit_makers(visit: StageVisit) -> list[str]:
    """Who asked for them, who looked, and who told what was granted."""
    mission = visit.mission
    made = [ref for row in reads.TOOLKITS.of(mission) for ref in (row.proposed_by, *row.authors)]
    looks = DataInspection.objects.filter(toolkit__mission=mission)
    held = ToolkitConnection.objects.filter(toolkit__mission=mission)
    made += looks.values_list("by", flat=True)
    for told in held.values_list("initiated_by", "verified_by"):
        made += filter(None, told)
    return made


registry.sign(
    "safeguards", stages=_EARLY, read=lambda visit: safeguards.said(visit.mission),
    made_by=safeguard_authors,
)  # fmt: skip
registry.sign("toolkits", stages=_WORKS, read=toolkits_of, made_by=toolkit_makers)
registry.sign("exceptions", stages=stages.SLUGS, read=exceptions_of)
registry.COUNTS["safeguards"] = lambda mission: mission.safeguards.holding().count()
registry.COUNTS["toolkits"] = lambda mission: mission.toolkits.kept().count()

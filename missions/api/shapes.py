"""Rows as the API answers them."""

from __future__ import annotations

from typing import Any

from controlplane.approvals.models import Request
from missions.gates import registry
from missions.gates.kinds import Check
from missions.gates.looking import Look
from missions.models import Brief, StageVisit
from missions.standing import Standing

_BRIEF = (
    "objective",
    "audience",
    "business_objective",
    "kpi_name",
    "kpi_unit",
    "kpi_baseline",
    "kpi_target",
    "kpi_direction",
    "kpi_deadline",
    "timeline",
    "confidence",
    "revision",
    "locked_at",
    "locked_by",
    "version",
)


def brief(row: Brief) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _BRIEF}


def gate(check: Check) -> dict[str, Any]:
    return {
        "gate": check.slug,
        "title": check.title,
        "stage": check.stage,
        "phase": check.phase,
        "state": check.state,
        "detail": check.detail,
        "evidence": check.evidence,
        "mend": check.mend,
        "roles": list(check.gate.roles),
    }


def gates(look: Look, stands: Standing) -> dict[str, Any]:
    return {
        "stage": look.stage.slug,
        "ready": stands.ready,
        "blocked": stands.blocked,
        "next": stands.words,
        "gates": [gate(check) for check in stands.checks],
    }


def checklist(look: Look) -> list[dict[str, Any]]:
    if look.visit is None:
        return []
    found = []
    for line in look.stage.checklist:
        tick = look.ticks.get(line.slug)
        found.append(
            {
                "line": line.slug,
                "title": line.title,
                "done": look.done(line),
                "gate": line.gate,
                "roles": list(line.roles),
                "by": tick.by if tick is not None else "",
                "at": tick.at if tick is not None else None,
                "note": tick.note if tick is not None else _answer(line.gate, look),
                "evidence": tick.evidence if tick is not None else [],
            }
        )
    return found


def _answer(slug: str, look: Look) -> str:
    return registry.answer(slug, look).detail if slug else ""


def visit(row: StageVisit) -> dict[str, Any]:
    return {
        "uid": row.uid,
        "stage": row.stage,
        "attempt": row.attempt,
        "entered_at": row.entered_at,
        "left_at": row.left_at,
        "outcome": row.outcome,
        "reason": row.reason,
        "dwell_s": row.dwell.total_seconds(),
        "approval": row.approval.ref if row.approval is not None else None,
        "evidence": [
            {"label": each["label"], "link": each["link"], "sha256": each.get("sha256", "")}
            for each in row.evidence
        ],
    }


def checkpoint(request: Request) -> dict[str, Any]:
    slots = request.slots.order_by("position")
    return {
        "ref": request.ref,
        "uid": request.uid,
        "status": request.status,
        "revision": request.revision,
        "sha256": request.sha256,
        "due_at": request.due_at,
        "slots": [
            {"slot": each.slug, "title": each.title, "signed": each.signed, "needed": each.needed}
            for each in slots
        ],
    }

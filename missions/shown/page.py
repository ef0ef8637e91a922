"""What stands on a mission's page: the next step, gates, checklist, evidence, its way."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from controlplane.access.policy import can, role_label
from controlplane.approvals import links as approval_links
from controlplane.lib.actors import Actor
from controlplane.lib.lasting import lasted
from missions.gates.kinds import Check
from missions.gates.looking import Look
from missions.models import Brief, Mission
from missions.services.ticking import may_tick
from missions.shown import sections
from missions.standing import standing

_WORDS = {
    "passed": "Passed",
    "failed": "Missing",
    "waiting": "Waiting",
    "not_applicable": "Not applicable",
    "not_there": "Nobody answers",
}
_TONES = {"passed": "good", "failed": "warn", "waiting": "info", "not_there": "warn"}
GATES = (("gate", "Gate"), ("state", "State", "state"), ("found", "Found"), ("mend", "Mended by"))
LINES = (
    ("line", "Line"),
    ("state", "State", "state"),
    ("by", "By", "person"),
    ("what", "What was said"),
)
LINKS = (("link", "Link", "link"), ("by", "By", "person"), ("sha256", "SHA-256", "code"))
VISITS = (
    ("stage", "Stage"),
    ("state", "Outcome", "state"),
    ("entered_at", "Entered", "when"),
    ("dwell", "Stayed", "duration"),
    ("approval", "Checkpoint", "link"),
    ("reason", "Why"),
)


def panel(mission: Mission, actor: Actor, request: HttpRequest | None = None) -> dict[str, Any]:
    look = Look(mission)
    stands = standing(mission, look)
    checks = [each for each in stands.checks if each.stage == mission.stage]
    onward = [each for each in stands.checks if each.stage != mission.stage]
    request_, cards = look.approval, sections.cards(mission, actor, request)
    return {
        "stands": stands,
        "stage": look.stage,
        "under_way": mission.is_under_way,
        "brief": look.brief,
        "brief_url": brief_page(look.brief),
        "approval": request_,
        "approval_url": approval_links.page_of(request_) if request_ is not None else "",
        "gate_columns": GATES,
        "gate_rows": [_gate(each) for each in checks],
        "next_stage": onward[0].stage if onward else "",
        "next_rows": [_gate(each) for each in onward],
        "line_columns": LINES,
        "line_rows": _lines(look, actor) if look.visit is not None else [],
        "link_columns": LINKS,
        "link_rows": [
            {"link": {"text": each["label"], "url": each["link"]}, "by": each["by"],
             "sha256": each.get("sha256", "")}
            for each in (look.visit.evidence if look.visit is not None else [])
        ],
        "link_url": _may_link(mission, actor),
        "cards": [each for each in cards if each.is_open or each.broken],
        "folded": [each for each in cards if not (each.is_open or each.broken)],
        "visit_columns": VISITS,
        "visit_rows": [_visit(each) for each in reversed(look.visits)],
    }  # fmt: skip


def brief_page(brief: Brief) -> str:
    return f"/admin/missions/brief/{brief.pk}/change/"


def _gate(check: Check) -> dict[str, Any]:
    return {
        "gate": check.title,
        "state": {"value": _WORDS[check.state], "tone": _TONES.get(check.state, "neutral")},
        "found": check.detail,
        "mend": check.mend,
    }


def _lines(look: Look, actor: Actor) -> list[dict[str, Any]]:
    found = []
    for line in look.stage.checklist:
        tick, done = look.ticks.get(line.slug), look.done(line)
        who = ", ".join(role_label(role) for role in line.roles)
        may = not may_tick(actor, look.mission, line)
        url = reverse("missions:line", args=(look.mission.uid, line.slug)) if may else ""
        said = tick.note if tick is not None else ("The portal looks itself" if line.gate else who)
        found.append(
            {
                "line": {"text": line.title, "url": url},
                "state": {"value": "Done" if done else "Open", "tone": "good" if done else "warn"},
                "by": tick.by if tick is not None else "",
                "what": said,
            }
        )
    return found


def _may_link(mission: Mission, actor: Actor) -> str:
    if not mission.is_under_way or not can(actor, "mission.evidence", mission):
        return ""
    return reverse("missions:evidence", args=(mission.uid,))


def _visit(visit: Any) -> dict[str, Any]:
    request = visit.approval
    return {
        "stage": str(visit),
        "state": {"value": visit.get_outcome_display() if visit.left_at else "Here now",
                  "tone": "info" if visit.left_at is None else
                  "good" if visit.outcome == "completed" else "neutral"},
        "entered_at": visit.entered_at,
        "dwell": lasted(visit.entered_at, visit.left_at),
        "approval": {"text": request.ref, "url": approval_links.page_of(request)}
        if request is not None else "",
        "reason": visit.reason,
    }  # fmt: skip

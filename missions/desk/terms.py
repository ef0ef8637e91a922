"""What the names and codes in the packet of a checkpoint are called by people."""

from __future__ import annotations

from collections.abc import Mapping

from django.urls import reverse

from controlplane.access.policy import ROLES, role_label
from controlplane.approvals.models import Request
from controlplane.approvals.shown.packet import Terms
from missions import guarding, links, stages
from missions.models import (
    Brief,
    DataInspection,
    Mission,
    MissionToolkit,
    Mode,
    RiskEntry,
    Safeguard,
)
from missions.services import checkpoints

NAMES = {
    "kpi": "The figure",
    "mode": "A violation",
    "params": "Its figures",
    "template": "It comes from",
    "justification": "Why it is there",
    "decision": "Decided",
    "due_on": "Needed by",
    "type": "Kind of mission",
    "persona": "For",
    "changes_something": "Changes something there",
    "decided_because": "Because",
    "because": "Because",
    "pii_flags": "Personal data",
    "fresh_to": "Fresh to",
    "sla_impact": "What it means for service levels",
    "kpi_actual": "The figure in the end",
    "kpi_note": "About the figure",
    "manifest_hash": "SHA-256 of its manifest",
    "toolkit": "With",
    "changes": "Changes something",
    "as": "In the role of",
}
_DIRECTIONS = {
    Brief.Direction.UP: "the higher the better",
    Brief.Direction.DOWN: "the lower the better",
}
_MODES = {Mode.HINT: "is told to agents", Mode.ENFORCED: "stops the mission"}
_CODES: Mapping[str, Mapping[str, str]] = {
    "direction": {str(key): words for key, words in _DIRECTIONS.items()},
    "mode": {str(key): words for key, words in _MODES.items()},
    "decision": {
        str(key): str(words).lower()
        for key, words in (*Safeguard.Status.choices, *MissionToolkit.Status.choices)
    },
    "category": guarding.CATEGORIES,
    "reversibility": {
        str(key): str(words).lower() for key, words in RiskEntry.Reversibility.choices
    },
    "result": {str(key): str(words).lower() for key, words in DataInspection.Result.choices},
    "stage": {slug: stage.label for slug, stage in stages.STAGES.items()},
    "as": {role: role_label(role) for role in ROLES},
}


def of_request(request: Request, desk: bool) -> Terms:
    visit = checkpoints.visit_about(request)
    return of_mission(visit.mission, desk) if visit is not None else Terms(NAMES, _CODES)


def of_mission(mission: Mission, desk: bool) -> Terms:
    """With what the workspace calls its templates and toolkits, and where each safeguard stands."""
    page = (
        reverse("mission_desk:safeguards", args=(mission.uid,))
        if desk
        else links.safeguards_of(mission)
    )
    codes: dict[str, Mapping[str, str]] = {**_CODES, "subject": _gates()}
    places, templates = {}, {}
    for row in mission.safeguards.select_related("template"):
        places[str(row.uid)] = f"{page}#{row.uid}"
        if row.template is not None:
            number = row.template_number
            templates[f"{row.template.slug} v{number}"] = f"{row.template.title}, version {number}"
    kits = mission.toolkits.values_list("integration__slug", "integration__name")
    return Terms(NAMES, {**codes, "template": templates, "toolkit": dict(kits)}, places)


def _gates() -> dict[str, str]:
    return {
        gate.slug: gate.title
        for stage in stages.STAGES.values()
        for gate in (*stage.entry, *stage.exit_gates)
    }

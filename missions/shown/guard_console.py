"""What safeguards, toolkits and findings hand to the console: cards, the sidebar, the palette."""

from __future__ import annotations

from controlplane.base.registries import (
    NavCount,
    NavItem,
    PaletteAction,
    nav_items,
    palette_actions,
)
from controlplane.lib.actors import Actor
from missions import links
from missions.models import Finding
from missions.shown import guard_safeguards, guard_toolkits
from missions.shown.sections import section

VIEW = "mission.view"
GROUP = "Missions"
MOST_COUNTED = 99


def _open_findings(actor: Actor, workspace_id: int | None) -> NavCount:
    rows = Finding.objects.visible_to(actor).open()
    if workspace_id is not None:
        rows = rows.of(workspace_id)
    found = list(rows.order_by().values_list("unhandled", flat=True)[:MOST_COUNTED])
    return NavCount(len(found), "warn" if any(found) else "info")


_LISTS = (
    ("mission-toolkits", "Mission toolkits", "missiontoolkit", ("scopes", "approve")),
    ("mission-connections", "Toolkit connections", "toolkitconnection", ("oauth", "drift")),
    ("mission-inspections", "Data inspections", "datainspection", ("coverage", "pii")),
    ("mission-safeguards", "Safeguards", "safeguard", ("rules", "policy")),
    ("mission-exceptions", "Exceptions", "override", ("override", "waive")),
    ("mission-violations", "Violations", "violation", ("stopped",)),
    ("mission-sessions", "Agent sessions", "agentsession", ("heartbeat", "conflicts")),
)


def register() -> None:
    section("toolkits", "Toolkits", stages=("define", "prepare"), order=20,
            read=guard_toolkits.card, url=links.toolkits_of)  # fmt: skip
    section("safeguards", "Safeguards", stages=("define", "execute_observe"), order=30,
            read=guard_safeguards.card, url=links.safeguards_of)  # fmt: skip
    nav_items.register(
        NavItem("mission-findings", "Findings", GROUP, "admin:missions_finding_changelist",
                "shield", VIEW, 44, count=_open_findings)
    )  # fmt: skip
    nav_items.register(
        NavItem("mission-templates", "Policy templates", GROUP,
                "admin:missions_policytemplate_changelist", "flag", VIEW, 49)
    )  # fmt: skip
    for slug, label, model, also in _LISTS:
        palette_actions.register(
            PaletteAction(slug, label, f"admin:missions_{model}_changelist", VIEW, also)
        )

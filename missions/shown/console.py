"""What missions hand to the console's shared parts: sidebar, palette, refs, links of items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from controlplane.base import row_slots
from controlplane.base.registries import (
    NavCount,
    NavItem,
    PaletteAction,
    RefFinder,
    Target,
    nav_items,
    palette_actions,
    ref_finders,
)
from controlplane.lib.actors import Actor
from controlplane.work.models import Item
from missions import links
from missions.models import Mission

VIEW = "mission.view"
GROUP = "Missions"
MOST_COUNTED = 99


def _here(actor: Actor, workspace_id: int | None) -> Any:
    rows = Mission.objects.visible_to(actor)
    return rows if workspace_id is None else rows.of(workspace_id)


def _count(actor: Actor, workspace_id: int | None) -> NavCount:
    """Under way; amber while one is paused."""
    rows = _here(actor, workspace_id).under_way().order_by().values_list("status", flat=True)
    found = list(rows[:MOST_COUNTED])
    return NavCount(len(found), "warn" if "paused" in found else "info")


def _by_number(actor: Actor, workspace_id: int | None, number: int) -> Target | None:
    row = _here(actor, workspace_id).filter(ref=f"MSN-{number}").order_by("-pk").first()
    if row is None:
        return None
    return Target(f"{row.ref} {row.title}", links.page_of(row), str(row.get_status_display()))


def _related(actor: Actor, obj: Any) -> Sequence[row_slots.RelatedRow] | None:
    """On the page of a work item: the mission it stands for."""
    if not isinstance(obj, Item):
        return None
    rows = Mission.objects.visible_to(actor).filter(item_id=obj.pk)
    found = [
        row_slots.RelatedRow(
            title=row.title,
            url=links.page_of(row),
            ref=row.ref,
            state=str(row.get_status_display()),
        )
        for row in rows[:1]
    ]
    return found or None


def register() -> None:
    nav_items.register(
        NavItem("missions", "Missions", GROUP, "admin:missions_mission_changelist", "target", VIEW,
                40, "m", _count)
    )  # fmt: skip
    nav_items.register(
        NavItem("mission-visits", "Stage visits", GROUP, "admin:missions_stagevisit_changelist",
                "history", VIEW, 48)
    )  # fmt: skip
    palette_actions.register(
        PaletteAction("mission-new", "New mission", "admin:missions_mission_add", "mission.create",
                      ("plan", "intent", "brief"))
    )  # fmt: skip
    palette_actions.register(
        PaletteAction("mission-briefs", "Briefs", "admin:missions_brief_changelist", VIEW,
                      ("kpi", "objective"))
    )  # fmt: skip
    palette_actions.register(
        PaletteAction("mission-ticks", "Checklist ticks", "admin:missions_checklisttick_changelist",
                      VIEW, ("checklist",))
    )  # fmt: skip
    ref_finders.register(RefFinder("MSN", "mission", _by_number))
    row_slots.links.register(row_slots.RowSource("missions.item", _related))

"""What missions hand to the console's shared parts: sidebar, home, palette, agenda, refs, links of
items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from controlplane.base import finding, row_slots
from controlplane.base.registries import (
    AgendaSection,
    HomeRow,
    NameFinder,
    NavItem,
    NavRows,
    PaletteAction,
    PaletteVerb,
    Target,
    agenda,
    home_rows,
    name_finders,
    nav_items,
    palette_actions,
    palette_verbs,
    ref_finders,
)
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from controlplane.work.models import Item
from missions import links
from missions.models import Mission
from missions.shown import due, moves, turn

VIEW = "mission.view"
GROUP = "Missions"
MOST_COUNTED = 99
FOUND = 6
LIST = "/admin/missions/mission/"


_here = turn.here


def _count(actor: Actor, workspace_id: int | None) -> NavRows:
    """Under way; amber while one is paused."""
    rows = _here(actor, workspace_id).order_by()
    return NavRows(
        rows.under_way(), "info", most=MOST_COUNTED, grave=rows.filter(status="paused"),
        grave_tone="warn",
    )  # fmt: skip


def _target(row: Mission, url: str) -> Target:
    return Target(f"{row.ref} {row.title}", url, str(row.get_status_display()))


def _typed(rows: Any, text: str) -> Any:
    return finding.typed(rows, text, "MSN", "title")


def _named(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    """Those in sight, the newest first."""
    rows = _typed(_here(actor, workspace_id).kept_in_sight(), text).order_by("-pk")
    return [_target(row, links.page_of(row)) for row in rows[:FOUND]]


def _pressing(slug: str) -> Callable[[Actor, int | None, str], Sequence[Target]]:
    """The question of this move, of the missions it can be made with."""

    def find(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
        move = moves.MOVES[slug]
        rows = _here(actor, workspace_id).filter(status__in=move.statuses)
        known = _typed(rows, text).select_related("workspace").order_by("-pk")
        return [
            _target(row, moves.url(row, slug))
            for row in known[: FOUND * 3]
            if not moves.idle(move, row)
        ][:FOUND]

    return find


def _related(actor: Actor, obj: Any) -> Sequence[row_slots.RelatedRow] | None:
    """On the page of a work item: the mission it stands for."""
    if not isinstance(obj, Item):
        return None
    rows = kept.seen(
        actor,
        lambda actor, item: (
            Mission.objects.visible_to(actor).filter(item_id=item).order_by("-pk")[:1]
        ),
        obj.pk,
    )
    found = [
        row_slots.RelatedRow(
            title=row.title,
            url=links.page_of(row),
            ref=row.ref,
            state=str(row.get_status_display()),
        )
        for row in rows
    ]
    return found or None


VERBS: tuple[tuple[str, str, str, str, str, str], ...] = (
    ("mission-start", "start mission", "Start", "mission.start", "Start a planned mission",
     "start"),
    ("mission-pause", "pause", "Pause", "mission.pause", "Pause a mission", "pause"),
    ("mission-resume", "resume", "Resume", "mission.resume", "Let a paused mission go on",
     "resume"),
    ("mission-back", "send back", "Send back", "mission.send_back",
     "Send a mission back to an earlier stage", "back"),
    ("mission-cancel", "cancel mission", "Cancel", "mission.cancel", "Cancel a mission", "cancel"),
)  # fmt: skip
PAGES: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    ("mission-new", "New mission", "missions:new", "mission.create", ("plan", "intent", "brief")),
    ("mission-import", "Import missions", "missions:import", "mission.import",
     ("csv", "legacy", "bring over")),
    ("mission-briefs", "Briefs", "admin:missions_brief_changelist", VIEW, ("kpi", "objective")),
    ("mission-ticks", "Checklist ticks", "admin:missions_checklisttick_changelist", VIEW,
     ("checklist",)),
)  # fmt: skip


def register() -> None:
    nav_items.register(
        NavItem("missions", "Missions", GROUP, "admin:missions_mission_changelist", "target", VIEW,
                40, "m", _count)
    )  # fmt: skip
    nav_items.register(
        NavItem("mission-visits", "Stage visits", GROUP, "admin:missions_stagevisit_changelist",
                "history", VIEW, 48)
    )  # fmt: skip
    home_rows.register(
        HomeRow(
            slug="missions.turn",
            title="Missions, your turn",
            action="mission.tick",
            rows=turn.waiting,
            count=turn.count_waiting,
            most=turn.SHOWN,
            empty="no mission of yours stands still, is late or waits for you.",
            link=f"{LIST}?standing=under_way",
            order=14,
        )
    )
    for slug, label, url, action, keywords in PAGES:
        palette_actions.register(PaletteAction(slug, label, url, action, keywords))
    for slug, verb, label, action, about, move in VERBS:
        palette_verbs.register(
            PaletteVerb(slug, verb, "MSN-n", label, action, _pressing(move), noun="mission",
                        about=about)
        )  # fmt: skip
    name_finders.register(NameFinder("missions.missions", "mission", VIEW, _named))
    for meeting in ("standup", "ops_sync"):
        agenda.register(
            AgendaSection(
                f"missions.due.{meeting}", meeting, "Missions that are due", due.agenda, order=13
            )
        )
    ref_finders.register(
        finding.by_ref("MSN", "mission", _here, lambda row: _target(row, links.page_of(row)))
    )
    row_slots.links.register(row_slots.RowSource("missions.item", _related))

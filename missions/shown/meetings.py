"""What the pages of meetings show, and where meetings stand in the console."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from controlplane.access.policy import can
from controlplane.base.registries import NavItem, PaletteAction, nav_items, palette_actions
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from missions import links
from missions.learning import times
from missions.models import FollowUp, MeetingSeries

GROUP = "Missions"


def coming(
    series: Iterable[MeetingSeries], held: Any, actor: Actor, now: datetime
) -> list[dict[str, Any]]:
    """Each rhythm with its next, the nearest first; one that is open now before them."""
    rows = list(series[:40])  # type: ignore[index]
    open_ = {row.series_id: row for row in held.open().filter(series__in=rows)}
    found = []
    for row in rows:
        at, begun = times.nearest(row, now), open_.get(row.pk)
        if begun is None and at <= now and held.filter(series=row, planned_at=at).exists():
            at = times.next_after(row, now)
        decision = can(actor, "meeting.hold", row)
        found.append(
            {
                "series": row,
                "at": at,
                "url": links.meeting_page(begun) if begun is not None else "",
                "refusal": "" if decision else decision.reason,
                "late": not begun and at <= now,
            }
        )
    found.sort(key=lambda each: (not each["url"], each["at"]))
    first = next((each for each in found if not each["refusal"]), None)
    if first is not None:
        first["first"] = True
    return found


def follow_rows(rows: Iterable[FollowUp]) -> list[dict[str, Any]]:
    today = clock.now().date()
    found = []
    for row in rows:
        done = row.item is not None and row.item.category == "done"
        late = not done and row.due_on < today
        found.append(
            {
                "row": row,
                "url": links.item_page(row.item) if row.item is not None else "",
                "state": "Done" if done else "Late" if late else "Open",
                "tone": "good" if done else "bad" if late else "info",
            }
        )
    return found


def register() -> None:
    nav_items.register(
        NavItem("mission-library", "Library", GROUP, "admin:missions_asset_changelist", "book",
                "library.view", 44)
    )  # fmt: skip
    nav_items.register(
        NavItem("mission-meetings", "Meetings", GROUP, "missions:meetings", "users",
                "meeting.view", 45)
    )  # fmt: skip
    nav_items.register(
        NavItem("mission-training", "Training backlog", GROUP,
                "admin:missions_trainingitem_changelist", "list", "mission.view", 46)
    )  # fmt: skip
    for slug, label, url, action, words in (
        ("meetings", "Meetings", "missions:meetings", "meeting.view",
         ("stand-up", "council", "sync", "agenda", "notes")),
        ("meeting-notes", "Meeting notes", "admin:missions_meeting_changelist", "meeting.view",
         ("minutes", "decisions")),
        ("meeting-series", "Planned meetings", "admin:missions_meetingseries_changelist",
         "meeting.view", ("cadence", "rhythm")),
        ("mission-feedback", "Feedback", "admin:missions_feedback_changelist", "mission.view",
         ("rating", "satisfaction")),
        ("mission-retrospectives", "Retrospectives", "admin:missions_retrospective_changelist",
         "mission.view", ("retro", "learnt")),
        ("mission-followups", "Follow-ups", "admin:missions_followup_changelist", "mission.view",
         ("actions",)),
        ("asset-new", "New asset", "admin:missions_asset_add", "library.write",
         ("library", "playbook", "template")),
        ("asset-versions", "Versions of assets", "admin:missions_assetversion_changelist",
         "library.view", ("library",)),
        ("asset-uses", "Uses of assets", "admin:missions_assetuse_changelist", "library.view",
         ("reuse",)),
    ):  # fmt: skip
        palette_actions.register(PaletteAction(slug, label, url, action, words))

"""Rows as the API answers them."""

from __future__ import annotations

from typing import Any

from missions.models import Asset, AssetVersion, FollowUp, Meeting, Retrospective

_WRITTEN = (
    "uid", "summary", "went_well", "to_improve", "kpi_actual", "kpi_note", "figures", "figures_at",
    "written_at", "reuse", "reuse_reason", "training_note", "training_at", "version",
)  # fmt: skip
_VERSION = ("number", "body", "playbook", "note", "sha256", "published_at", "published_by")
_MEETING = ("uid", "planned_at", "began_at", "notes", "decisions", "attendees", "stages",
            "closed_at", "missed_at", "afterwards", "afterwards_at", "version",
            "agenda")  # fmt: skip


def followup(row: FollowUp) -> dict[str, Any]:
    return {
        "uid": row.uid,
        "title": row.title,
        "owner": row.owner.uid,
        "due_on": row.due_on,
        "item": row.item.key if row.item is not None else None,
        "done": row.item is not None and row.item.category == "done",
    }


def followups(rows: Any) -> list[dict[str, Any]]:
    standing = rows.standing().select_related("owner", "item").order_by("due_on", "pk")
    return [followup(row) for row in standing]


def retrospective(row: Retrospective) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in _WRITTEN}
    actual = row.kpi_actual
    return {
        **found,
        "kpi_actual": None if actual is None else f"{actual.normalize():f}",
        "attempt": row.visit.attempt,
        "followups": followups(row.followups),
    }


def version(row: AssetVersion | None) -> dict[str, Any] | None:
    return None if row is None else {name: getattr(row, name) for name in _VERSION}


def asset(row: Asset, shown: dict[str, Any], *, with_draft: bool) -> dict[str, Any]:
    versions = row.versions
    draft = versions.drafts().first() if with_draft else None
    return {
        **shown,
        "current": version(versions.published().order_by("-number").first()),
        "draft": version(draft),
        "uses": row.uses.count(),
    }


def meeting(row: Meeting) -> dict[str, Any]:
    return {
        **{name: getattr(row, name) for name in _MEETING},
        "cadence": row.series.cadence,
        "time_zone": row.series.time_zone,
        "followups": followups(row.followups),
    }

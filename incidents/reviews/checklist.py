"""What is to be done after an incident, and how far it is: five points, each told from rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from incidents.models import IncidentReview


@dataclass(frozen=True, slots=True)
class Point:
    slug: str
    label: str
    done: bool
    note: str = ""
    at: datetime | None = None


def of(row: IncidentReview) -> list[Point]:
    actions = list(row.actions.standing().select_related("item"))
    return [
        Point("report", "The report is completed and stored", row.published_at is not None,
              "" if row.published_at else "It is being written.", row.published_at),
        Point("snapshot", "The figures of those hours are archived", row.snapshot_id is not None,
              "" if row.snapshot_id else "Taken when the report is published.",
              row.snapshot.taken_at if row.snapshot is not None else None),
        Point("shared", "What was learned is shared in the channels", row.shared_at is not None,
              "" if row.shared_at else "Told when the report is published.", row.shared_at),
        Point("followups", "What follows is logged", bool(actions or row.no_actions),
              _followups(row, len(actions), sum(not each.item.is_closed for each in actions))),
        _documents(row),
    ]  # fmt: skip


def _followups(row: IncidentReview, there: int, open_: int) -> str:
    if not there:
        return row.no_actions and f"None: {row.no_actions}"
    noun = "action" if there == 1 else "actions"
    return f"{there} {noun}, {open_} open" if open_ else f"{there} {noun}, all done"


def _documents(row: IncidentReview) -> Point:
    label = "The documentation says what was learned"
    item = row.documents_item
    if item is not None:
        when = f", due {item.due_at:%Y-%m-%d %H:%M} UTC" if item.due_at else ""
        said = f"{item.key} is done" if item.is_closed else f"{item.key} is open{when}"
        return Point("documents", label, item.is_closed, said, item.closed_at)
    return Point("documents", label, bool(row.documents), row.documents[:200])

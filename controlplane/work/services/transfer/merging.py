"""Lines and the items that are here already: what is new, what differs, who is newer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from controlplane.access.models import User
from controlplane.lib import context
from controlplane.lib.ids import uuid7
from controlplane.work.models import Item
from controlplane.work.services import reading
from controlplane.work.services.transfer import lines, past, storing
from controlplane.work.services.transfer.lines import BadLine, Line

if TYPE_CHECKING:
    from controlplane.work.services.transfer.importing import Work

# Columns a line decides, beside those only the portal has.
_BEADS = (
    "title",
    *reading.TEXTS,
    "spec_id",
    "status",
    "category",
    "priority",
    "item_type",
    "assignee",
    "owner",
    "created_by",
    "external_ref",
    "source_system",
    "metadata",
    "estimated_minutes",
    "created_at",
    "started_at",
    "closed_at",
    "due_at",
    "defer_until",
    "close_reason",
    "closed_by_session",
    "ephemeral",
)
_COLUMNS = (*_BEADS, "updated_at", "labels", "extra", *lines.OWN, "assignee_user_id")
_NEW = (
    "uid",
    "workspace_id",
    "project_id",
    "key",
    *_COLUMNS,
    "subject",
    "ensure_key",
    "close_forced",
    "open_blockers",
    "blocked",
    "last_child",
    "revision",
)
_EVENT = (
    "workspace_id",
    "item_id",
    "kind",
    "actor_name",
    "actor_ref",
    "old",
    "new",
    "comment",
    "forced",
    "source",
    "request_id",
    "at",
)
_EMPTY: dict[str, Any] = {
    "in_backlog": False,
    "stage": "",
    "kpi": "",
    "readiness_artifact": "",
    "backlog_category": "",
    "impact": None,
    "effort": None,
    "evidence_url": "",
}
_SHOWN = 2_000


@dataclass(slots=True)
class Change:
    """What a line makes of an item: every column after it, and which of them it turned."""

    item: Item
    line: Line
    values: dict[str, Any]
    turned: list[str]
    newer_here: bool


def complete(line: Line, work: Work) -> None:
    """A new item: what the line does not say."""
    values = line.values
    values["created_at"] = values["created_at"] or values["updated_at"] or work.at
    values["updated_at"] = values["updated_at"] or values["created_at"]
    values["created_by"] = values["created_by"] or work.who
    if values["status"] == "closed":
        values["closed_at"] = values["closed_at"] or values["updated_at"]
    for name, empty in _EMPTY.items():
        values.setdefault(name, empty)
    _check_backlog(line, values)


def compare(item: Item, line: Line, now: datetime) -> Change | None:
    """None when the item says all that the line says."""
    given = line.values
    values = {name: getattr(item, name) for name in _EMPTY} | given
    if given["status"] == "closed" and given["closed_at"] is None:
        values["closed_at"] = item.closed_at or now
    for name in ("created_at", "created_by"):
        values[name] = given[name] or getattr(item, name)
    values["labels"] = sorted(set(item.labels) | set(line.labels))
    values["extra"] = _extra(item, line)
    turned = [name for name in (*_BEADS, *_EMPTY, "labels", "extra") if _differ(item, values, name)]
    written, here = given["updated_at"], item.updated_at
    newer_here = written is not None and _whole(here) > _whole(written)
    if not turned and (newer_here or written is None or _whole(here) == _whole(written)):
        return None
    for name in _BEADS:  # a second's fraction that the file does not know is not lost
        if name not in turned:
            values[name] = getattr(item, name)
    values["updated_at"] = written or now
    _check_backlog(line, values)
    return Change(item, line, values, turned, newer_here and bool(turned))


def _extra(item: Item, line: Line) -> dict[str, Any]:
    kept = {name: value for name, value in item.extra.items() if name not in lines.BEADS_EXTRA}
    return kept | line.extra


def _differ(item: Item, values: dict[str, Any], name: str) -> bool:
    before, after = getattr(item, name), values[name]
    if isinstance(before, datetime) and isinstance(after, datetime):
        return _whole(before) != _whole(after)
    return bool(before != after)


def _whole(at: datetime) -> datetime:
    """To the second, as lines are written."""
    return at.replace(microsecond=0)


def _check_backlog(line: Line, values: dict[str, Any]) -> None:
    if not values["in_backlog"]:
        return
    for name in ("stage", "kpi", "readiness_artifact"):
        if not values[name]:
            raise BadLine(line.number, f"An item of the operations backlog names its {name}.")


# --- Storing ----------------------------------------------------------------------------------


def insert(work: Work) -> None:
    if not work.new:
        return
    accounts = _accounts(work, (line.values["assignee"] for line in work.new))
    uids = [uuid7() for _ in work.new]
    taken = _taken(work)
    for line in work.new:
        if line.values["category"] == "done":
            continue  # it takes nothing from anybody, and has its key again when reopened
        if line.ensure_key in taken:
            line.ensure_key = ""
        taken.add(line.ensure_key)
    storing.copy("work_item", _NEW, _rows(work, uids, accounts))
    ids = storing.ids_of(uids)
    work.ids |= {line.key.upper(): pk for line, pk in zip(work.new, ids, strict=True)}
    storing.copy(
        "work_itemevent",
        _EVENT,
        (
            _event(work, pk, past.CREATED, "", line.values["title"])
            for line, pk in zip(work.new, ids, strict=True)
            if not past.tells_beginning(line)
        ),
    )


def _rows(work: Work, uids: list[UUID], accounts: dict[str, int]) -> Iterator[tuple[Any, ...]]:
    project = work.project
    for line, uid in zip(work.new, uids, strict=True):
        values = line.values
        row = {
            **values,
            "metadata": storing.document(values["metadata"]),
            "extra": storing.document(line.extra),
            "labels": line.labels,
            "assignee_user_id": accounts.get(values["assignee"].lower()),
        }
        yield (
            uid,
            project.workspace_id,
            project.pk,
            line.key,
            *(row[name] for name in _COLUMNS),
            "",
            line.ensure_key,
            False,
            0,
            False,
            0,
            1,
        )


def _taken(work: Work) -> set[str]:
    """Ensured keys that unfinished items have already; the empty one is nobody's."""
    asked = {line.ensure_key for line in work.new if line.ensure_key}
    rows = Item.objects.ensured(work.project, *asked)
    return set(rows.values_list("ensure_key", flat=True)) if asked else set()


def _accounts(work: Work, names: Iterator[str]) -> dict[str, int]:
    asked = {name.lower() for name in names if "@" in name}
    if not asked:
        return {}
    members = User.objects.filter(
        is_active=True, memberships__workspace_id=work.project.workspace_id
    )
    return {
        email.lower(): pk
        for pk, email in members.values_list("pk", "email")
        if email.lower() in asked
    }


def apply(work: Work) -> None:
    if not work.changes:
        return
    accounts = _accounts(work, (change.values["assignee"] for change in work.changes))
    rows = []
    for change in work.changes:
        row = {name: change.values[name] for name in _COLUMNS if name != "assignee_user_id"}
        row["id"] = change.item.pk
        row["assignee_user_id"] = accounts.get(row["assignee"].lower())
        rows.append(row)
    _give_up_keys(work)
    storing.change(_COLUMNS, rows)
    storing.copy("work_itemevent", _EVENT, (_changed(work, change) for change in work.changes))


def _give_up_keys(work: Work) -> None:
    """Of what is to be done again, while another item is located by its key."""
    again = {
        change.item.pk: change.item.ensure_key
        for change in work.changes
        if change.item.ensure_key
        and change.item.category == "done"
        and change.values["category"] != "done"
    }
    taken = set(
        Item.objects.ensured(work.project, *again.values()).values_list("ensure_key", flat=True)
    )
    gone = []
    for pk, key in again.items():
        if key in taken:
            gone.append(pk)
        taken.add(key)
    Item.objects.filter(pk__in=gone).update(ensure_key="")


def _changed(work: Work, change: Change) -> tuple[Any, ...]:
    turned = [name for name in change.turned if name != "category"]
    old = "; ".join(f"{name}: {getattr(change.item, name)}" for name in turned)
    new = "; ".join(f"{name}: {change.values[name]}" for name in turned)
    return _event(work, change.item.pk, "updated", old, new)


def _event(work: Work, pk: int, kind: str, old: str, new: str) -> tuple[Any, ...]:
    now = context.current()
    return (
        work.project.workspace_id,
        pk,
        kind,
        work.who,
        work.actor.ref[:80],
        old[:_SHOWN],
        new[:_SHOWN],
        past.IMPORTED,
        False,
        now.source[:20],
        now.request_id[:128],
        work.at,
    )

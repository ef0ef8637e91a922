"""Rows in Beads' JSON shapes: its names, its leaving out of what is empty, its times in UTC.

Clients compare these rows with each other and with exported lines, hence whole seconds wherever
rows are listed; only the direct answers of `create` and `comment` are exact, as Beads has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from controlplane.work import vocabulary
from controlplane.work.models import Comment, Dependency, Item

# Shown when there is something in them. The name here is the name there.
_TEXTS = ("description", "design", "acceptance_criteria", "notes", "spec_id")
_PEOPLE = ("assignee", "owner", "created_by")
_OUTSIDE = ("close_reason", "closed_by_session", "external_ref", "source_system")
_TIMES = ("started_at", "closed_at", "due_at", "defer_until")
# The portal's own; Beads' tools pass over what they do not know.
OWN = (
    "in_backlog",
    "stage",
    "kpi",
    "readiness_artifact",
    "backlog_category",
    "impact",
    "effort",
    "evidence_url",
    "ensure_key",
    "subject",
)

# All that `issue` reads: an export asks for these as values, for a model of each costs more than
# writing its line.
COLUMNS = (
    "pk",
    "key",
    "title",
    *_TEXTS,
    "status",
    "priority",
    "item_type",
    *_PEOPLE,
    "estimated_minutes",
    "created_at",
    "updated_at",
    *_TIMES,
    *_OUTSIDE,
    "metadata",
    "ephemeral",
    "labels",
    *OWN,
    "extra",
)

# What an edge's row is made of. As values, not as models: a list has thousands of them.
EDGE_COLUMNS = (
    "item_id",
    "item__key",
    "target_id",
    "target__key",
    "target_name",
    "kind",
    "metadata",
    "thread_id",
    "created_at",
    "created_by",
)
TARGET_COLUMNS = (
    "target__title",
    "target__status",
    "target__priority",
    "target__item_type",
    "target__assignee",
    "target__updated_at",
    "target__closed_at",
    "target__active",
)


def moment(value: datetime | None, *, exact: bool = False) -> str | None:
    if value is None:
        return None
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    if exact:
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat(timespec="seconds")[:19] + "Z"


def issue(item: Item, *, labels: bool = True, exact: bool = False) -> dict[str, Any]:
    """An item by itself: what it is, without its edges and comments."""
    row: dict[str, Any] = {"id": item.key, "title": item.title}
    _some(row, item, _TEXTS)
    row |= {"status": item.status, "priority": item.priority, "issue_type": item.item_type}
    _some(row, item, _PEOPLE)
    if item.estimated_minutes is not None:
        row["estimated_minutes"] = item.estimated_minutes
    row["created_at"] = moment(item.created_at, exact=exact)
    row["updated_at"] = moment(item.updated_at, exact=exact)
    for name in _TIMES:
        if (value := getattr(item, name)) is not None:
            row[name] = moment(value)
    _some(row, item, _OUTSIDE)
    _some(row, item, ("metadata", "ephemeral"))
    if labels and item.labels:
        row["labels"] = list(item.labels)
    _some(row, item, OWN)
    for name, value in item.extra.items():
        row.setdefault(name, value)
    return row


def _some(row: dict[str, Any], item: Item, names: Iterable[str]) -> None:
    for name in names:
        if value := getattr(item, name):
            row[name] = value


def versioned(item: Item, **options: Any) -> dict[str, Any]:
    """With the token that a change may name, to be refused if somebody was faster."""
    return {**issue(item, **options), "revision": str(item.revision)}


def edge(found: Mapping[str, Any]) -> dict[str, Any]:
    """An edge by itself, from the values of `EDGE_COLUMNS`."""
    row = {
        "issue_id": found["item__key"],
        "depends_on_id": found["target__key"] or found["target_name"],
        "type": found["kind"],
        "created_at": moment(found["created_at"]),
        "created_by": found["created_by"],
        "metadata": found["metadata"] or "{}",
    }
    if not row["created_by"]:
        del row["created_by"]
    if found["thread_id"]:
        row["thread_id"] = found["thread_id"]
    return row


def edge_with_target(found: Mapping[str, Any]) -> dict[str, Any]:
    """The edge, and in the same object what it leads to: older tools read the one, newer ones
    the other. Where both have a name for something, the edge's holds."""
    own = edge(found)
    if found["target_id"] is None:
        return own
    target = {
        "id": found["target__key"],
        "title": found["target__title"],
        "status": found["target__status"],
        "priority": found["target__priority"],
        "issue_type": found["target__item_type"],
        "updated_at": moment(found["target__updated_at"]),
        "dependency_type": found["kind"],
    }
    if found["target__assignee"]:
        target["assignee"] = found["target__assignee"]
    if found["target__closed_at"] is not None:
        target["closed_at"] = moment(found["target__closed_at"])
    return target | own


def linked(item: Item, kind: str) -> dict[str, Any]:
    """An item at the other end of an edge."""
    return {**issue(item), "dependency_type": kind}


def comment(row: Comment, key: str, *, exact: bool = False) -> dict[str, Any]:
    """Its id is digits in a text: some tools want the text, others make it a number."""
    return {
        "id": str(row.pk),
        "issue_id": key,
        "author": row.author,
        "text": row.text,
        "created_at": moment(row.created_at, exact=exact),
    }


def counts(edges: Sequence[Mapping[str, Any]], dependents: int, comments: int) -> dict[str, int]:
    """Of what blocks, not of every edge: what Beads counts."""
    return {
        "dependency_count": sum(1 for each in edges if each["kind"] == vocabulary.BLOCKS),
        "dependent_count": dependents,
        "comment_count": comments,
    }


def line(
    item: Item,
    *,
    edges: Sequence[Mapping[str, Any]],
    comments: Sequence[Comment],
    dependents: int,
) -> dict[str, Any]:
    """One line of an export: everything of an item, to be read again by `import`."""
    row: dict[str, Any] = {"_type": "issue", **issue(item)}
    if edges:
        row["dependencies"] = [edge(each) for each in edges]
    if comments:
        row["comments"] = [comment(each, item.key) for each in comments]
    return row | counts(edges, dependents, len(comments))


def parent_of(edges: Iterable[Mapping[str, Any]]) -> str:
    for each in edges:
        if each["kind"] == vocabulary.PARENT and each["target__key"]:
            return str(each["target__key"])
    return ""


def edges_of(ids: Iterable[int], *, with_targets: bool = False) -> dict[int, list[dict[str, Any]]]:
    """The edges out of these items, by item, oldest first; one query."""
    columns = EDGE_COLUMNS + (TARGET_COLUMNS if with_targets else ())
    found: dict[int, list[dict[str, Any]]] = {}
    rows = Dependency.objects.filter(item_id__in=list(ids)).order_by("item_id", "id")
    for row in rows.values(*columns):
        found.setdefault(row["item_id"], []).append(row)
    return found

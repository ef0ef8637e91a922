"""A roll of JSON lines in which every field of Beads stands."""

from __future__ import annotations

import json
from typing import Any

from controlplane.access.models import Workspace
from controlplane.lib.actors import Actor
from controlplane.work.models import Comment, Dependency, Item, ItemEvent, Project
from controlplane.work.services.transfer import Imported, export_lines, import_lines
from tests import make
from tests.kit import work

ROLL = {
    "_type": "issue",
    "id": "ops-a1f",
    "title": "Roll out 4.2",
    "description": "two\nlines \u001b[31mred\u001b[0m",
    "status": "in_progress",
    "priority": 1,
    "issue_type": "task",
    "assignee": "kim@example.org",
    "owner": "kim@example.org",
    "estimated_minutes": 90,
    "created_at": "2026-03-01T08:00:00Z",
    "created_by": "kim",
    "updated_at": "2026-03-01T09:30:00Z",
    "started_at": "2026-03-01T09:30:00Z",
    "external_ref": "gh-12",
    "metadata": {"team": "core", "n": 1},
    "labels": ["deployment", "ops"],
    "pinned": True,
    "sender": "bot",
    "a_field_of_tomorrow": {"deep": [1, "zwei", None]},
    "dependencies": [
        {
            "issue_id": "ops-a1f",
            "depends_on_id": "ops-9c2",
            "type": "blocks",
            "created_at": "2026-03-01T08:05:00Z",
            "created_by": "kim",
            "metadata": "{}",
        },
        {
            "issue_id": "ops-a1f",
            "depends_on_id": "external:billing:api",
            "type": "blocks",
            "created_at": "2026-03-01T08:06:00Z",
            "created_by": "kim",
            "metadata": '{"note":"later"}',
            "thread_id": "t-1",
        },
        {
            "issue_id": "ops-a1f",
            "depends_on_id": "ops-e1",
            "type": "parent-child",
            "created_at": "2026-03-01T08:07:00Z",
            "created_by": "kim",
            "metadata": "{}",
        },
    ],
    "comments": [
        {
            "id": "41",
            "issue_id": "ops-a1f",
            "author": "kim",
            "text": "build 311 green",
            "created_at": "2026-03-01T09:31:00Z",
        },
        {
            "id": "0195f3a0-7b1c-7d3e-8f00-000000000001",
            "issue_id": "ops-a1f",
            "author": "lee",
            "text": "ok",
            "created_at": "2026-03-01T09:32:00Z",
        },
    ],
    "dependency_count": 2,
    "dependent_count": 0,
    "comment_count": 2,
}
KEYS = {
    "_type": "issue",
    "id": "ops-9c2",
    "title": "Rotate keys",
    "status": "closed",
    "priority": 0,
    "issue_type": "task",
    "created_at": "2026-02-28T10:00:00Z",
    "created_by": "lee",
    "updated_at": "2026-03-01T07:00:00Z",
    "closed_at": "2026-03-01T07:00:00Z",
    "close_reason": "rotated",
    "dependency_count": 0,
    "dependent_count": 1,
    "comment_count": 0,
}
EPIC = {
    "_type": "issue",
    "id": "ops-e1",
    "title": "Release 4",
    "status": "open",
    "priority": 2,
    "issue_type": "epic",
    "created_at": "2026-02-27T10:00:00Z",
    "created_by": "lee",
    "updated_at": "2026-02-27T10:00:00Z",
    "dependency_count": 0,
    "dependent_count": 0,
    "comment_count": 0,
}
MEMORY = {"_type": "memory", "key": "style", "value": "Write short sentences."}
FILE = [ROLL, KEYS, EPIC, MEMORY]


class Place:
    def __init__(self, role: str = "operations_command") -> None:
        self.workspace: Workspace = make.workspace()
        self.project: Project = work.project(self.workspace)
        self.actor: Actor = work.worker(self.workspace, role)

    def read(self, *rows: Any, **given: Any) -> Imported:
        return import_lines(self.project, text(*rows), actor=self.actor, **given)

    def write(self) -> list[dict[str, Any]]:
        self.project.refresh_from_db()
        data = b"".join(export_lines(self.project, actor=self.actor))
        return [json.loads(line) for line in data.splitlines()]

    def item(self, key: str) -> Item:
        found: Item = self.project.items.called(key).get()
        return found


def text(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def issue(key: str, *blockers: str, **more: Any) -> dict[str, Any]:
    edges = [{"issue_id": key, "depends_on_id": each, "type": "blocks"} for each in blockers]
    return {"id": key, "title": key, "created_at": "2026-03-01T08:00:00Z", **more} | (
        {"dependencies": edges} if edges else {}
    )


def picture(place: Place) -> Any:
    """Everything that an import may touch."""
    return (
        sorted(Item.objects.filter(project=place.project).values_list("key", "revision")),
        Dependency.objects.filter(item__project=place.project).count(),
        Comment.objects.filter(item__project=place.project).count(),
        ItemEvent.objects.filter(item__project=place.project).count(),
    )

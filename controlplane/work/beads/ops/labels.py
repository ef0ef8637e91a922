"""`label add`, `label remove`, `label list`, `label list-all`."""

from __future__ import annotations

from typing import Any

from django.db import connection

from controlplane.work import services
from controlplane.work.beads.asking import Call, refuse
from controlplane.work.beads.table import command
from controlplane.work.services import reading

_ALL = """
    SELECT l.name, count(*) FROM work_item i CROSS JOIN LATERAL unnest(i.labels) AS l(name)
    WHERE i.project_id = %s GROUP BY l.name ORDER BY l.name
"""


@command("label_add", takes={"ids", "id", "label", "labels"}, writes=True)
def label_add(call: Call) -> Any:
    return _changed(call, "added")


@command("label_remove", "label_rm", takes={"ids", "id", "label", "labels"}, writes=True)
def label_remove(call: Call) -> Any:
    return _changed(call, "removed")


def _changed(call: Call, status: str) -> list[dict[str, Any]]:
    """All of the items, or none. What was so before is told as such."""
    named = [*call.given.words("labels"), call.given.text("label")]
    labels = reading.labels(named)
    if not labels:
        raise refuse("label", "label cannot be empty")
    more, less = (labels, []) if status == "added" else ([], labels)
    answer = []
    items = call.find_all()
    if len(items) > 1:
        call.alone()
    for item in items:
        changed = services.update_item(item, add_labels=more, remove_labels=less, **call.who)
        for label in labels:
            same = (label in item.labels) == (label in changed.labels)
            if same:
                call.note(f"{item.key} {'has' if status == 'added' else 'does not have'} {label}")
            answer.append(
                {
                    "issue_id": item.key,
                    "label": label,
                    "status": "unchanged" if same else status,
                }
            )
    return answer


@command("label_list", takes={"id", "ids"})
def label_list(call: Call) -> Any:
    return list(call.find(call.given.one()).labels)


@command("label_list_all", takes=())
def label_list_all(call: Call) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(_ALL, [call.project.pk])
        return [{"label": name, "count": count} for name, count in cursor.fetchall()]

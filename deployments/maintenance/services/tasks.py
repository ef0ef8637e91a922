"""The work of a window: subtasks, what is said in its thread, what it leaves behind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.redaction import redact_text
from controlplane.work import services as work
from controlplane.work.models import Item
from controlplane.work.services import graph
from deployments.maintenance.holding import hold, hold_with_work, require_status
from deployments.maintenance.noting import PORTAL, note, say
from deployments.maintenance.services import consent
from deployments.maintenance.templates import TEMPLATES, Template
from deployments.models import MaintenanceWindow
from deployments.services import reading

MOST = 50
# What people write down while it goes on.
REMARKS = {
    "approval": "Expedited approval",
    "mitigation": "Mitigation",
    "follow_up": "Follow-up",
    "evidence": "Evidence",
}


def templates_of(slugs: Iterable[str]) -> list[Template]:
    found = []
    for slug in slugs:
        reading.choice("templates", slug, TEMPLATES)
        found.append(TEMPLATES[slug])
    return found


def lay_out(row: MaintenanceWindow, template: Template, actor: Actor) -> list[Item]:
    """Callers hold the window, or have just made it."""
    return [_add(row, task.title, task.description, actor) for task in template.tasks]


def _add(row: MaintenanceWindow, title: str, description: str, actor: Actor) -> Item:
    item = _item_of(row)
    by = actor if policy.can(actor, "work.create", item.project) else PORTAL
    return work.create_item(
        item.project,
        actor=by,
        name=actor.label,
        title=title[:500],
        description=description,
        parent=item,
        item_type="task",
        priority=item.priority,
    )


def _item_of(row: MaintenanceWindow) -> Item:
    if row.item is None:
        raise Conflict(f"{row.ref} has no work item any more: its work hangs on nothing.")
    return row.item


def _lines(name: str, given: Iterable[str]) -> list[str]:
    lines = [redact_text(reading.line(name, each, 500)) for each in given]
    lines = [line for line in lines if line]
    if not lines:
        raise reading.refuse(name, "Name at least one.")
    if len(lines) > MOST:
        raise reading.refuse(name, f"At most {MOST} at once.")
    return lines


@transaction.atomic
def add_tasks(
    window: MaintenanceWindow,
    *,
    actor: Actor,
    titles: Iterable[str] = (),
    template: str = "",
) -> list[Item]:
    """Split the work: titles of one's own, or a template's. Consent was to the work as it was."""
    policy.require(actor, "maintenance.change", window)
    row = hold_with_work(window)
    require_status(row, "draft", "scheduled", "announced", "approved", "in_progress")
    wanted = templates_of([template] if template else [])
    lines = [] if wanted and not list(titles) else _lines("titles", titles)
    if row.started_at is None:
        consent.fall(row, actor=actor, why="Its work was changed.")
    made = [item for each in wanted for item in lay_out(row, each, actor)]
    made += [_add(row, line, "", actor) for line in lines]
    note(row, "maintenance.tasks", actor=actor, after={"tasks": [item.key for item in made]})
    return made


@transaction.atomic
def move_task(
    window: MaintenanceWindow,
    item: Item,
    *,
    actor: Actor,
    to: str,
    remark: str = "",
) -> Item:
    """A subtask begins, or is done: with what shows it, said on the subtask itself."""
    policy.require(actor, "maintenance.change", window)
    reading.choice("to", to, ["in_progress", "done"])
    said = redact_text(reading.text("remark", remark, 4_000))
    graph.lock(window.workspace_id)  # whoever closes it has the graph, and comes for the item
    rows = Item.objects.select_related("project", "workspace").defer("search")
    found = rows.filter(pk=item.pk, parent__isnull=False, parent=window.item_id).first()
    if found is None:
        raise reading.refuse("task", "It is no subtask of this window.")
    row = MaintenanceWindow.objects.get(pk=window.pk)
    if not row.is_open:
        raise Conflict(f"{row.ref} is {row.get_status_display().lower()}: its work is over.")
    item = found
    by = actor if policy.can(actor, "work.close", item) else PORTAL
    if said:
        work.comment(item, said, actor=by, name=actor.label)
    if to == "done":
        return work.close_item(item, actor=by, reason=said or "Done.", name=actor.label)
    return work.update_item(item, actor=by, status="in_progress", name=actor.label)


@transaction.atomic
def remark(window: MaintenanceWindow, *, actor: Actor, kind: str, text: str) -> None:
    """Written into its thread: how consent was sped up, what was done against the trouble, what
    is left to do, what shows it."""
    policy.require(actor, "maintenance.change", window)
    reading.choice("kind", kind, REMARKS)
    said = redact_text(reading.text("text", text, 16_000, required=True))
    row = hold(window)
    note(row, "maintenance.remark", actor=actor, after={"remark": kind})
    say(row, f"{REMARKS[kind]}: {said}", actor=actor)


@transaction.atomic
def follow_up(
    window: MaintenanceWindow,
    *,
    actor: Actor,
    titles: Iterable[str],
    part_of: bool = False,
) -> list[Item]:
    """Temporary work becomes items of its own: found during the window, or a part of it while it
    is open. A part has to be done before the window is closed."""
    policy.require(actor, "maintenance.change", window)
    row = hold_with_work(window)
    if row.started_at is None:
        require_status(row, "in_progress", "monitoring", "completed", "rolled_back")
    lines = _lines("titles", titles)
    item = _item_of(row)
    if part_of and (not row.is_open or item.category == "done"):
        raise reading.refuse("part_of", "The window is closed: nothing becomes a part of it now.")
    if part_of:
        made = [_add(row, line, "", actor) for line in lines]
    else:
        made = [_found(item, line, actor) for line in lines]
    keys = [each.key for each in made]
    note(
        row,
        "maintenance.follow_up",
        actor=actor,
        said=f"Follow-up: {', '.join(keys)}.",
        after={"follow_ups": keys},
    )
    return made


def _found(item: Item, title: str, actor: Actor, **given: Any) -> Item:
    by = actor if policy.can(actor, "work.create", item.project) else PORTAL
    made = work.create_item(
        item.project, actor=by, name=actor.label, title=title[:500], item_type="task",
        labels=["maintenance", "follow-up"], **given,
    )  # fmt: skip
    work.add_dependency(made, item, actor=PORTAL, kind="discovered-from")
    return made


def owe_review(row: MaintenanceWindow, due_at: Any) -> Item | None:
    """After an emergency people sit together, within two days. Callers hold the window."""
    if row.item is None or row.review_id is not None:
        return row.review
    found = work.ensure(
        row.item.project,
        f"maintenance-review:{row.uid}",
        actor=PORTAL,
        title=f"Post-incident review of {row.ref}: {row.title}"[:500],
        item_type="task",
        priority=1,
        labels=["ops", "review", "follow-up"],
        description=f"What happened, why, what was done, what is left. {row.urgency}\n{row.impact}",
        due_at=due_at,
    )
    if found.created:
        work.add_dependency(found.item, row.item, actor=PORTAL, kind="discovered-from")
    return found.item

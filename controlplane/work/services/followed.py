"""Findings of checks and their work items: found again they are the same, found no more they are
closed, each with its item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.base.rulebook import Found
from controlplane.lib import actors, clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError
from controlplane.work.models import Item, Project
from controlplane.work.models.followed import Followed
from controlplane.work.services import closing, ensuring, talk

Key = tuple[str, str]  # (rule, about)
_CHANGING = (
    "status", "text", "total", "details", "item", "first_seen", "last_seen", "closed_at", "run",
)  # fmt: skip

_PORTAL = actors.job("audit")


@dataclass(frozen=True, slots=True)
class Followup:
    """How one check's findings are followed: the words on their items, and its audit actions."""

    model: type[Followed]
    label: str  # of the item, and what its key begins with
    words: str  # what its title begins with
    question: Callable[[str], str]  # the title of a rule
    found: str  # audit action
    closed: str  # audit action
    gone: str  # why the item is closed


def keep(
    follow: Followup,
    run: Any,
    found: Mapping[Key, Found],
    *,
    gone: Callable[[Followed], bool],
    actor: Actor,
) -> int:
    """Open or renew what was found, and close the rest of which `gone` says so: what was not
    looked at now is left as it is. Callers hold the graph of work."""
    rows = follow.model._default_manager.filter(workspace=run.workspace_id)
    known = {(row.rule, row.about): row for row in rows.select_for_update().order_by("pk")}
    for key in sorted(found):
        _found(follow, run, known.get(key), key, found[key], actor)
    for key, row in sorted(known.items()):
        if row.status == Followed.Status.OPEN and key not in found and gone(row):
            _gone(follow, run, row, actor)
    return len(found)


def _found(
    follow: Followup, run: Any, row: Followed | None, key: Key, found: Found, actor: Actor
) -> None:
    rule, about = key
    fresh = row is None or row.status == Followed.Status.CLOSED
    if row is None:
        row = follow.model(workspace_id=run.workspace_id, rule=rule, about=about)
    if fresh:
        row.status, row.closed_at = Followed.Status.OPEN, None
        row.first_seen = clock.now()
    changed = fresh or row.text != found.text
    row.text, row.total, row.details = found.text[:400], found.total, found.details
    row.last_seen, row.run = clock.now(), run  # type: ignore[attr-defined]
    item = _item_for(follow, run, row, actor)
    row.item = item.key
    row.save(update_fields=None if row.pk is None else _CHANGING)
    if fresh:
        record(actor, follow.found, row, after={"text": row.text, "item": row.item})
    elif changed:
        talk.comment(item, f"Found again: {row.text}", actor=_by(actor, run))


def _by(actor: Actor, run: Any) -> Actor:
    """A key that may audit need not reach the graph: its findings are the portal's to keep."""
    return actor if policy.can(actor, "work.create", run) else _PORTAL


def _item_for(follow: Followup, run: Any, row: Followed, actor: Actor) -> Item:
    project = Project.objects.get(workspace=run.workspace_id, is_operations=True)
    return ensuring.ensure(
        project,
        f"{follow.label}:{row.rule}:{row.about}",
        actor=_by(actor, run),
        title=f"{follow.words} {row.rule}: {row.about}"[:200],
        description=f"{follow.question(row.rule)}.\n\n{row.text}",
        item_type="bug",
        priority=2,
        labels=[follow.label],
    ).item


def _gone(follow: Followup, run: Any, row: Followed, actor: Actor) -> None:
    row.status, row.closed_at = Followed.Status.CLOSED, clock.now()
    row.save(update_fields=["status", "closed_at"])
    record(actor, follow.closed, row, reason="no longer found")
    item = Item.objects.filter(project__workspace=run.workspace_id, key=row.item).first()
    if item is None or item.is_closed:
        return
    try:
        closing.close_item(item, actor=_by(actor, run), reason=follow.gone)
    except ControlPlaneError as error:
        # Somebody put work under it: that is theirs to finish.
        talk.comment(item, f"{follow.gone} Left open: {error.message}", actor=_by(actor, run))

"""What runbooks hand to the console's shared parts: sidebar, palette, pages of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from controlplane.access import policy
from controlplane.base import row_slots
from controlplane.base.registries import NavItem, PaletteAction, nav_items, palette_actions
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from incidents import links
from incidents.models import Runbook
from incidents.runbooks import books

VIEW = "runbook.view"


def linked(actor: Actor, obj: Any) -> Sequence[row_slots.RelatedRow] | None:
    """On the page of a rule or a routing rule: the runbook it names, or that there is none."""
    name = getattr(obj, "runbook", None)
    if not isinstance(name, str) or not name or not policy.can(actor, VIEW):
        return None
    workspace_id = getattr(obj, "workspace_id", None)
    if workspace_id is None:
        workspace_id = next(iter(sorted(actor.workspace_ids)), None)
    row = books.find(workspace_id, name) if workspace_id is not None else None
    if row is None:
        return [row_slots.RelatedRow(title=f"{name}: there is no such runbook", note="runbook")]
    return [
        row_slots.RelatedRow(title=row.title, url=links.page_of(row), ref=row.slug, note="runbook")
    ]


def of_item(actor: Actor, obj: Any) -> Sequence[row_slots.RelatedRow] | None:
    """On the page of a work item: runbooks that were written from it."""
    if obj._meta.label_lower != "work.item":
        return None
    rows = kept.seen(
        actor,
        lambda actor, item: Runbook.objects.visible_to(actor).filter(source_item=item)[
            : row_slots.MOST
        ],
        obj.pk,
    )
    found = [
        row_slots.RelatedRow(
            title=row.title, url=links.page_of(row), ref=row.slug, note="discovered from this"
        )
        for row in rows
    ]
    return found or None


def register() -> None:
    nav_items.register(
        NavItem("runbooks", "Runbooks", "Operate", "admin:incidents_runbook_changelist", "book",
                VIEW, 5)
    )  # fmt: skip
    palette_actions.register(
        PaletteAction("runbook-new", "Write a runbook", "runbooks:new", "runbook.edit",
                      ("playbook", "how to"))
    )  # fmt: skip
    row_slots.links.register(row_slots.RowSource("incidents.runbook", linked))
    row_slots.links.register(row_slots.RowSource("incidents.runbook_item", of_item))

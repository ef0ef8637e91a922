"""Verbs of this package. Doors and other packages call these and nothing else.

`open_item`, `link` (`add_dependency`), `block`, `comment`, `close_item` are what the portal's own
apps use: each deployment, incident, window and mission stands in the graph by one item.
"""

from __future__ import annotations

from controlplane.lib.actors import Actor
from controlplane.work.models import Dependency, Item
from controlplane.work.services.closing import (
    Closed,
    Deleted,
    close_item,
    close_items,
    defer_item,
    delete_items,
    reopen_item,
    undefer_item,
)
from controlplane.work.services.edges import add_dependency, remove_dependency, set_parent
from controlplane.work.services.ensuring import Ensured, ensure, open_item
from controlplane.work.services.following import say_later
from controlplane.work.services.guards import stays_open
from controlplane.work.services.items import claim, claim_next, create_item, on_duty, update_item
from controlplane.work.services.naming import resolve
from controlplane.work.services.projects import (
    archive_project,
    change_project,
    config_of,
    create_project,
    ensure_operations_project,
    open_sandbox,
    set_config,
    set_statuses,
    set_types,
)
from controlplane.work.services.redacting import redact_item
from controlplane.work.services.talk import add_link, attach, comment, remove_link, watch

__all__ = [
    "Closed",
    "Deleted",
    "Ensured",
    "add_dependency",
    "add_link",
    "archive_project",
    "attach",
    "block",
    "change_project",
    "claim",
    "claim_next",
    "close_item",
    "close_items",
    "comment",
    "config_of",
    "create_item",
    "create_project",
    "defer_item",
    "delete_items",
    "ensure",
    "ensure_operations_project",
    "on_duty",
    "open_item",
    "open_sandbox",
    "redact_item",
    "remove_dependency",
    "remove_link",
    "reopen_item",
    "resolve",
    "say_later",
    "set_config",
    "set_parent",
    "set_statuses",
    "set_types",
    "stays_open",
    "undefer_item",
    "update_item",
    "watch",
]


def block(item: Item, *, by: Item, actor: Actor) -> Dependency:
    """`item` cannot go on before `by` is done."""
    return add_dependency(item, by, actor=actor)

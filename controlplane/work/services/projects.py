"""Projects made and configured."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.access.services.saving import save_checked
from controlplane.audit.services import record
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid
from controlplane.work import vocabulary
from controlplane.work.models import Item, Project
from controlplane.work.services import graph, reading

OPERATIONS = "Operations"
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,49}")
MOST_WORDS = 50
_KEY_LENGTH = 200
# What `change_project` takes.
FIELDS = ("name", "description", "ids", "epics_block_epics_only", "update_may_close")
_CONFIG_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


def require_open(project: Project) -> None:
    if project.archived_at is not None:
        raise Conflict(f"{project.name} is archived.")


@transaction.atomic
def ensure_operations_project(workspace: Workspace, *, actor: Actor) -> Project:
    """The playbook's backlog. Called with the workspace's making, and by whoever finds none."""
    found: Project | None = Project.objects.filter(workspace=workspace, is_operations=True).first()
    if found is not None:
        return found
    # Part of making a workspace, hence its right: who makes one holds no role in it yet.
    policy.require(actor, "workspace.create", workspace)
    project = Project(workspace=workspace, name=OPERATIONS, prefix="bd", is_operations=True)
    save_checked(project, conflict="There is an operations project already.")
    record(actor, "work.manage", project, after={"name": project.name, "prefix": "bd"})
    return project


@transaction.atomic
def create_project(
    workspace: Workspace,
    *,
    actor: Actor,
    name: str,
    prefix: str,
    ids: str = Project.Ids.HASH,
    description: str = "",
) -> Project:
    """A new, empty graph."""
    project = Project(
        workspace=workspace,
        name=reading.line("name", name, 80) or prefix,
        prefix=prefix.rstrip("-"),
        ids=ids,
        description=description,
    )
    policy.require(actor, "work.start_project", project)
    save_checked(project, conflict=f"There is a project {project.name} already.")
    record(actor, "work.start_project", project, after=_shown(project))
    return project


@transaction.atomic
def open_sandbox(workspace: Workspace, path: str, *, actor: Actor, prefix: str = "") -> Project:
    """The private project that stands for this path: found, or made on first use."""
    path = reading.line("db", path, 200)
    if not path:
        raise reading.refuse("db", "A sandbox is named by a path.")
    key = _sandbox_key(actor, path)
    sandboxes = Project.objects.filter(workspace=workspace, sandbox_key=key)
    project: Project | None = sandboxes.first()
    if project is not None:
        return project
    project = Project(
        workspace=workspace,
        name=f"Sandbox {path}"[:80],
        prefix=prefix.rstrip("-") or "bd",
        is_sandbox=True,
        sandbox_key=key,
    )
    policy.require(actor, "work.start_project", project)
    try:
        save_checked(project, conflict="Somebody made it at the same moment.")
    except Conflict:
        there: Project = sandboxes.get()
        return there
    record(actor, "work.start_project", project, after=_shown(project))
    return project


def _sandbox_key(actor: Actor, path: str) -> str:
    """Whose it is stands in front, whole, however long the path: nobody's path may read like
    another's key."""
    key = f"{actor.ref}:{path}"
    if len(key) <= _KEY_LENGTH:
        return key
    return f"{actor.ref}:sha256:{hashlib.sha256(path.encode()).hexdigest()}"


@transaction.atomic
def change_project(
    project: Project, *, actor: Actor, version: int | None = None, **changes: Any
) -> Project:
    unknown = sorted(set(changes) - set(FIELDS))
    if unknown:
        raise reading.refuse(unknown[0], "This cannot be changed.")
    policy.require(actor, "work.manage", project)
    row = _held(project, version)
    changes = {key: value for key, value in changes.items() if getattr(row, key) != value}
    if not changes:
        return row
    before = {key: getattr(row, key) for key in changes}
    for key, value in changes.items():
        setattr(row, key, value)
    row.version += 1
    save_checked(row, conflict=f"There is a project {row.name} already.")
    record(actor, "work.manage", row, before=before, after=changes)
    return row


@transaction.atomic
def archive_project(project: Project, *, actor: Actor, archived: bool, reason: str = "") -> Project:
    """Out of sight, or back. The operations project stays."""
    policy.require(actor, "work.manage", project)
    row = _held(project, None)
    if row.is_operations and archived:
        raise Conflict("The operations project is what the portal itself works with.")
    if (row.archived_at is not None) == archived:
        return row
    row.archived_at = clock.now() if archived else None
    row.version += 1
    row.save(update_fields=["archived_at", "version"])
    record(actor, "work.manage", row, after={"archived": archived}, reason=reason)
    return row


@transaction.atomic
def set_types(project: Project, names: list[str], *, actor: Actor) -> Project:
    """The types this project has beside everybody's."""
    words = _words("types.custom", names)
    policy.require(actor, "work.manage", project)
    row = _held(project, None)
    gone = set(row.custom_types) - set(words)
    used = row.items.filter(item_type__in=gone).values_list("item_type", flat=True).first()
    if used:
        raise Conflict(f"Items have the type {used}.")
    return _configured(row, actor, custom_types=[w for w in words if w not in vocabulary.TYPES])


@transaction.atomic
def set_statuses(project: Project, categories: Mapping[str, str], *, actor: Actor) -> Project:
    """The statuses this project has beside everybody's, and what each means. A changed meaning
    changes the readiness of all that waits, at once."""
    _words("status.custom", list(categories))
    for status, category in categories.items():
        if category not in vocabulary.CATEGORIES:
            raise reading.refuse(
                "status.custom", f"{status}: one of {', '.join(vocabulary.CATEGORIES)}."
            )
        if status in vocabulary.STATUSES:
            raise reading.refuse("status.custom", f"{status} is everybody's.")
    policy.require(actor, "work.manage", project)
    graph.lock(project.workspace_id)
    row = _held(project, None)
    gone = set(row.custom_statuses) - set(categories)
    used = row.items.filter(status__in=gone).values_list("status", flat=True).first()
    if used:
        raise Conflict(f"Items have the status {used}.")
    row = _configured(row, actor, custom_statuses=dict(categories))
    moved = 0
    for status, category in categories.items():
        same = Item.objects.filter(project=row, status=status).exclude(category=category)
        if category != "done":
            _give_up_keys(row, same)
        moved += same.update(category=category, revision=F("revision") + 1)
    if moved:
        graph.rebuild(row.workspace_id)
    return row


def _give_up_keys(project: Project, rows: Any) -> None:
    """Of what is to be done again, while another item is located by its key."""
    kept = set()
    for item in rows.filter(category="done").exclude(ensure_key="").order_by("-pk"):
        key = item.ensure_key
        if key in kept or Item.objects.ensured(project, key).exclude(pk=item.pk).exists():
            Item.objects.filter(pk=item.pk).update(ensure_key="")
        kept.add(key)


@transaction.atomic
def set_config(project: Project, key: str, value: str | None, *, actor: Actor) -> Project:
    """`bd config set`: two keys mean something here, the others are kept for the tools."""
    if not _CONFIG_KEY.fullmatch(key):
        raise reading.refuse("key", f"{key!r} is no name of a setting.")
    if key == "types.custom":
        names = [part.strip() for part in (value or "").split(",") if part.strip()]
        return set_types(project, names, actor=actor)
    if key == "status.custom":
        return set_statuses(project, _categories(value or ""), actor=actor)
    if key in {"issue_prefix", "issue-prefix", "prefix"}:
        raise Conflict("The prefix is chosen when the project is made.")
    policy.require(actor, "work.update", project)
    row = _held(project, None)
    config = dict(row.config)
    if value is None:
        config.pop(key, None)
    else:
        config[key] = reading.line("value", value, 2_000)
    if len(config) > 200:
        raise Invalid("At most 200 settings.")
    return _configured(row, actor, config=config)


def config_of(project: Project) -> dict[str, str]:
    """Everything `bd config list` shows."""
    shown = {"issue_prefix": project.prefix, **project.config}
    if project.custom_types:
        shown["types.custom"] = ",".join(project.custom_types)
    if project.custom_statuses:
        pairs = (f"{status}:{category}" for status, category in project.custom_statuses.items())
        shown["status.custom"] = ",".join(pairs)
    return shown


def _categories(text: str) -> dict[str, str]:
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        status, _, category = part.partition(":")
        found[status.strip()] = category.strip() or "active"
    return found


def _words(field: str, names: list[str]) -> list[str]:
    if len(names) > MOST_WORDS:
        raise reading.refuse(field, f"At most {MOST_WORDS}.")
    for word in names:
        if not _WORD.fullmatch(word):
            raise reading.refuse(field, f"{word!r}: small letters, digits, dash, underscore.")
    return sorted(set(names))


def _configured(row: Project, actor: Actor, **values: Any) -> Project:
    before = {name: getattr(row, name) for name in values}
    if before == values:
        return row
    for name, value in values.items():
        setattr(row, name, value)
    row.version += 1
    row.save(update_fields=[*values, "version"])
    record(actor, "work.manage", row, before=before, after=values)
    return row


def _held(project: Project, version: int | None) -> Project:
    row: Project = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if version is not None and row.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.")
    return row


def _shown(project: Project) -> dict[str, Any]:
    return {
        "name": project.name,
        "prefix": project.prefix,
        "ids": project.ids,
        "sandbox": project.is_sandbox,
    }

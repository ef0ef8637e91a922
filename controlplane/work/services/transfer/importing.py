"""Items from Beads' JSON lines, all of them or none.

The same file twice changes nothing. An item that was changed here after the file was written
stays as it is, and is named in the answer: Beads lets the older file win without a word. Labels
and edges are joined to what is there, comments are not told twice, and an edge that would close a
circle refuses the file.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models.functions import Upper

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid
from controlplane.work.models import Item, Project
from controlplane.work.services import graph
from controlplane.work.services.noting import speaker
from controlplane.work.services.projects import require_open
from controlplane.work.services.transfer import attaching, lines, merging, past, storing
from controlplane.work.services.transfer.lines import Line
from controlplane.work.services.transfer.merging import Change

LONGEST = defaults.define(
    "work.import_seconds",
    120,
    unit="seconds",
    why="One statement of a large import may take longer than any request's may.",
)
WAYS = ("keep", "refuse", "overwrite")
_KEYS_AT_ONCE = 5_000
_NAMED = 100
_MANY = 1_000


@dataclass(slots=True)
class Imported:
    """What an import did. `kept`: items that are newer here than in the file."""

    lines: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    comments: int = 0
    evidence: int = 0
    events: int = 0
    dependencies: int = 0
    memories: int = 0
    kept: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Work:
    """One import under way."""

    project: Project
    actor: Actor
    who: str
    at: datetime
    done: Imported
    ids: dict[str, int] = field(default_factory=dict)  # upper key -> item
    new: list[Line] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    # Lines whose labels and edges count: all but those of items that are newer here.
    current: list[Line] = field(default_factory=list)


def import_lines(
    project: Project,
    data: bytes,
    *,
    actor: Actor,
    name: str = "",
    on_newer: str = "keep",
    dry_run: bool = False,
) -> Imported:
    """Read the file into the project. `on_newer`: what becomes of an item changed here since."""
    policy.require(actor, "work.import", project)
    require_open(project)
    if on_newer not in WAYS:
        raise Invalid("Not a way to import.", details={"on_newer": f"One of {', '.join(WAYS)}."})
    with transaction.atomic():
        storing.allow(LONGEST.value)  # also for reading the lines, inside a caller's transaction
        parsed = lines.parse(project, data)
        graph.lock(project.workspace_id)
        project = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        work = Work(project, actor, speaker(actor, name), clock.now(), Imported())
        work.done.lines = len(parsed.lines)
        work.done.ids = [line.key for line in parsed.lines]
        if parsed.tombstones:
            work.done.notes.append(
                f"{parsed.tombstones} tombstones were passed over: nothing is deleted by an import."
            )
        _sort_out(work, parsed.lines, on_newer)
        if len(work.new) > _MANY:
            storing.expect_many()
        _store(work, parsed)
        if dry_run:
            transaction.set_rollback(True)
        else:
            _tell(work, data)
    return work.done


def _sort_out(work: Work, found: list[Line], on_newer: str) -> None:
    """Which lines are new, which change something, which are older than what is here."""
    here = _existing(work.project, found)
    for line in found:
        item = here.get(line.key.upper())
        if item is None:
            merging.complete(line, work)
            work.new.append(line)
            work.current.append(line)
            continue
        work.ids[line.key.upper()] = item.pk
        change = merging.compare(item, line, work.at)
        if change is None:
            work.done.unchanged += 1
            work.current.append(line)
        elif change.newer_here and on_newer != "overwrite":
            work.done.kept.append(item.key)
        else:
            work.changes.append(change)
            work.current.append(line)
    _mind_the_newer(work, on_newer)
    work.done.created, work.done.updated = len(work.new), len(work.changes)


def _mind_the_newer(work: Work, on_newer: str) -> None:
    kept = work.done.kept
    if not kept:
        return
    some = ", ".join(kept[:5]) + (", …" if len(kept) > 5 else "")
    if on_newer == "refuse":
        raise Conflict(
            f"{len(kept)} items are newer here than in the file: {some}. Nothing was imported.",
            details={"newer": kept[:_NAMED]},
        )
    work.done.notes.append(f"{len(kept)} items are newer here than in the file and stay: {some}.")


def _existing(project: Project, found: list[Line]) -> dict[str, Item]:
    """The rows these lines are about, locked: a title may be changed without the graph's lock."""
    keys = [line.key.upper() for line in found]
    here: dict[str, Item] = {}
    if not Item.objects.filter(project=project).exists():
        return here
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        rows = Item.objects.filter(project=project).alias(upper=Upper("key")).defer("search")
        part = rows.filter(upper__in=keys[start : start + _KEYS_AT_ONCE])
        for item in part.select_for_update(of=("self",), no_key=True).order_by("pk"):
            here[item.key.upper()] = item
    return here


def _store(work: Work, parsed: lines.Parsed) -> None:
    merging.insert(work)
    merging.apply(work)
    work.done.dependencies = attaching.join_edges(work)
    # Also of items that are newer here: what somebody said does not grow old.
    work.done.comments = attaching.add_comments(work, parsed.lines)
    work.done.evidence = past.add_links(work, parsed.lines)
    work.done.events = past.add_events(work, parsed.lines)
    work.done.memories = _remember(work.project, parsed.memories)
    storing.count_on(work.project.pk)
    graph.rebuild(work.project.workspace_id)


def _remember(project: Project, memories: dict[str, str]) -> int:
    """What `bd remember` kept: a setting of the project's, which an export gives back."""
    config = {**project.config, **{f"kv.memory.{key}": text for key, text in memories.items()}}
    fresh = sum(1 for key in config if config[key] != project.config.get(key))
    if fresh:
        project.config = config
        project.version += 1
        project.save(update_fields=["config", "version"])
    return fresh


def _tell(work: Work, data: bytes) -> None:
    said = asdict(work.done)
    record(
        work.actor,
        "work.import",
        work.project,
        after={**said, "ids": said["ids"][:_NAMED], "kept": said["kept"][:_NAMED]},
        details={"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "as": work.who},
    )

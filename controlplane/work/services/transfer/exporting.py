"""A project as Beads' JSON lines: one item a line, in the order in which they were made."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any

import msgspec
from django.db import connection, transaction

from controlplane.access import policy
from controlplane.lib import defaults
from controlplane.lib.actors import Actor
from controlplane.work.beads import gathering, rows
from controlplane.work.models import Comment, Item, Project
from controlplane.work.services.transfer import past, storing

LONGEST = defaults.define(
    "work.export_seconds",
    300,
    unit="seconds",
    why="One statement of a large export may take longer than any request's may.",
)
_AT_ONCE = 2_000
# Kept in memory up to here; a larger export is written to disk, and read from there.
_IN_MEMORY = 4 * 1024 * 1024
MEMORY = "kv.memory."


def export_lines(project: Project, *, actor: Actor) -> Iterator[bytes]:
    """Every item as it was at one moment. Rows are read through the server's cursor, so a large
    project is never held here as a whole."""
    policy.require(actor, "work.view", project)
    return _lines(project)


def _lines(project: Project) -> Iterator[bytes]:
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            # Edges and comments are asked for after the items: all at the same moment.
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        storing.allow(LONGEST.value)
        part: list[Any] = []
        items = Item.objects.filter(project=project).order_by("pk")
        found = items.values_list(*rows.COLUMNS, named=True)
        for item in found.iterator(chunk_size=_AT_ONCE):
            part.append(item)
            if len(part) == _AT_ONCE:
                yield _encoded(part)
                part = []
        if part:
            yield _encoded(part)
        if memories := _memories(project):
            yield memories


def _encoded(items: Sequence[Any]) -> bytes:
    ids = [item.pk for item in items]
    edges = rows.edges_of(ids)
    dependents = gathering.count_dependents(ids)
    links, events = past.links_of(ids), past.events_of(ids)
    comments: dict[int, list[Comment]] = {}
    for said in Comment.objects.filter(item_id__in=ids).order_by("item_id", "created_at", "id"):
        comments.setdefault(said.item_id, []).append(said)
    return b"".join(
        _line(
            item,
            edges.get(item.pk, []),
            comments.get(item.pk, []),
            dependents.get(item.pk, 0),
            {past.EVIDENCE: links.get(item.pk), past.EVENTS: events.get(item.pk)},
        )
        for item in items
    )


def _line(
    item: Any, edges: Any, comments: Sequence[Comment], dependents: int, behind: dict[str, Any]
) -> bytes:
    row = rows.line(item, edges=edges, comments=comments, dependents=dependents)
    row |= {name: value for name, value in behind.items() if value}
    for shown, said in zip(row.get("comments", ()), comments, strict=False):
        if said.origin:  # as it came
            shown["id"] = said.origin
    return msgspec.json.encode(row) + b"\n"


def _memories(project: Project) -> bytes:
    """What tools asked to remember, behind the items."""
    return b"".join(
        msgspec.json.encode({"_type": "memory", "key": key.removeprefix(MEMORY), "value": value})
        + b"\n"
        for key, value in sorted(project.config.items())
        if key.startswith(MEMORY)
    )


def export_file(project: Project, *, actor: Actor) -> tuple[IO[bytes], int]:
    """The whole export, ready to be sent, and its length: a slow reader then holds no connection
    and no old rows, and one that is cut off can tell."""
    kept: IO[bytes] = io.BytesIO()
    for part in export_lines(project, actor=actor):
        kept.write(part)
        if kept.tell() > _IN_MEMORY and isinstance(kept, io.BytesIO):
            kept = _on_disk(kept)
    size = kept.tell()
    kept.seek(0)
    return kept, size


def _on_disk(begun: io.BytesIO) -> IO[bytes]:
    kept: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    kept.write(begun.getbuffer())
    return kept

"""What hangs on imported items: edges and comments, joined to those that are there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models.functions import Upper

from controlplane.work import vocabulary
from controlplane.work.models import Comment, Dependency, Item, Project
from controlplane.work.services import graph
from controlplane.work.services.transfer import storing
from controlplane.work.services.transfer.lines import BadLine, CommentIn, EdgeIn, Line

if TYPE_CHECKING:
    from controlplane.work.services.transfer.importing import Work

_AT_ONCE = 5_000
# For so few new edges it is cheaper to walk from each than to look at the whole graph.
_FEW = 50
_EDGE = (
    "item_id",
    "target_id",
    "target_name",
    "kind",
    "unmet",
    "metadata",
    "thread_id",
    "created_at",
    "created_by",
)
_COMMENT = (
    "workspace_id",
    "item_id",
    "author",
    "actor_ref",
    "text",
    "source",
    "origin",
    "created_at",
)


class Wanted(NamedTuple):
    """An edge a line asks for; `target` None: outside, under its name."""

    line: Line
    item: int
    target: int | None
    edge: EdgeIn


def join_edges(work: Work) -> int:
    """How many edges there are more, or are of another type, than before."""
    wanted = _wanted(work)
    older = _older(work)
    known = _known(each.item for each in wanted if each.item in older)
    added = [each for each in wanted if each.item not in older or _is_new(each, known)]
    if not added:
        return 0
    _one_parent_each(added, older)
    storing.copy("work_dependency", _EDGE, (_edge_row(work, each) for each in added))
    storing.set_parents({each.item for each in added if each.edge.kind == vocabulary.PARENT})
    _refuse_loops(work, added)
    return len(added)


def _older(work: Work) -> frozenset[int]:
    """Items that were here before: only these can have edges already."""
    fresh = {work.ids[line.key.upper()] for line in work.new}
    return frozenset(work.ids.values()) - fresh


def _wanted(work: Work) -> list[Wanted]:
    asked = {edge.target.upper() for line in work.current for edge in line.edges}
    places = work.ids | _elsewhere(work, asked - work.ids.keys())
    wanted: dict[tuple[int, int | str], Wanted] = {}
    for line in work.current:
        item = work.ids[line.key.upper()]
        for edge in line.edges:
            target = places.get(edge.target.upper())
            if target == item:
                raise BadLine(line.number, f"{line.key} cannot depend on itself.")
            before = wanted.setdefault(
                (item, target or edge.target), Wanted(line, item, target, edge)
            )
            if before.edge.kind != edge.kind:
                raise BadLine(
                    line.number,
                    f"{line.key} depends on {edge.target} as {before.edge.kind} and as"
                    f" {edge.kind}: one type for each pair.",
                )
    return list(wanted.values())


def _elsewhere(work: Work, keys: set[str]) -> dict[str, int]:
    """Items that the file does not hold: of this project, else of the workspace's others."""
    found: dict[str, int] = {}
    others = Project.objects.filter(workspace_id=work.project.workspace_id).in_use().shared()
    places: list[Any] = [Item.objects.filter(project=work.project)]
    if not work.project.is_sandbox:
        places.append(Item.objects.filter(project__in=others).exclude(project=work.project))
    for rows in places:
        left = sorted(keys - found.keys())
        for start in range(0, len(left), _AT_ONCE):
            part = rows.alias(upper=Upper("key")).filter(upper__in=left[start : start + _AT_ONCE])
            named = part.order_by("-pk").values_list("key", "pk")
            found.update((key.upper(), pk) for key, pk in named)
    return found


def _known(items: Iterable[int]) -> dict[tuple[int, int | str], tuple[int, str]]:
    """The edges there are: their id and type, by their ends."""
    ids = sorted(set(items))
    known: dict[tuple[int, int | str], tuple[int, str]] = {}
    for start in range(0, len(ids), _AT_ONCE):
        rows = Dependency.objects.filter(item_id__in=ids[start : start + _AT_ONCE])
        named = rows.values_list("item_id", "target_id", "target_name", "pk", "kind")
        for item, target, outside, pk, kind in named:
            known[item, target or outside] = (pk, kind)
    return known


def _is_new(each: Wanted, known: dict[tuple[int, int | str], tuple[int, str]]) -> bool:
    there = known.get((each.item, each.target or each.edge.target))
    if there is not None and there[1] == each.edge.kind:
        return False
    # Of another type; or named before it was here.
    replaced = there or known.get((each.item, each.edge.target))
    if replaced is not None:
        Dependency.objects.filter(pk=replaced[0]).delete()
    return True


def _one_parent_each(added: Sequence[Wanted], older: frozenset[int]) -> None:
    """Two in one file contradict each other; one of the file takes the place of the old."""
    parents: dict[int, Wanted] = {}
    for each in added:
        if each.edge.kind != vocabulary.PARENT:
            continue
        before = parents.setdefault(each.item, each)
        if before is not each:
            raise BadLine(
                each.line.number,
                f"{each.line.key} has two parents, {before.edge.target} and {each.edge.target}.",
            )
    moved = sorted(parents.keys() & older)
    for start in range(0, len(moved), _AT_ONCE):
        part = moved[start : start + _AT_ONCE]
        Dependency.objects.filter(kind=vocabulary.PARENT, item_id__in=part).delete()
        # Under none of ours, where the new one is outside; else `set_parents` says which.
        Item.objects.filter(pk__in=part).update(parent=None)


def _edge_row(work: Work, each: Wanted) -> tuple[Any, ...]:
    edge = each.edge
    return (
        each.item,
        each.target,
        "" if each.target else edge.target,
        edge.kind,
        False,
        edge.metadata,
        edge.thread_id,
        edge.created_at or each.line.values["created_at"] or work.at,
        edge.created_by,
    )


def _refuse_loops(work: Work, added: Sequence[Wanted]) -> None:
    ordering = [
        each for each in added if each.target is not None and each.edge.kind in vocabulary.ORDERED
    ]
    if not ordering:
        return
    if len(ordering) <= _FEW:
        for each in ordering:
            if each.target is not None and graph.reaches(each.target, each.item):
                raise _loop(work, ordering, [each.item, each.target])
        return
    loop = storing.loop_in(storing.ordered_edges(work.project.workspace_id))
    if loop:
        raise _loop(work, ordering, loop)


def _loop(work: Work, ordering: Sequence[Wanted], loop: Sequence[int]) -> BadLine:
    keys = dict(Item.objects.filter(pk__in=loop).values_list("pk", "key"))
    inside = [each for each in ordering if each.item in keys and each.target in keys]
    at = inside[0] if inside else ordering[0]
    some = ", ".join(keys[pk] for pk in loop[:8] if pk in keys)
    return BadLine(
        at.line.number,
        f"{at.line.key} depends on {at.edge.target}, which closes a circle of {some}.",
    )


# --- Comments ---------------------------------------------------------------------------------


class Said(NamedTuple):
    """What was said of an item: by id, by id and text, and by author, text and second."""

    ids: set[str]
    texts: set[tuple[str, str]]
    words: set[tuple[str, str, datetime | None]]


def add_comments(work: Work, found: Iterable[Line]) -> int:
    """Those that were not said here yet: neither under their id nor in these words then."""
    told = [line for line in found if line.comments]
    ids = [work.ids[line.key.upper()] for line in told]
    said = _said(ids)
    rows: list[tuple[Any, ...]] = []
    for line, item in zip(told, ids, strict=True):
        for each in line.comments:
            if row := _comment_row(work, line, item, each, said):
                rows.append(row)
    return storing.copy("work_comment", _COMMENT, rows)


def _said(ids: Sequence[int]) -> dict[int, Said]:
    said: dict[int, Said] = {}
    for start in range(0, len(ids), _AT_ONCE):
        for row in Comment.objects.filter(item_id__in=ids[start : start + _AT_ONCE]):
            _note(
                said, row.item_id, row.origin or str(row.pk), row.author, row.text, row.created_at
            )
    return said


def _note(said: dict[int, Said], item: int, key: str, author: str, text: str, at: datetime) -> None:
    here = said.setdefault(item, Said(set(), set(), set()))
    here.ids.add(key)
    here.texts.add((key, text))
    here.words.update({_words(author, text, at), (author, text, None)})


def _words(author: str, text: str, at: datetime | None) -> tuple[str, str, datetime | None]:
    return (author, text, at.replace(microsecond=0) if at else None)


def _comment_row(
    work: Work, line: Line, item: int, each: CommentIn, said: dict[int, Said]
) -> tuple[Any, ...] | None:
    author = each.author or work.who
    here = said.get(item) or Said(set(), set(), set())
    taken = each.origin in here.ids  # by another: ids of two databases may be the same
    if each.origin and (each.origin, each.text) in here.texts:
        return None
    if (taken or not each.origin) and _words(author, each.text, each.created_at) in here.words:
        return None
    at = each.created_at or line.values["updated_at"] or work.at
    _note(said, item, each.origin, author, each.text, at)
    return (
        work.project.workspace_id,
        item,
        author,
        work.actor.ref[:80],
        each.text,
        "import",
        "" if taken else each.origin,
        at,
    )

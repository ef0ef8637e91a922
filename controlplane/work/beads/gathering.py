"""Lists of rows in a fixed number of queries, however many rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Count

from controlplane.work import vocabulary
from controlplane.work.beads import rows
from controlplane.work.models import Comment, Dependency, Item

# So many rows are gathered at a time; more would be one huge list of ids in each query.
_AT_ONCE = 2_000


def listed(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Rows as `list` and `ready` give them: with edges, counts and the parent."""
    return [row for part in _parts(items) for row in _listed(part)]


def _parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]


def _listed(items: Sequence[Item]) -> Iterator[dict[str, Any]]:
    ids = [item.pk for item in items]
    edges = rows.edges_of(ids, with_targets=True)
    dependents = count_dependents(ids)
    comments = count_comments(ids)
    for item in items:
        own = edges.get(item.pk, [])
        row = rows.versioned(item)
        if own:
            row["dependencies"] = [rows.edge_with_target(each) for each in own]
        row |= rows.counts(own, dependents.get(item.pk, 0), comments.get(item.pk, 0))
        if parent := rows.parent_of(own):
            row["parent"] = parent
        yield row


def count_dependents(ids: Sequence[int]) -> dict[int, int]:
    found = Dependency.objects.filter(target_id__in=ids, kind=vocabulary.BLOCKS)
    return dict(found.order_by().values_list("target_id").annotate(n=Count("id")))


def count_comments(ids: Sequence[int]) -> dict[int, int]:
    found = Comment.objects.filter(item_id__in=ids)
    return dict(found.order_by().values_list("item_id").annotate(n=Count("id")))


def changed(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Rows as commands that change items answer them: with labels, without edges."""
    return [rows.versioned(item) for item in items]


def light(found: Any) -> Any:
    """A queryset without the column that only searching reads, and that is as long as the texts."""
    return found.defer("search")

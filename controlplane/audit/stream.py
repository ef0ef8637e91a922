"""The log as a stream for collectors: at least once, in an order that never changes.

Ids commit out of order, so "everything after id 17" would skip what a slow transaction adds
later. Seals are made of committed rows only and one after the other: (seal, id) is an order to
which nothing is ever added behind a reader's back.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

from controlplane.audit.models import AuditSeal
from controlplane.audit.querysets import EventQuerySet


class Position(NamedTuple):
    seal: int
    event: int


class Piece(NamedTuple):
    rows: list[dict[str, Any]]
    after: Position
    more: bool  # there may be more now; else ask again in a while


START = Position(0, 0)
_SEALS = 200  # looked at in one call; a reader of a quiet workspace gets there in a few
_EVENTS = 5_000


def read(events: EventQuerySet, after: Position, *, limit: int, columns: Sequence[str]) -> Piece:
    """The next rows of these events behind a position, each with the `seal` that covers it."""
    seals = _next_seals(after)
    if not seals:
        return Piece([], after, False)
    places = _places(events, seals, after)
    chosen = places[:limit]
    found = events.in_bulk([place.event for place in chosen])
    rows = [
        {"seal": place.seal, **{name: getattr(found[place.event], name) for name in columns}}
        for place in chosen
        if place.event in found
    ]
    if len(places) > limit:
        return Piece(rows, chosen[-1], True)
    newest = seals[-1]
    end = Position(newest[0], newest[1][-1][1])
    return Piece(rows, end, AuditSeal.objects.filter(n__gt=end.seal).exists())


def _next_seals(after: Position) -> list[tuple[int, list[tuple[int, int]]]]:
    """Whole seals from the position on, until they hold enough; first the one read in part."""
    wanted = AuditSeal.objects.filter(n__gte=after.seal, kind="batch").order_by("n")
    found, held = [], 0
    for n, ids, count in wanted.values_list("n", "ids", "count")[:_SEALS]:
        if n == after.seal and ids[-1][1] <= after.event:
            continue
        found.append((n, ids))
        held += count
        if held >= _EVENTS:
            break
    return found


def _places(
    events: EventQuerySet, seals: list[tuple[int, list[tuple[int, int]]]], after: Position
) -> list[Position]:
    """Where the events stand, in order. One query, whatever the number of seals."""
    runs = sorted((first, last, n) for n, ids in seals for first, last in ids)
    starts = [run[0] for run in runs]
    among = events.filter(id__gte=runs[0][0], id__lte=max(run[1] for run in runs)).order_by()
    places = []
    for event in among.values_list("id", flat=True):
        at = bisect_right(starts, event) - 1
        if at >= 0 and event <= runs[at][1]:
            places.append(Position(runs[at][2], event))
    return sorted(place for place in places if place > after)

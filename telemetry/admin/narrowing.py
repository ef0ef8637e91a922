"""Where a filtered list of events has to look, told by the sums: of what is rare most days hold
nothing, and no index of the events leads to the few that do.

Each bucket that has some holds at least one event. So as many buckets as a page has rows are
enough for the page, and the events are read in those alone, which also picks the partitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import Any

from django.db.models import F, Q, QuerySet

from controlplane.lib import clock
from telemetry.admin import filters
from telemetry.measures.grains import HOUR, MINUTE, minutes_since
from telemetry.models import RollupHour, RollupMinute
from telemetry.models.rollups import DIMENSIONS

Span = tuple[datetime, datetime | None]
# What is not summed up yet: minutes within seconds, hours within a minute, a backlog later.
_UNSETTLED = timedelta(minutes=15)
_MOST_SPANS = 60  # of one question; the nearest are joined
_ASKED_AT_ONCE = (2, 26)  # the nearest, some more, and then the rest
_STATUS = {
    "error": Q(errors__gt=0),
    "warning": Q(warnings__gt=0),
    "success": Q(successes__gt=0),
    "info": Q(total__gt=F("errors") + F("warnings") + F("successes")),
}


def asked(specs: Sequence[Any]) -> Q | None:
    """What the filters ask of the sums; None where those don't know, or nothing is asked."""
    found = Q()
    for spec in specs:
        if isinstance(spec, filters.Noticed) and spec.value():
            if spec.value() == "redacted":
                return None
            found &= Q(flagged__gt=0)
        if not isinstance(spec, filters.Column) or not (values := spec.asked()):
            continue
        if spec.field == "status":
            found &= reduce(or_, (_STATUS.get(value, Q(pk=None)) for value in values))
        elif spec.field in DIMENSIONS:
            found &= Q(**{f"{spec.field}__in": values})
        else:  # a mission, a correlation: these have indexes of their own
            return None
    return found or None


def spans(
    what: Q, scope: Any, start: datetime | None, edge: datetime | None, rows: int, *, newest: bool
) -> tuple[list[Span], bool]:
    """Where at least `rows` events are, on this side of `edge`, and whether that is all there
    are. `scope` narrows sums to what this person looks at."""
    by_event = "event_type__in" in str(what)
    fine = by_event and start is not None and start >= minutes_since()
    table, grain = (RollupMinute, MINUTE) if fine else (RollupHour, HOUR)
    found = scope(table.objects).filter(what)
    if start is not None:
        found = found.filter(bucket__gt=start - grain)
    if edge is not None:
        limit = {"bucket__lte": edge} if newest else {"bucket__gt": edge - grain}
        found = found.filter(**limit)
    order = "-bucket" if newest else "bucket"
    buckets = list(found.order_by(order).values_list("bucket", flat=True).distinct()[:rows])
    known: list[Span] = [(bucket, bucket + grain) for bucket in sorted(buckets)]
    lately = clock.now() - _UNSETTLED
    return _joined([*known, (lately, None)]), len(buckets) < rows


def read(
    rows: QuerySet[Any], found: Sequence[Span], most: int, order: tuple[str, ...]
) -> list[Any]:
    """The first of them in this order. Of what is frequent the nearest stretches hold a page full;
    of what is rare all are read, in few questions."""
    read: list[Any] = []
    near = found[::-1] if order[0].startswith("-") else found
    for first, last in pairwise((0, *_ASKED_AT_ONCE, len(near))):
        if near[first:last] and len(read) < most:
            read += _of_all(rows, near[first:last], most - len(read), order)
    return read


def _of_all(rows: QuerySet[Any], found: Sequence[Span], most: int, order: tuple[str, ...]) -> Any:
    """Each stretch is a question of its own, so a row is compared with its own stretch alone, the
    planner looks for its partitions alone, and none is read beyond what fits."""
    each = [rows.filter(_range(start, end)).order_by(*order)[:most] for start, end in found]
    return each[0].union(*each[1:], all=True).order_by(*order)[:most] if each[1:] else each[0]


def _range(start: datetime, end: datetime | None) -> Q:
    later = Q(occurred_at__gte=start)
    return later if end is None else later & Q(occurred_at__lt=end)


def _joined(found: Sequence[Span]) -> list[Span]:
    """In order, without overlaps, the nearest joined until they are few."""
    merged: list[Span] = []
    for start, end in sorted(found, key=lambda span: span[0]):
        before = merged[-1][1] if merged else start - MINUTE
        if merged and (before is None or start <= before):
            last = None if before is None or end is None else max(before, end)
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((start, end))
    while len(merged) > _MOST_SPANS:
        gaps = [
            (later[0] - (sooner[1] or later[0]), place)
            for place, (sooner, later) in enumerate(pairwise(merged))
        ]
        _, place = min(gaps)
        merged[place : place + 2] = [(merged[place][0], merged[place + 1][1])]
    return merged

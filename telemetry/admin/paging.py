"""Pages of events: by time and id, newest first, whatever their number."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.http import HttpRequest

from controlplane.base.admin.changelist import AFTER, BEFORE, BoundedPaginator, KeyedList
from telemetry.admin import narrowing
from telemetry.admin.filters import Time
from telemetry.shown import times

Edge = tuple[datetime, UUID]
_NEWEST, _OLDEST = ("-occurred_at", "-id"), ("occurred_at", "id")


class EventList(KeyedList):
    """`?before=<time>~<id>` names the edge row: ids come from senders and are in no order, so the
    time leads. Filtered lists are not counted: of a rare event that would read the whole range."""

    def get_ordering(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> list[Any]:
        return list(_NEWEST)

    def get_results(self, request: HttpRequest) -> None:
        self.paginator = BoundedPaginator(self.queryset, self.list_per_page)
        rows, size = self.queryset, self.list_per_page
        before, after = _edge(request, BEFORE), _edge(request, AFTER)
        if after is not None:
            at, key = after
            later = rows.filter(Q(occurred_at__gt=at) | Q(occurred_at=at, id__gt=key))
            later = later.filter(occurred_at__gte=at).order_by(*_OLDEST)
            found = self._some(request, later, at, size + 1, newest=False)
            more_newer, more_older = len(found) > size, True
            found = found[:size][::-1]
        else:
            if before is not None:
                at, key = before
                rows = rows.filter(Q(occurred_at__lt=at) | Q(occurred_at=at, id__lt=key))
                rows = rows.filter(occurred_at__lte=at)
            edge = before[0] if before is not None else None
            found = self._some(request, rows, edge, size + 1, newest=True)
            more_newer, more_older = before is not None, len(found) > size
            found = found[:size]
        if found and more_newer:
            self.newer = self.get_query_string({AFTER: _named(found[0])}, [BEFORE, AFTER])
        if found and more_older:
            self.older = self.get_query_string({BEFORE: _named(found[-1])}, [BEFORE, AFTER])
        self.result_list = found
        self.result_count = len(found)
        self.show_full_result_count = False
        self.full_result_count = None
        self.show_admin_actions = bool(found)
        self.can_show_all = False
        self.multi_page = False

    def _some(
        self, request: HttpRequest, rows: Any, edge: datetime | None, most: int, *, newest: bool
    ) -> list[Any]:
        """The first of these, looked for where the sums say that they are."""
        what = None if self.query else narrowing.asked(self.filter_specs)
        if what is None:
            return list(rows[:most])
        start = next(one for one in self.filter_specs if isinstance(one, Time)).start
        scope = partial(self.model_admin.scope, request)
        spans, all_ = narrowing.spans(what, scope, start, edge, most, newest=newest)
        order = _NEWEST if newest else _OLDEST
        found = narrowing.read(rows, spans, most, order)
        # Sums may outlive their events, which were erased: then the rest is looked through.
        return found if all_ or len(found) == most else list(rows[:most])

    @property
    def is_capped(self) -> bool:
        """No counts beside filters: each would read the range once more."""
        return True

    @property
    def count_text(self) -> str:
        more = " or more" if self.newer or self.older else ""
        return f"{len(self.result_list):,}{more}"


def _named(event: Any) -> str:
    return f"{event.occurred_at.isoformat()}~{event.id}"


def _edge(request: HttpRequest, name: str) -> Edge | None:
    """What is no edge is none: the list begins at the top."""
    at_text, _, key_text = request.GET.get(name, "")[:100].partition("~")
    at = times.moment(at_text.replace(" ", "+"))
    try:
        return (at, UUID(key_text)) if at is not None else None
    except ValueError:
        return None

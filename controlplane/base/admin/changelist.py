"""Lists over tables of any size: bounded counts, bounded searches, pages by key.

Counting a million rows costs more than showing fifty of them. An unfiltered list shows the
planner's estimate; a filtered one counts to a cap and says "more than". Past the cap pages go by
key, because OFFSET reads everything it skips.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.filters import RelatedFieldListFilter
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db import connections, models
from django.http import HttpRequest
from django.utils.functional import cached_property

from controlplane.lib import defaults
from controlplane.lib.actors import Actor

COUNT_CAP = defaults.define(
    "console.count_cap",
    10_000,
    unit="rows",
    why="a list counts this far and then says 'more than'; the count stays under 5 ms",
)
BEFORE = "before"
AFTER = "after"
NO_FILTERS = frozenset({BEFORE, AFTER, "workspace", "view"})


def capped_count(rows: models.QuerySet[Any], cap: int) -> int:
    """How many rows, up to cap + 1. Ordering is dropped: it would sort what is only counted."""
    return rows.order_by()[: cap + 1].count()


def rough_count(rows: models.QuerySet[Any], cap: int) -> int:
    """Of a whole table: the planner's row count where it is past the cap, else as counted up to
    it. One question for both, for a list is allowed few; the count is only made when needed."""
    counted, parameters = rows.order_by().values("pk")[: cap + 1].query.sql_with_params()
    with connections[rows.db].cursor() as cursor:
        cursor.execute(
            "SELECT CASE WHEN reltuples > %s THEN reltuples::bigint"  # noqa: S608
            f" ELSE (SELECT count(*) FROM ({counted}) AS counted) END"
            " FROM pg_class WHERE oid = %s::regclass",
            [cap, *parameters, connections[rows.db].ops.quote_name(rows.model._meta.db_table)],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else capped_count(rows, cap)


if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:  # generic for the type checker only
    _Paginator = Paginator


class BoundedPaginator(_Paginator):
    """Counts by estimate or to the cap; pages beyond the cap do not exist (see `KeyedList`)."""

    @cached_property
    def count(self) -> int:
        return min(self.known_count, COUNT_CAP.value)

    @cached_property
    def known_count(self) -> int:
        """The count to show. Past the cap it is the estimate, or just the cap."""
        rows = self.object_list
        if not isinstance(rows, models.QuerySet):
            return len(rows)
        if not rows.query.where:
            return rough_count(rows, COUNT_CAP.value)
        return capped_count(rows, COUNT_CAP.value)

    @property
    def is_capped(self) -> bool:
        return self.known_count > COUNT_CAP.value


class PortalList(ChangeList):
    """The stock list with the count in words that do not lie, and rows linked by public id."""

    paginator: BoundedPaginator
    model_admin: Any

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        # Where in the list one stands is no part of a filter: after another question the list
        # begins anew, or rows above the edge would silently be missing.
        for edge in (BEFORE, AFTER):
            self.params.pop(edge, None)
            self.filter_params.pop(edge, None)  # what links to other questions are made of

    @property
    def is_capped(self) -> bool:
        """Whether there are more rows than are worth counting, for filters too."""
        return self.paginator.is_capped

    @property
    def count_text(self) -> str:
        known = self.paginator.known_count
        if known > COUNT_CAP.value + 1:
            return f"about {known:,}"
        return f"more than {COUNT_CAP.value:,}" if self.is_capped else f"{known:,}"

    def get_filters_params(self, params: Any = None) -> Any:
        """`?workspace=` chooses the workspace (see the access middleware) and is no filter."""
        kept = super().get_filters_params(params)
        return {key: value for key, value in kept.items() if key not in NO_FILTERS}

    def url_for_result(self, result: models.Model) -> str:
        return str(self.model_admin.object_url(result))


class KeyedList(PortalList):
    """Newest first by primary key, with "newer" and "older": every page costs the same.

    `?before=<key>` and `?after=<key>` name the edge rows, so a page stays where it is while new
    rows arrive on top of it.
    """

    newer: str = ""
    older: str = ""

    @property
    def is_capped(self) -> bool:
        """A search is taken as capped, or the answer would read all rows a second time."""
        return bool(self.query) or super().is_capped

    @property
    def count_text(self) -> str:
        if not self.query:
            return super().count_text
        return f"{len(self.result_list):,}{' or more' if self.newer or self.older else ''}"

    def get_ordering(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> list[Any]:
        return ["-pk"]

    def get_results(self, request: HttpRequest) -> None:
        self.paginator = BoundedPaginator(self.queryset, self.list_per_page)
        rows, before, after = self.queryset, _key(request, BEFORE), _key(request, AFTER)
        size = self.list_per_page
        if after is not None:
            found = list(rows.filter(pk__gt=after).order_by("pk")[: size + 1])
            more_newer, more_older = len(found) > size, True
            found = found[:size][::-1]
        else:
            if before is not None:
                rows = rows.filter(pk__lt=before)
            found = list(rows[: size + 1])
            more_newer, more_older = before is not None, len(found) > size
            found = found[:size]
        if found and more_newer:
            self.newer = self.get_query_string({AFTER: found[0].pk}, [BEFORE, AFTER])
        if found and more_older:
            self.older = self.get_query_string({BEFORE: found[-1].pk}, [BEFORE, AFTER])
        self.result_list = found
        # A search reads every row it passes; counting would read them all a second time.
        self.result_count = len(found) if self.query else self.paginator.count
        self.show_full_result_count = False
        self.full_result_count = None
        self.show_admin_actions = bool(found)
        self.can_show_all = False
        self.multi_page = False


def _key(request: HttpRequest, name: str) -> int | None:
    """A key from the query string. What is no bigint is no edge: the list starts at the top."""
    text = request.GET.get(name, "")
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    return None


class ScopedRelatedFilter(RelatedFieldListFilter):
    """A filter over a relation, offering only rows the reader may see. The stock one lists every
    row of the table, which names other workspaces' things."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        actor: Actor = request.actor  # type: ignore[attr-defined]
        rows = field.remote_field.model._default_manager.all()
        return [(row.pk, str(row)) for row in scoped(rows, actor)[:200]]


class NamedRelatedFilter(RelatedFieldListFilter):
    """Only those that rows of this list name. The stock one reads all of these rows for it; here
    the first of each is looked for."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        actor: Actor = request.actor  # type: ignore[attr-defined]
        named = scoped(model_admin.model._default_manager.all(), actor)
        named = named.filter(**{field.name: models.OuterRef("pk")}).order_by().values("pk")
        rows = field.remote_field.model._default_manager.filter(models.Exists(named))
        return [(row.pk, str(row)) for row in rows[:200]]


def scoped(rows: models.QuerySet[Any], actor: Actor) -> models.QuerySet[Any]:
    """The rows of these that the actor may see. A table without a rule shows nothing."""
    visible_to = getattr(rows, "visible_to", None)
    return visible_to(actor) if visible_to is not None else rows.none()

"""Filters of items, for lists, the ready queue and the board alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.lib import clock
from controlplane.lib.errors import Invalid
from controlplane.work import vocabulary
from controlplane.work.api.common import item_named
from controlplane.work.models import Item
from controlplane.work.services import queues

Rows = QuerySet[Any]
_MOST = 50


def words(value: str) -> list[str]:
    """`a,b`: some of a set."""
    found = [part.strip() for part in value.split(",") if part.strip()]
    if not found or len(found) > _MOST:
        raise Invalid("The filter is not valid.", details={"filter": f"1 to {_MOST} values."})
    return found


class Words(django_filters.CharFilter):
    """One of several values, separated by commas."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 500)
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]

    def filter(self, qs: Rows, value: str) -> Rows:
        if not value:
            return qs
        condition = Q(**{f"{self.field_name}__in": words(value)})
        return qs.exclude(condition) if self.exclude else qs.filter(condition)


class ItemFilter(PortalFilterSet):
    status = Words(help_text="One of these, separated by commas.")
    category = Words(help_text="active, wip, frozen, done.")
    type = Words(field_name="item_type", help_text="One of these.")
    exclude_type = Words(field_name="item_type", exclude=True)
    priority = django_filters.ChoiceFilter(
        choices=[(str(number), name) for number, name in vocabulary.PRIORITIES.items()]
    )
    priority_max = django_filters.ChoiceFilter(
        field_name="priority",
        lookup_expr="lte",
        choices=[(str(number), name) for number, name in vocabulary.PRIORITIES.items()],
        help_text="This pressing or more.",
    )
    labels = django_filters.CharFilter(method="by_labels", max_length=500, help_text="All of them.")
    labels_any = django_filters.CharFilter(
        method="by_labels", max_length=500, help_text="One of them."
    )
    labels_none = django_filters.CharFilter(
        method="by_labels", max_length=500, help_text="None of them."
    )
    unlabelled = BooleanFilter(method="by_flag")
    assignee = django_filters.CharFilter(lookup_expr="iexact", max_length=200)
    unassigned = BooleanFilter(method="by_flag")
    mine = BooleanFilter(method="by_flag", help_text="Assigned to the caller.")
    watching = BooleanFilter(method="by_flag", help_text="Followed by the caller.")
    parent = django_filters.CharFilter(method="by_parent", max_length=120, help_text="key")
    top = BooleanFilter(method="by_flag", help_text="Under no other item.")
    ready = BooleanFilter(method="by_flag", help_text="Can be begun now.")
    blocked = BooleanFilter()
    deferred = BooleanFilter(method="by_flag", help_text="Put off, until a day or for now.")
    overdue = BooleanFilter(method="by_flag")
    q = django_filters.CharFilter(
        method="by_text", max_length=300, help_text="Words in title and texts, or a key."
    )
    external_ref = django_filters.CharFilter(max_length=300)
    ensure_key = django_filters.CharFilter(max_length=200)
    subject = django_filters.CharFilter(max_length=160, help_text="deployments.deployment:12")
    backlog = BooleanFilter(field_name="in_backlog", help_text="Of the operations backlog.")
    stage = django_filters.ChoiceFilter(choices=list(vocabulary.STAGES.items()))
    backlog_category = django_filters.CharFilter(max_length=80)
    kpi = django_filters.CharFilter(max_length=80)
    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    updated_after = django_filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="gte")
    updated_before = django_filters.IsoDateTimeFilter(field_name="updated_at", lookup_expr="lt")
    closed_after = django_filters.IsoDateTimeFilter(field_name="closed_at", lookup_expr="gte")
    closed_before = django_filters.IsoDateTimeFilter(field_name="closed_at", lookup_expr="lt")
    due_after = django_filters.IsoDateTimeFilter(field_name="due_at", lookup_expr="gte")
    due_before = django_filters.IsoDateTimeFilter(field_name="due_at", lookup_expr="lt")

    class Meta:
        model = Item
        fields: list[str] = []

    def filter_queryset(self, queryset: Rows) -> Rows:
        rows: Rows = super().filter_queryset(queryset)  # type: ignore[no-untyped-call]
        return queues.selective(rows) if by_label(self.data) else rows

    def by_labels(self, rows: Rows, name: str, value: str) -> Rows:
        asked = words(value)
        if name == "labels":
            return rows.with_labels(asked)  # type: ignore[attr-defined,no-any-return]
        if name == "labels_any":
            return rows.with_any_label(asked)  # type: ignore[attr-defined,no-any-return]
        return rows.without_labels(asked)  # type: ignore[attr-defined,no-any-return]

    def by_flag(self, rows: Rows, name: str, value: bool) -> Rows:
        if name == "ready" and value:
            return rows.ready()  # type: ignore[attr-defined,no-any-return]
        condition = self._condition(name)
        return rows.filter(condition) if value else rows.exclude(condition)

    def _condition(self, name: str) -> Q:
        actor = self.request.actor
        if name == "mine":
            return mine(actor)
        if name == "watching":
            return Q(pk__in=Item.objects.filter(watchers__user_id=actor.user_id or 0).values("pk"))
        if name == "ready":
            return Q(pk__in=Item.objects.of(self.request.workspace).ready().values("pk"))
        return {
            "unlabelled": Q(labels=[]),
            "unassigned": Q(assignee=""),
            "top": Q(parent=None),
            "deferred": Q(status="deferred") | Q(defer_until__gt=clock.now()),
            "overdue": Q(due_at__isnull=False, due_at__lt=clock.now()) & ~Q(category="done"),
        }[name]

    def by_parent(self, rows: Rows, name: str, value: str) -> Rows:
        parent = item_named(self.request, value)
        return rows.filter(parent=parent)

    def by_text(self, rows: Rows, name: str, value: str) -> Rows:
        return rows.matching(value)  # type: ignore[attr-defined,no-any-return]


def by_label(asked: Mapping[str, Any]) -> bool:
    return bool(asked.get("labels") or asked.get("labels_any"))


def mine(actor: Any) -> Q:
    """By the account, and by the name tools write."""
    found = Q(assignee__iexact=actor.label) if actor.label else Q(pk=None)
    return found | Q(assignee_user_id=actor.user_id) if actor.user_id else found

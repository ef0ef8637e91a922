"""Filters of lists, strict: what is not understood is refused, never ignored."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django_filters.filters import Filter
from django_filters.filterset import FilterSet

from controlplane.base.api.errors import flat
from controlplane.lib.errors import Invalid


class StrictBooleanField(forms.Field):
    """`true` or `false`. Django's takes any other text for "not asked"."""

    def to_python(self, value: Any) -> bool | None:
        if value in self.empty_values:
            return None
        if value in {"true", "false"}:
            return bool(value == "true")
        raise forms.ValidationError("true or false.")


class BooleanFilter(Filter):
    """`true` or `false`, nothing else."""

    field_class = StrictBooleanField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]


class PresenceFilter(BooleanFilter):
    """Is the column set? `?active=true` over `ended_at` reads `exclude=True`."""

    def filter(self, qs: QuerySet[Any], value: bool | None) -> QuerySet[Any]:
        if value is None:
            return qs
        return qs.filter(**{f"{self.field_name}__isnull": value is self.exclude})


class PortalFilterSet(FilterSet):
    """Base of every filter set. The door has refused unknown parameters already."""


@cache
def names_of(kind: type[FilterSet]) -> frozenset[str]:
    """The parameters a filter set reads."""
    known: dict[str, Any] = kind.base_filters  # type: ignore[attr-defined]
    return frozenset(known)


def apply(
    kind: type[FilterSet] | None, request: HttpRequest, queryset: QuerySet[Any]
) -> QuerySet[Any]:
    """The rows asked for. Without a filter in the query nothing is built: forms are slow."""
    if kind is None or not request.META.get("QUERY_STRING"):
        return queryset
    asked = {name: request.GET[name] for name in request.GET if name in names_of(kind)}
    if not asked:
        return queryset
    _refuse_empty(asked)
    filters = kind(data=asked, queryset=queryset, request=request)
    if not filters.is_valid():
        details = flat({name: list(found) for name, found in filters.errors.items()})
        raise Invalid("The filter is not valid.", details=details)
    found: QuerySet[Any] = filters.qs
    return found


def _refuse_empty(asked: Mapping[str, str]) -> None:
    empty = {name: "Must not be empty." for name, value in asked.items() if not value.strip()}
    if empty:
        raise Invalid("The filter is not valid.", details=empty)

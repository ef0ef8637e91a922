"""Filters that ask in people's words what no single column answers: failing, due, not seen.

    Due = question("Due", "due", {"late": ("Late", lambda rows: rows.overdue()), …})

Each answer is a bounded, named read; the value in the address is one of the keys or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

# The rows come as whatever QuerySet the model has, with its named reads.
Answer = tuple[str, Callable[[Any], QuerySet[Any]]]


def question(
    asked: str, parameter: str, answers: Mapping[str, Answer]
) -> type[admin.SimpleListFilter]:
    class Question(admin.SimpleListFilter):
        title = asked
        parameter_name = parameter

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            return [(value, label) for value, (label, _) in answers.items()]

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            found = answers.get(str(self.value()))
            return found[1](queryset) if found is not None else queryset

    return Question


def named(
    asked: str,
    parameter: str,
    field: str,
    words: Callable[[HttpRequest, str], str] = lambda request, value: value,
) -> type[admin.SimpleListFilter]:
    """Rows whose text column is just this; drawn only while it is asked, for a menu of all the
    values would read the whole table. The column needs an index. `words` are what people call
    a value."""

    class Named(admin.SimpleListFilter):
        title = asked
        parameter_name = parameter

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            value = _clean(self.value())
            return [(value, words(request, value))] if value else []

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            value = _clean(self.value())
            return queryset.filter(**{field: value}) if value else queryset

    return Named


class Happened(admin.EmptyFieldListFilter):
    """Whether a moment is there, in words: "Revoked: yes", not "Revoked at: not empty"."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = str(self.title).removesuffix(" at")

    def choices(self, changelist: Any) -> Iterator[Any]:
        words = ("All", "Not yet", "Yes")
        for choice, word in zip(super().choices(changelist), words, strict=True):
            yield {**choice, "display": word}


def in_words(item: Any) -> Any:
    stock = isinstance(item, tuple) and item[1] is admin.EmptyFieldListFilter
    return (item[0], Happened) if stock else item


def _clean(value: str | None) -> str:
    return (value or "").replace("\x00", "").strip()[:200]

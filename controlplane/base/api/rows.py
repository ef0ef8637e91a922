"""How rows of an output form are read from the database and from objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rest_framework import serializers

Form = type[serializers.BaseSerializer[Any]]


class Row:
    """How rows of one output form are read and shown: declared once, by the form.

    Each field's `source` is the column. A `SerializerMethodField` or `source="*"` has none, and
    is filled in by the view's `shape()`.
    """

    def __init__(self, form: Form) -> None:
        fields = form().fields  # type: ignore[attr-defined]
        stored = {
            name: field.source.replace(".", "__")
            for name, field in fields.items()
            if field.source not in {None, "*"}
            and not isinstance(field, serializers.SerializerMethodField)
        }
        self.names = tuple(stored)
        self.columns = tuple(stored.values())
        self._getters = tuple(through(column.split("__")) for column in self.columns)

    def from_tuple(self, values: Sequence[Any]) -> dict[str, Any]:
        return dict(zip(self.names, values, strict=False))

    def from_object(self, obj: Any) -> dict[str, Any]:
        return {name: get(obj) for name, get in zip(self.names, self._getters, strict=True)}


def through(names: Sequence[str]) -> Callable[[Any], Any]:
    """Reads a column of an object like an outer join does: nothing beyond an empty relation."""

    def read_column(obj: Any) -> Any:
        for name in names:
            obj = None if obj is None else getattr(obj, name)
        return obj

    return read_column


_rows: dict[Any, Row] = {}


def row_of(form: Form) -> Row:
    row = _rows.get(form)
    if row is None:
        row = _rows[form] = Row(form)
    return row

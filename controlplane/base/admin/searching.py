"""Searching text by any part of it, in whatever case, over tables of any size.

`icontains` folds every row by the rules of the database's collation, letter by letter through
Unicode tables: over 100,000 rows that is most of what a searched list costs. A word of plain
letters need match plain letters only, and those fold by a table of 128 (so "i" does not find a
dotless ı). Words with others still go the long way. An index for parts of words would need an
extension, and none but plpgsql is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.utils import get_fields_from_path
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models.lookups import IContains

LOOKUP = "holds"


@models.CharField.register_lookup
@models.TextField.register_lookup
class Holds(IContains):
    """`icontains`, sooner where the word is ASCII."""

    lookup_name = LOOKUP

    def process_lhs(self, compiler: Any, connection: Any, lhs: Any = None) -> Any:
        sql, params = super().process_lhs(compiler, connection, lhs)
        plain = isinstance(self.rhs, str) and self.rhs.isascii()
        collation = ' COLLATE "C"' if plain else ""
        return f"UPPER({sql}::text{collation})", params

    def get_rhs_op(self, connection: Any, rhs: Any) -> str:
        return str(connection.operators["icontains"] % rhs)


def quick(model: type[models.Model], names: Iterable[str]) -> list[str]:
    """These search fields, asked by `holds` where they are text and ask nothing else."""
    return [f"{name}__{LOOKUP}" if _is_text(model, name) else name for name in names]


def _is_text(model: type[models.Model], name: str) -> bool:
    try:
        field = get_fields_from_path(model, name)[-1]
    except FieldDoesNotExist:  # "^name", "name__exact": says itself how it is asked
        return False
    return isinstance(field, models.CharField | models.TextField)

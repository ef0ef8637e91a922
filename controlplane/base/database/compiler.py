"""Django's compiler finds out with each query what never changes: how each column of a table is
written, and what is made of its values. A page asks thirty questions of thirty columns each, so
that this was a fifth of its cost. Here it is found out once; the statements are the same to the
letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.db.backends.postgresql import compiler as postgresql
from django.db.backends.postgresql.compiler import (
    SQLAggregateCompiler,
    SQLDeleteCompiler,
    SQLInsertCompiler,
    SQLUpdateCompiler,
)
from django.db.models.expressions import Col, ColPairs

__all__ = [
    "SQLAggregateCompiler",
    "SQLCompiler",
    "SQLDeleteCompiler",
    "SQLInsertCompiler",
    "SQLUpdateCompiler",
]

# Where it is remembered: on what it was found out about, so that both end together.
_COLUMNS = "_controlplane_columns"
_CONVERTERS = "_controlplane_converters"


class _Columns(NamedTuple):
    fields: Any  # which they were made of: a model that was changed has others
    cols: dict[str, list[Any]]  # by the alias of their table


class SQLCompiler(postgresql.SQLCompiler):
    def compile(self, node: Any) -> Any:
        if type(node) is not Col or not node.alias:
            return super().compile(node)
        known: dict[str, str] = self.quote_cache
        target: Any = node.target
        alias: str = node.alias
        column: str = target.column
        return (
            f"{known.get(alias) or self.quote_name_unless_alias(alias)}."
            f"{known.get(column) or self.quote_name_unless_alias(column)}"
        ), []

    def get_select(self, with_col_aliases: bool = False) -> Any:
        if with_col_aliases or not self._reads_models():
            return super().get_select(with_col_aliases)
        query = self.query
        mask = query.get_select_mask()
        cols = self.get_default_columns(mask)
        select: list[Any] = [(col, None) for col in cols]
        klass_info: dict[str, Any] | None = None
        if cols:
            klass_info = {"model": query.model, "select_fields": list(range(len(cols)))}
        if query.select_related:
            assert klass_info is not None
            klass_info["related_klass_infos"] = self.get_related_selections(select, mask)
            _add_parents(klass_info)
        return [(col, self._selected(col), None) for col, _ in select], klass_info, {}

    def _reads_models(self) -> bool:
        """Whether nothing is read but whole rows of models, as they are."""
        query = self.query
        return (
            query.default_cols
            and query.selected is None
            and not query.extra_select
            and not query.annotation_select
        )

    def _selected(self, col: Any) -> Any:
        return col.select_format(self, *self.compile(col))

    def get_default_columns(
        self, select_mask: Any, start_alias: Any = None, opts: Any = None, from_parent: Any = None
    ) -> list[Any]:
        opts = opts or self.query.get_meta()
        if opts is None or select_mask or opts.parents:
            return super().get_default_columns(select_mask, start_alias, opts, from_parent)
        alias = start_alias or self.query.get_initial_alias()
        known: _Columns | None = opts.__dict__.get(_COLUMNS)
        if known is None or known.fields is not opts.concrete_fields:
            known = _Columns(opts.concrete_fields, {})
            setattr(opts, _COLUMNS, known)
        found = known.cols.get(alias)
        if found is None:
            found = known.cols[alias] = [field.get_col(alias) for field in known.fields]
        return found

    def _order_by_pairs(self) -> Iterator[Any]:  # type: ignore[override]
        """A name in an order may mean something that is selected; not where rows are, which have no
        other names than the columns."""
        asked = self.query.order_by
        if (
            self.query.combinator
            or not self._reads_models()
            or not all(isinstance(each, str) for each in asked)
        ):
            yield from self._djangos_pairs()
            return
        selected, self.select = self.select, None
        try:
            pairs = list(self._djangos_pairs())
        finally:
            self.select = selected
        yield from pairs

    def _djangos_pairs(self) -> Iterator[Any]:
        pairs: Any = super()._order_by_pairs
        return iter(pairs())

    def get_converters(self, expressions: Iterable[Any]) -> dict[int, Any]:
        expressions = list(expressions)
        if any(expression is None or type(expression) is ColPairs for expression in expressions):
            return super().get_converters(expressions)
        found: dict[int, Any] = {}
        for place, expression in enumerate(expressions):
            if converters := self._converters(expression):
                found[place] = (converters, expression)
        return found

    def _converters(self, expression: Any) -> list[Any]:
        field = expression.target if type(expression) is Col else None
        if field is None or expression.output_field is not field:
            return self._found_converters(expression)
        # Fields are copied to other models with all they have, so that it says whose it is.
        known = field.__dict__.get(_CONVERTERS)
        if known is None or known[0] is not field:
            known = (field, self._found_converters(expression))
            setattr(field, _CONVERTERS, known)
        found: list[Any] = known[1]
        return found

    def _found_converters(self, expression: Any) -> list[Any]:
        backend = self.connection.ops.get_db_converters(expression)
        found: list[Any] = backend + expression.get_db_converters(self.connection)
        return found


def _add_parents(klass_info: dict[str, Any]) -> None:
    """Of a model that inherits another's columns: those of the other stand before its own."""
    for each in klass_info["related_klass_infos"]:
        if each["from_parent"]:
            each["select_fields"] = klass_info["select_fields"] + each["select_fields"]
        _add_parents(each)

"""The statements behind measures: what many of them need of the same window, asked at once.

Each measure wants a few sums of a selection of rows. Sums of all measures stand side by side as
filtered aggregates in one statement; histograms, which must be taken apart bin by bin, in a
second one. Names of columns come from closed sets, all values are parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from telemetry.measures.grains import ORIGIN, Piece
from telemetry.measures.kinds import ANY, Selection

BINS = "bins"
_SUMS = (
    "total",
    "errors",
    "warnings",
    "successes",
    "amounts",
    "amount_sum",
    "durations",
    "duration_sum",
)
_AGGREGATES = {
    **{name: f"sum({name})" for name in _SUMS},
    "amount_min": "min(amount_min)",
    "amount_max": "max(amount_max)",
    "amount_last": "(array_agg(amount_last ORDER BY last_at DESC, amount_last DESC){0})[1]",
}
_COUNTS = {"": "total", "error": "errors", "warning": "warnings", "success": "successes"}
Cell = tuple[datetime | None, str]


@dataclass(frozen=True, slots=True)
class Part:
    """One column of the answer: this figure over these rows."""

    selection: Selection
    column: str


@dataclass(slots=True)
class Answer:
    """By step (None: the whole window) and group: a figure or the bins of each part."""

    figures: dict[Cell, dict[Part, float]] = field(default_factory=dict)
    bins: dict[Cell, dict[Part, list[tuple[int, int]]]] = field(default_factory=dict)

    def groups(self) -> list[str]:
        return list(dict.fromkeys(group for _, group in (*self.figures, *self.bins)))

    def figure(self, cell: Cell, part: Part) -> float | None:
        return self.figures.get(cell, {}).get(part)

    def histogram(self, cell: Cell, part: Part) -> list[tuple[int, int]]:
        return self.bins.get(cell, {}).get(part, [])


def counted(selection: Selection) -> Part:
    """How many of these."""
    return Part(selection, _COUNTS[selection.status])


def ask(
    workspace_id: int | None,
    window: Sequence[Piece],
    parts: Iterable[Part],
    *,
    step: timedelta | None = None,
    group_by: str = "",
) -> Answer:
    """Read these parts over this window."""
    answer = Answer()
    wanted = list(dict.fromkeys(part for part in parts if _possible(part)))
    if not window:
        return answer
    plain = [part for part in wanted if part.column != BINS]
    spread = [part for part in wanted if part.column == BINS]
    if plain:
        _sums(answer, _Question(workspace_id, window, plain, step, group_by))
    if spread:
        _histograms(answer, _Question(workspace_id, window, spread, step, group_by))
    return answer


def _possible(part: Part) -> bool:
    return bool(part.selection.events) and all(part.selection.where.values())


@dataclass(slots=True)
class _Question:
    workspace_id: int | None
    window: Sequence[Piece]
    parts: Sequence[Part]
    step: timedelta | None
    group_by: str

    def dimensions(self) -> list[str]:
        names = {"event_type"} if any(p.selection.events != ANY for p in self.parts) else set()
        for part in self.parts:
            names.update(part.selection.where)
        names.discard(self.group_by)
        return sorted(names)

    def rows(self, columns: Sequence[str]) -> tuple[str, list[Any]]:
        """The rows of all pieces, one under the other."""
        texts, parameters = [], []
        events = sorted({name for part in self.parts for name in part.selection.events})
        group = self.group_by or "''"
        for piece in self.window:
            where, values = self._where(events)
            at, more = self._at(piece)
            names = ", ".join((f"{at} AS at", f"{group} AS grp", *self.dimensions(), *columns))
            texts.append(
                f"SELECT {names}"  # noqa: S608
                f" FROM {piece.table} WHERE {where} AND bucket >= %s AND bucket < %s"
            )
            parameters += [*more, *values, piece.start, piece.end]
        return " UNION ALL ".join(texts), parameters

    def _where(self, events: list[str]) -> tuple[str, list[Any]]:
        # One event of one workspace is what the index is made for.
        values: list[Any] = []
        where = "workspace_id IS NULL"
        if self.workspace_id is not None:
            where, values = "workspace_id = %s", [self.workspace_id]
        if ANY[0] in events:
            return where, values
        return f"{where} AND event_type = ANY(%s)", [*values, events]

    def _at(self, piece: Piece) -> tuple[str, list[Any]]:
        if self.step is None:
            return "NULL::timestamptz", []
        if self.step == piece.grain:
            return "bucket", []
        return "date_bin(%s, bucket, %s)", [self.step, ORIGIN]

    def condition(self, selection: Selection) -> tuple[str, list[Any]]:
        tests, values = ["true"], []
        for name, allowed in (("event_type", selection.events), *sorted(selection.where.items())):
            if allowed == ANY:
                continue
            column = "grp" if name == self.group_by else name
            tests.append(f"{column} = ANY(%s)")
            values.append(list(allowed))
        return " AND ".join(tests), values


def _sums(answer: Answer, asked: _Question) -> None:
    columns = sorted({part.column for part in asked.parts})
    if "amount_last" in columns:
        columns.append("last_at")
    outputs, values = [], []
    for part in asked.parts:
        test, more = asked.condition(part.selection)
        if part.column == "amount_last":
            test += " AND amount_last IS NOT NULL"
        only = f" FILTER (WHERE {test})"
        shape = _AGGREGATES[part.column]
        text = shape.format(only) if "{0}" in shape else shape + only
        outputs.append(f"({text})::float8")
        values += more
    rows, parameters = asked.rows(columns)
    statement = f"SELECT at, grp, {', '.join(outputs)} FROM ({rows}) AS piece GROUP BY at, grp"  # noqa: S608
    for at, group, *figures in _fetched(statement, [*values, *parameters]):
        cell = answer.figures.setdefault((at, group), {})
        for part, figure in zip(asked.parts, figures, strict=True):
            if figure is not None:
                cell[part] = figure


def _histograms(answer: Answer, asked: _Question) -> None:
    outputs, values, tests, tested = [], [], [], []
    for part in asked.parts:
        test, more = asked.condition(part.selection)
        outputs.append(f"(sum(n) FILTER (WHERE {test}))::bigint")
        tests.append(f"({test})")
        values += more
        tested += more
    rows, parameters = asked.rows(["bins", "counts"])
    statement = (
        f"SELECT at, grp, bin, {', '.join(outputs)} FROM ({rows}) AS piece,"  # noqa: S608
        f" LATERAL unnest(bins, counts) AS spread(bin, n) WHERE {' OR '.join(tests)}"
        " GROUP BY at, grp, bin ORDER BY bin"
    )
    for at, group, number, *counts in _fetched(statement, [*values, *parameters, *tested]):
        cell = answer.bins.setdefault((at, group), {})
        for part, count in zip(asked.parts, counts, strict=True):
            if count:
                cell.setdefault(part, []).append((number, count))


def _fetched(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows

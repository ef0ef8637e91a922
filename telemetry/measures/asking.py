"""The statements behind measures: what many of them need of the same window, asked at once.

Each measure wants a few sums over a selection of rows. A row belongs to some of the selections,
which is its mask: the statement adds up by step, group and mask, and each selection is the sum of
the masks it is in. So every condition is looked at once a row, however many measures ask.
Histograms are taken apart bin by bin in a second statement of the same form; expanding them in
the select list costs half of what joining them laterally does.

Names of columns and tables come from closed sets, all values are parameters.
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
_LAST = "amount_last"
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
# The newest value: pairs of time and value compare by their time.
_PAIR = "ARRAY[date_part('epoch', last_at), amount_last]"
_AGGREGATES = {
    **{name: f"sum({name})::float8" for name in _SUMS},
    "amount_min": "min(amount_min)",
    "amount_max": "max(amount_max)",
    _LAST: f"max({_PAIR}) FILTER (WHERE amount_last IS NOT NULL)",
}
_COUNTS = {"": "total", "error": "errors", "warning": "warnings", "success": "successes"}
_MOST_BITS = 60
Cell = tuple[datetime | None, str]
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Part:
    """One column of the answer: this figure over these rows."""

    selection: Selection
    column: str


@dataclass(slots=True)
class Answer:
    """By step (None: the whole window) and group: a figure or the bins of each part."""

    figures: dict[Cell, dict[Part, float]] = field(default_factory=dict)
    bins: dict[Cell, dict[Part, dict[int, int]]] = field(default_factory=dict)

    def groups(self) -> list[str]:
        return list(dict.fromkeys(group for _, group in (*self.figures, *self.bins)))

    def figure(self, cell: Cell, part: Part) -> float | None:
        return self.figures.get(cell, {}).get(part)

    def histogram(self, cell: Cell, part: Part) -> dict[int, int]:
        return self.bins.get(cell, {}).get(part, {})


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
    for some in _by_selections(plain):
        _sums(answer, _Question(workspace_id, window, some, step, group_by))
    for some in _by_selections(spread):
        _histograms(answer, _Question(workspace_id, window, some, step, group_by))
    return answer


def _possible(part: Part) -> bool:
    return bool(part.selection.events) and all(part.selection.where.values())


def _by_selections(parts: Sequence[Part]) -> list[list[Part]]:
    """So many at once as a mask has bits; nearly always all."""
    keys = list(dict.fromkeys(_key(part.selection) for part in parts))
    groups = [set(keys[n : n + _MOST_BITS]) for n in range(0, len(keys), _MOST_BITS)]
    return [[part for part in parts if _key(part.selection) in group] for group in groups]


def _key(selection: Selection) -> Selection:
    """Which rows it is about: the status picks a column, not rows."""
    return Selection(selection.events, selection.where)


class _Question:
    def __init__(
        self,
        workspace_id: int | None,
        window: Sequence[Piece],
        parts: Sequence[Part],
        step: timedelta | None,
        group_by: str,
    ) -> None:
        self.workspace_id, self.window, self.parts = workspace_id, window, parts
        self.step, self.group_by = step, group_by
        keys = list(dict.fromkeys(_key(part.selection) for part in parts))
        self.selections = keys
        bits = {key: 1 << number for number, key in enumerate(keys)}
        self.bit_of = {part: bits[_key(part.selection)] for part in parts}

    def statement(
        self, columns: Sequence[str], outputs: Sequence[str], by: Sequence[str] = ()
    ) -> tuple[str, list[Any]]:
        """Rows of all pieces, one under the other, added up by step, group and mask."""
        mask, values = self._mask()
        keys = ["at"] if self.step is not None else []
        keys += ["grp"] if self.group_by else []
        keys += ["mask"] if len(self.selections) > 1 else []
        keys += by
        texts, parameters = [], []
        for piece in self.window:
            where, more = self._where()
            at, binned = self._at(piece)
            texts.append(
                f"SELECT {at} AS at, {self.group_by or 'NULL'} AS grp, {mask} AS mask,"  # noqa: S608
                f" {', '.join(columns)} FROM {piece.table}"
                f" WHERE {where} AND bucket >= %s AND bucket < %s"
            )
            parameters += [*binned, *values, *more, piece.start, piece.end]
        shown = [key if key in keys else f"NULL AS {key}" for key in ("at", "grp", "mask")]
        group = f" GROUP BY {', '.join(keys)}" if keys else ""
        return (
            f"SELECT {', '.join((*shown, *by, *outputs))}"  # noqa: S608
            f" FROM ({' UNION ALL '.join(texts)}) AS piece{group}",
            parameters,
        )

    def parts_of(self, mask: int | None) -> list[Part]:
        if mask is None:
            return list(self.parts)
        return [part for part, bit in self.bit_of.items() if mask & bit]

    def _mask(self) -> tuple[str, list[Any]]:
        """Which selections a row is in. A single one is a condition of its own."""
        if len(self.selections) == 1:
            return "NULL::bigint", []
        texts, values = [], []
        for number, selection in enumerate(self.selections):
            test, more = _condition(selection)
            texts.append(f"CASE WHEN {test} THEN {1 << number} ELSE 0 END")
            values += more
        return f"({' + '.join(texts)})::bigint", values

    def _where(self) -> tuple[str, list[Any]]:
        # One event of one workspace is what the index is made for.
        values: list[Any] = []
        where = "workspace_id IS NULL"
        if self.workspace_id is not None:
            where, values = "workspace_id = %s", [self.workspace_id]
        if len(self.selections) == 1:
            test, more = _condition(self.selections[0])
            return f"{where} AND {test}", [*values, *more]
        events = sorted({name for each in self.selections for name in each.events})
        if ANY[0] in events:
            return where, values
        return f"{where} AND event_type = ANY(%s)", [*values, events]

    def _at(self, piece: Piece) -> tuple[str, list[Any]]:
        if self.step is None:
            return "NULL", []
        if self.step == piece.grain:
            return "bucket", []
        return "date_bin(%s, bucket, %s)", [self.step, ORIGIN]


def _condition(selection: Selection) -> tuple[str, list[Any]]:
    tests, values = [], []
    for name, allowed in (("event_type", selection.events), *sorted(selection.where.items())):
        if allowed != ANY:
            tests.append(f"{name} = ANY(%s)")
            values.append(list(allowed))
    return " AND ".join(tests) or "true", values


def _sums(answer: Answer, asked: _Question) -> None:
    columns = sorted({part.column for part in asked.parts})
    read = [*columns, "last_at"] if _LAST in columns else columns
    places = {name: number for number, name in enumerate(columns)}
    newest: dict[tuple[Cell, Part], float] = {}
    for at, group, mask, *figures in _fetched(
        *asked.statement(read, [_AGGREGATES[name] for name in columns])
    ):
        cell = (at, group or "")
        found = answer.figures.setdefault(cell, {})
        for part in asked.parts_of(mask):
            figure = figures[places[part.column]]
            if figure is None:
                continue
            if part.column == _LAST:
                when, figure = figure
                if when < newest.get((cell, part), when):
                    continue
                newest[cell, part] = when
            found[part] = _joined(part.column, found.get(part), figure)


def _joined(column: str, before: float | None, figure: float) -> float:
    if before is None or column == _LAST:
        return figure
    if column == "amount_min":
        return min(before, figure)
    return max(before, figure) if column == "amount_max" else before + figure


def _histograms(answer: Answer, asked: _Question) -> None:
    statement = asked.statement(
        ["unnest(bins) AS bin", "unnest(counts) AS n"], ["sum(n)::bigint"], by=["bin"]
    )
    for at, group, mask, number, count in _fetched(*statement):
        found = answer.bins.setdefault((at, group or ""), {})
        for part in asked.parts_of(mask):
            bins = found.setdefault(part, {})
            bins[number] = bins.get(number, 0) + count


def _fetched(statement: str, parameters: Sequence[Any]) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: Rows = cursor.fetchall()
    return rows

"""One statement over rollups: rows of all pieces, added up by each cut.

Names of columns and tables come from closed sets, all values are parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from telemetry.measures.answers import Answer, Cell, Cut, Part, key_of
from telemetry.measures.grains import ORIGIN, STEPWISE, WINDOW, Piece
from telemetry.measures.kinds import ANY, Selection

_SECONDS = "extract(epoch FROM at)::bigint AS at"
_SPREAD = ("unnest(bins) AS bin", "unnest(counts) AS n")
Rows = list[tuple[Any, ...]]


@dataclass(slots=True)
class Asked:
    """A cut of one statement, and where its rows go."""

    cut: Cut
    answer: Answer
    by_mask: dict[int, list[Part]] = field(default_factory=dict)

    def cells(self, at: datetime | None, told: int, group: str | None) -> list[Cell]:
        found: list[Cell] = []
        if self.cut.stepped and told & STEPWISE:
            found.append((at, group or ""))
        if self.cut.whole and told & WINDOW:
            found.append((None, group or ""))
        return found


class Question:
    """One statement: rows of all pieces, one under the other, added up by each cut."""

    def __init__(
        self,
        workspace_id: int | None,
        window: Sequence[Piece],
        asked: Sequence[Asked],
        selections: Sequence[Selection],
        step: timedelta | None,
    ) -> None:
        self.workspace_id, self.window, self.step = workspace_id, window, step
        self.asked, self.selections = asked, selections
        self.bits = {key: 1 << number for number, key in enumerate(selections)}
        self.masked = len(selections) > 1
        self.dimensions = sorted({each.cut.group_by for each in asked} - {""})
        self.several_told = len({piece.told for piece in window}) > 1
        self.moments: dict[int, datetime] = {}
        self.columns = sorted({part.column for each in asked for part in each.cut.parts})

    def rows(
        self, columns: Sequence[str], outputs: Sequence[str], *, spread: bool = False
    ) -> Iterator[tuple[Asked, list[Cell], list[Part], Sequence[Any]]]:
        """Each row with the cut it is of, the cells it belongs to and the parts it is in."""
        by_set = {self._grouping(each.cut): place for place, each in enumerate(self.asked)}
        told_by_all = self.window[0].told
        first = 3 + len(self.dimensions)
        for row in _fetched(*self._statement(columns, outputs, spread=spread)):
            number = by_set[row[2]] if len(self.asked) > 1 else 0
            each = self.asked[number]
            group = row[3 + self.dimensions.index(each.cut.group_by)] if each.cut.group_by else ""
            mask = row[first + number] if self.masked else None
            parts = self._parts_of(each, mask)
            if parts:
                told = row[1] if self.several_told else told_by_all
                cells = each.cells(self._moment(row[0]), told, group)
                yield each, cells, parts, row[first + self._masks :]

    def _moment(self, seconds: int | None) -> datetime | None:
        """Steps come as seconds: reading one date a row would take as long as all the rest."""
        if seconds is not None and seconds not in self.moments:
            self.moments[seconds] = datetime.fromtimestamp(seconds, UTC)
        return self.moments[seconds] if seconds is not None else None

    @property
    def _masks(self) -> int:
        return len(self.asked) if self.masked else 0

    def _parts_of(self, asked: Asked, mask: int | None) -> list[Part]:
        if mask is None:
            return list(asked.cut.parts)
        if mask not in asked.by_mask:
            asked.by_mask[mask] = [
                part for part in asked.cut.parts if mask & self.bits[key_of(part.selection)]
            ]
        return asked.by_mask[mask]

    def _grouping(self, cut: Cut) -> int:
        """What PostgreSQL's GROUPING(at, dimensions…) says of this cut's rows."""
        named = [cut.stepped, *(name == cut.group_by for name in self.dimensions)]
        return int("".join("0" if each else "1" for each in named), 2)

    # --- The statement ------------------------------------------------------------------------

    def _statement(
        self, columns: Sequence[str], outputs: Sequence[str], *, spread: bool
    ) -> tuple[str, list[Any]]:
        """Masks are computed below a fence: else they would be once more for each bin, and for
        each cut."""
        mask, values = self._mask() if self.masked else ("", [])
        rows, parameters = self._pieces(columns)
        kept = ["at", "told", *self.dimensions]
        source = f"({rows}) AS piece"
        if self.masked:
            read = ", ".join(dict.fromkeys([*kept, *columns]))
            source = f"(SELECT {read}, {mask} AS mask FROM {source} OFFSET 0) AS masked"  # noqa: S608
        masks = [f"mask & {self._bits_of(each.cut)} AS mask_{n}" for n, each in self._numbered()]
        read = ", ".join(dict.fromkeys([*kept, *masks, *(_SPREAD if spread else columns)]))
        within = " WHERE mask <> 0" if self.masked else ""
        by = ["bin"] if spread else []
        grouped = [self._keys(number, each.cut) + by for number, each in enumerate(self.asked)]
        shown = self._shown(grouped)
        text = (
            f"SELECT {', '.join((*shown, *by, *outputs))}"  # noqa: S608
            f" FROM (SELECT {read} FROM {source}{within}) AS cut{_group_by(grouped)}"
        )
        if spread:
            # One row for each histogram, not for each of its bins.
            keys = ", ".join(f"key_{number}" for number in range(len(shown)))
            text = (
                f"SELECT {keys}, string_agg(bin || ' ' || n, ' ')"  # noqa: S608
                f" FROM ({text}) AS bins ({keys}, bin, n) GROUP BY {keys}"
            )
        return text, [*values, *parameters]

    def _numbered(self) -> list[tuple[int, Asked]]:
        return list(enumerate(self.asked)) if self.masked else []

    def _bits_of(self, cut: Cut) -> int:
        return sum({self.bits[key_of(part.selection)] for part in cut.parts})

    def _keys(self, number: int, cut: Cut) -> list[str]:
        keys = ["at"] if cut.stepped else []
        keys += ["told"] if self.several_told else []
        keys += [cut.group_by] if cut.group_by else []
        return keys + ([f"mask_{number}"] if self.masked else [])

    def _shown(self, grouped: Sequence[Sequence[str]]) -> list[str]:
        known = {key for keys in grouped for key in keys}
        which = f"GROUPING({', '.join(('at', *self.dimensions))})"
        shown = [_SECONDS if "at" in known else "NULL AS at", "told" if "told" in known else "0"]
        if "at" not in known:
            which = f"{1 << len(self.dimensions)} + {_grouping_of(self.dimensions)}"
        shown.append(which if len(self.asked) > 1 else "0")
        return [*shown, *self.dimensions, *(f"mask_{number}" for number, _ in self._numbered())]

    def _pieces(self, columns: Sequence[str]) -> tuple[str, list[Any]]:
        where, values = self._where()
        names = {name for each in self.selections for name in each.where} if self.masked else set()
        read = dict.fromkeys([*self.dimensions, *sorted(names), *columns])
        if self.masked:
            read["event_type"] = None
        texts, parameters = [], []
        for piece in self.window:
            at, binned = self._at(piece)
            texts.append(
                f"SELECT {at} AS at, {piece.told} AS told, {', '.join(read)} FROM {piece.table}"  # noqa: S608
                f" WHERE {where} AND bucket >= %s AND bucket < %s"
            )
            parameters += [*binned, *values, piece.start, piece.end]
        return " UNION ALL ".join(texts), parameters

    def _mask(self) -> tuple[str, list[Any]]:
        """Which selections a row is in: only those of its event are looked at."""
        found: dict[str, list[Selection]] = {}
        everywhere: list[Selection] = []
        for selection in self.selections:
            if selection.events == ANY:
                everywhere.append(selection)
            for name in () if selection.events == ANY else dict.fromkeys(selection.events):
                found.setdefault(name, []).append(selection)
        text, values = self._added(everywhere)
        cases = []
        for name, some in found.items():
            added, more = self._added(some)
            cases.append(f"WHEN %s THEN {added}")
            values += [name, *more]
        if cases:
            text += f" + CASE event_type {' '.join(cases)} ELSE 0 END"
        return f"({text})::bigint", values

    def _added(self, selections: Sequence[Selection]) -> tuple[str, list[Any]]:
        always = sum(self.bits[each] for each in selections if not each.where)
        texts, values = [f"{always}::bigint"], []
        for each in selections:
            if each.where:
                test, more = _condition(Selection(ANY, each.where))
                texts.append(f"CASE WHEN {test} THEN {self.bits[each]} ELSE 0 END")
                values += more
        return " + ".join(texts), values

    def _where(self) -> tuple[str, list[Any]]:
        # One event of one workspace is what the index is made for.
        values: list[Any] = []
        where = "workspace_id IS NULL"
        if self.workspace_id is not None:
            where, values = "workspace_id = %s", [self.workspace_id]
        if not self.masked:
            test, more = _condition(self.selections[0])
            return f"{where} AND {test}", [*values, *more]
        events = sorted({name for each in self.selections for name in each.events})
        if ANY[0] in events:
            return where, values
        return f"{where} AND event_type = ANY(%s)", [*values, events]

    def _at(self, piece: Piece) -> tuple[str, list[Any]]:
        if self.step is None:
            return "NULL::timestamptz", []
        if self.step == piece.grain:
            return "bucket", []
        return "date_bin(%s, bucket, %s)", [self.step, ORIGIN]


def _group_by(grouped: Sequence[Sequence[str]]) -> str:
    if len(grouped) == 1:
        return f" GROUP BY {', '.join(grouped[0])}" if grouped[0] else ""
    sets = ", ".join(f"({', '.join(keys)})" for keys in grouped)
    return f" GROUP BY GROUPING SETS ({sets})"


def _grouping_of(dimensions: Sequence[str]) -> str:
    return f"GROUPING({', '.join(dimensions)})" if dimensions else "0"


def _condition(selection: Selection) -> tuple[str, list[Any]]:
    tests, values = [], []
    for name, allowed in (("event_type", selection.events), *sorted(selection.where.items())):
        if allowed != ANY:
            tests.append(f"{name} = ANY(%s)")
            values.append(list(allowed))
    return " AND ".join(tests) or "true", values


def _fetched(statement: str, parameters: Sequence[Any]) -> Rows:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: Rows = cursor.fetchall()
    return rows

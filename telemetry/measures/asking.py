"""The statements behind measures: what many of them need of the same window, asked at once.

Each measure wants a few sums over a selection of rows. A row belongs to some of the selections,
which is its mask: the statement adds up by step, group and mask, and each selection is the sum of
the masks it is in. So every condition is looked at once a row, however many measures ask, and
whichever ways of splitting a page has: each is a grouping set of its own.
Histograms are taken apart bin by bin in a second statement of the same form; expanding them in
the select list costs half of what joining them laterally does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from telemetry.measures.answers import BINS, Answer, Cell, Cut, Part, key_of
from telemetry.measures.grains import Piece
from telemetry.measures.kinds import Selection
from telemetry.measures.statement import Asked, Question

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
_MOST_BITS = 60


def ask(
    workspace_id: int | None,
    window: Sequence[Piece],
    parts: Iterable[Part],
    *,
    step: timedelta | None = None,
    group_by: str = "",
) -> Answer:
    """Read these parts over this window."""
    cut = Cut(tuple(parts), group_by, stepped=step is not None, whole=step is None)
    [answer] = ask_all(workspace_id, window, [cut], step=step)
    return answer


def ask_all(
    workspace_id: int | None,
    window: Sequence[Piece],
    cuts: Sequence[Cut],
    *,
    step: timedelta | None = None,
) -> list[Answer]:
    """An answer to each cut. No two of them are of one dimension and alike in their steps."""
    answers = [Answer() for _ in cuts]
    if not window:
        return answers
    wanted = [tuple(dict.fromkeys(filter(_possible, cut.parts))) for cut in cuts]
    for spread, read in ((False, _sums), (True, _histograms)):
        some = [[p for p in parts if (p.column == BINS) == spread] for parts in wanted]
        for keys in _masks_full([part for parts in some for part in parts]):
            asked = [
                Asked(replace(cut, parts=kept), answer)
                for cut, answer, parts in zip(cuts, answers, some, strict=True)
                if (kept := tuple(part for part in parts if key_of(part.selection) in keys))
            ]
            read(Question(workspace_id, window, asked, list(keys), step))
    return answers


def _possible(part: Part) -> bool:
    return bool(part.selection.events) and all(part.selection.where.values())


def _masks_full(parts: Sequence[Part]) -> list[dict[Selection, None]]:
    """So many selections at once as a mask has bits; nearly always all."""
    keys = list(dict.fromkeys(key_of(part.selection) for part in parts))
    return [dict.fromkeys(keys[n : n + _MOST_BITS]) for n in range(0, len(keys), _MOST_BITS)]


def _sums(asked: Question) -> None:
    columns = asked.columns
    read = [*columns, "last_at"] if _LAST in columns else columns
    places = {name: number for number, name in enumerate(columns)}
    newest: dict[tuple[int, Cell, Part], float] = {}
    for one, cells, parts, figures in asked.rows(read, [_AGGREGATES[name] for name in columns]):
        for cell in cells:
            found = one.answer.figures.setdefault(cell, {})
            for part in parts:
                figure = figures[places[part.column]]
                if figure is None:
                    continue
                if part.column == _LAST:
                    when, figure = figure
                    if when < newest.get((id(one), cell, part), when):
                        continue
                    newest[id(one), cell, part] = when
                found[part] = _joined(part.column, found.get(part), figure)


def _joined(column: str, before: float | None, figure: float) -> float:
    if before is None or column == _LAST:
        return figure
    if column == "amount_min":
        return min(before, figure)
    return max(before, figure) if column == "amount_max" else before + figure


def _histograms(asked: Question) -> None:
    for one, cells, parts, (text,) in asked.rows(
        ["bins", "counts"], ["sum(n)::bigint"], spread=True
    ):
        if text is None:
            continue
        numbers = list(map(int, text.split()))
        histogram = dict(zip(numbers[::2], numbers[1::2], strict=True))
        for cell in cells:
            found = one.answer.bins.setdefault(cell, {})
            for part in parts:
                found[part] = _merged(found[part], histogram) if part in found else histogram


def _merged(some: Mapping[int, int], more: Mapping[int, int]) -> dict[int, int]:
    found = dict(some)
    for number, count in more.items():
        found[number] = found.get(number, 0) + count
    return found

"""From sums to figures: which parts a statistic needs, and what it makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from telemetry.measures.answers import BINS, Answer, Cell, Part, counted
from telemetry.measures.kinds import NO_DATA, QUANTILES, Filters, Measure, Reading, Selection
from telemetry.rollups import histogram


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one measure is read, narrowed by the question's filters."""

    measure: Measure
    of: tuple[Selection, ...]
    over: tuple[Selection, ...]
    alternative: tuple[Selection, ...]

    @classmethod
    def of_measure(cls, measure: Measure, filters: Filters) -> Recipe:
        return cls(
            measure,
            tuple(each.narrowed(filters) for each in measure.numerator),
            tuple(each.narrowed(filters) for each in measure.denominator),
            tuple(each.narrowed(filters) for each in measure.alternative),
        )

    def parts(self) -> list[Part]:
        columns = _COLUMNS[self.measure.statistic]
        found = [
            counted(each) if column == "n" else Part(each, column)
            for each in self.of
            for column in columns
        ]
        return found + [counted(each) for each in (*self.over, *self.alternative)]

    def reading(self, answer: Answer, cell: Cell, length: timedelta) -> Reading:
        """The figure of one cell, which is `length` long."""
        return _FIGURES[self.measure.statistic](self, answer, cell, length)

    # --- parts of the answer ------------------------------------------------------------------

    def added(self, answer: Answer, cell: Cell, column: str) -> float | None:
        return _added(answer, cell, [Part(each, column) for each in self.of])

    def number(self, answer: Answer, cell: Cell) -> float | None:
        found = _added(answer, cell, [counted(each) for each in self.of])
        other = _added(answer, cell, [counted(each) for each in self.alternative])
        return found if other is None else max(found or 0.0, other)

    def whole(self, answer: Answer, cell: Cell) -> float | None:
        return _added(answer, cell, [counted(each) for each in self.over])


def _added(answer: Answer, cell: Cell, parts: Sequence[Part]) -> float | None:
    """The sum of what is there; None where nothing is."""
    known = [x for part in parts if (x := answer.figure(cell, part)) is not None]
    return sum(known) if known else None


Figure = Callable[[Recipe, Answer, Cell, timedelta], Reading]


def _count(recipe: Recipe, answer: Answer, cell: Cell, length: timedelta) -> Reading:
    """None of them is a figure where something else tells that somebody reports."""
    number = recipe.number(answer, cell)
    whole = recipe.whole(answer, cell)
    if not number and not whole and (number is None or recipe.over):
        return NO_DATA
    return Reading((number or 0.0) * recipe.measure.scale, int(whole or number or 0))


def _rate_of_time(unit: timedelta) -> Figure:
    def figure(recipe: Recipe, answer: Answer, cell: Cell, length: timedelta) -> Reading:
        found = _count(recipe, answer, cell, length)
        if found.value is None or not length:
            return NO_DATA
        return Reading(found.value * (unit / length), found.sample)

    return figure


def _errors(recipe: Recipe, answer: Answer, cell: Cell, length: timedelta) -> Reading:
    total = recipe.added(answer, cell, "total")
    if not total:
        return NO_DATA
    return Reading(100.0 * (recipe.added(answer, cell, "errors") or 0.0) / total, int(total))


def _successes(recipe: Recipe, answer: Answer, cell: Cell, length: timedelta) -> Reading:
    """Of what ended one way or the other: what is still under way is neither."""
    good = recipe.added(answer, cell, "successes") or 0.0
    whole = good + (recipe.added(answer, cell, "errors") or 0.0)
    return Reading(100.0 * good / whole, int(whole)) if whole else NO_DATA


def _ratio(recipe: Recipe, answer: Answer, cell: Cell, length: timedelta) -> Reading:
    whole = recipe.whole(answer, cell)
    if not whole:
        return NO_DATA
    factor = 100.0 if recipe.measure.unit == "%" else recipe.measure.scale
    return Reading(factor * (recipe.number(answer, cell) or 0.0) / whole, int(whole))


def _sum(recipe: Recipe, answer: Answer, cell: Cell, length: timedelta) -> Reading:
    amounts = recipe.added(answer, cell, "amounts")
    if not amounts:
        whole = recipe.whole(answer, cell)
        return Reading(0.0, int(whole)) if whole else NO_DATA
    total = recipe.added(answer, cell, "amount_sum") or 0.0
    return Reading(total * recipe.measure.scale, int(amounts))


def _mean_of(total: str, number: str) -> Figure:
    def figure(recipe: Recipe, answer: Answer, cell: Cell, length: timedelta) -> Reading:
        known = recipe.added(answer, cell, number)
        if not known:
            return NO_DATA
        mean = (recipe.added(answer, cell, total) or 0.0) / known
        return Reading(mean * recipe.measure.scale, int(known))

    return figure


def _one_of(column: str, choose: Callable[[list[float]], float]) -> Figure:
    def figure(recipe: Recipe, answer: Answer, cell: Cell, length: timedelta) -> Reading:
        parts = [Part(each, column) for each in recipe.of]
        known = [x for part in parts if (x := answer.figure(cell, part)) is not None]
        if not known:
            return NO_DATA
        amounts = recipe.added(answer, cell, "amounts") or 0.0
        return Reading(choose(known) * recipe.measure.scale, int(amounts))

    return figure


def _quantile(share: float) -> Figure:
    def figure(recipe: Recipe, answer: Answer, cell: Cell, length: timedelta) -> Reading:
        bins: Counter[int] = Counter()
        for each in recipe.of:
            bins.update(answer.histogram(cell, Part(each, BINS)))
        value = histogram.quantile(bins, share)
        if value is None:
            return NO_DATA
        return Reading(value * recipe.measure.scale, sum(bins.values()))

    return figure


_COUNTED = (_count, ("n",))
_KINDS: dict[str, tuple[Figure, tuple[str, ...]]] = {
    "count": _COUNTED,
    "per_minute": (_rate_of_time(timedelta(minutes=1)), ("n",)),
    "per_hour": (_rate_of_time(timedelta(hours=1)), ("n",)),
    "error_rate": (_errors, ("total", "errors")),
    "success_rate": (_successes, ("successes", "errors")),
    "ratio": (_ratio, ("n",)),
    "sum": (_sum, ("amount_sum", "amounts")),
    "mean": (_mean_of("amount_sum", "amounts"), ("amount_sum", "amounts")),
    "mean_ms": (_mean_of("duration_sum", "durations"), ("duration_sum", "durations")),
    "min": (_one_of("amount_min", min), ("amount_min", "amounts")),
    "max": (_one_of("amount_max", max), ("amount_max", "amounts")),
    "last": (_one_of("amount_last", lambda known: known[-1]), ("amount_last", "amounts")),
    **{name: (_quantile(share), (BINS,)) for name, share in QUANTILES.items()},
}
_FIGURES = {name: figure for name, (figure, _) in _KINDS.items()}
_COLUMNS = {name: columns for name, (_, columns) in _KINDS.items()}
ROLLED = frozenset(_KINDS)

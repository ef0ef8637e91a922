"""What is asked of rollups and what comes back: parts, ways to cut them, cells with figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from telemetry.measures.kinds import Selection

BINS = "bins"
_COUNTS = {"": "total", "error": "errors", "warning": "warnings", "success": "successes"}
Cell = tuple[datetime | None, str]


@dataclass(frozen=True, slots=True)
class Part:
    """One column of the answer: this figure over these rows."""

    selection: Selection
    column: str

    def __hash__(self) -> int:
        return hash(self.selection) ^ hash(self.column)


@dataclass(frozen=True, slots=True)
class Cut:
    """One way of adding up: by this dimension, by step, of the whole window, or both at once."""

    parts: tuple[Part, ...]
    group_by: str = ""
    stepped: bool = False
    whole: bool = True


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


def key_of(selection: Selection) -> Selection:
    """Which rows it is about: the status picks a column, not rows."""
    return Selection(selection.events, selection.where)

"""Key figures: their formulas, their rows, and what a miss leads to."""

from telemetry.kpis.asking import compute_now, newest
from telemetry.kpis.board import Line, board, shown_to
from telemetry.kpis.periods import Period, period_of
from telemetry.kpis.rows import refresh

__all__ = ["Line", "Period", "board", "compute_now", "newest", "period_of", "refresh", "shown_to"]

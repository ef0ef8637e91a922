"""Fewer points than pixels, and no peak lost.

Of each column of pixels the first, lowest, highest and last point stay: drawn at that width the
line is the same line. Averages would hide the one bad minute a chart is looked at for. A gap in a
column stays a gap.
"""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float | None]
COLUMNS = 320
LIMIT = COLUMNS * 4


def thin(points: Sequence[Point], columns: int = COLUMNS, limit: int = LIMIT) -> list[Point]:
    """`points`, sorted by x, as at most 5 per column; untouched where they are few."""
    if len(points) <= limit:
        return list(points)
    start, end = points[0][0], points[-1][0]
    width = (end - start) / columns or 1.0
    kept: list[Point] = []
    column: list[Point] = []
    current = 0
    for point in points:
        index = min(columns - 1, int((point[0] - start) / width))
        if index != current and column:
            kept += _corners(column)
            column = []
        current = index
        column.append(point)
    return kept + _corners(column)


def _corners(column: list[Point]) -> list[Point]:
    measured = [(value, index) for index, (_, value) in enumerate(column) if value is not None]
    if not measured:
        return column[:1]
    wanted = {measured[0][1], measured[-1][1], min(measured)[1], max(measured)[1]}
    gap = next((index for index, (_, value) in enumerate(column) if value is None), None)
    if gap is not None:
        wanted.add(gap)
    return [column[index] for index in sorted(wanted)]


def segments(points: Sequence[Point], gap: float | None = None) -> list[list[tuple[float, float]]]:
    """Runs of measured points; None, or a pause longer than `gap`, ends one."""
    runs: list[list[tuple[float, float]]] = [[]]
    for x, value in points:
        if value is None:
            runs.append([])
            continue
        if gap is not None and runs[-1] and x - runs[-1][-1][0] > gap:
            runs.append([])
        runs[-1].append((x, value))
    return [run for run in runs if run]

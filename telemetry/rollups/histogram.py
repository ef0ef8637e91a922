"""Durations as counts per logarithmic bin: the bins of any two histograms can be added, and a
quantile read from the sum is at most 2 % off, however many were added.

The SQL that fills them computes `bin_of` itself; a test holds the two together.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

RATIO = 1.04
LEAST_MS = 0.01  # nothing that a clock measures is shorter
_LOG = math.log(RATIO)


def bin_of(ms: float) -> int:
    return math.ceil(math.log(max(ms, LEAST_MS)) / _LOG)


def value_of(bin_: int) -> float:
    """The milliseconds a bin stands for: equally far, in proportion, from both its ends."""
    return 2 * RATIO**bin_ / (1 + RATIO)


def merge(parts: Iterable[tuple[Sequence[int], Sequence[int]]]) -> dict[int, int]:
    """Add histograms, each as a rollup keeps it: (bins, counts)."""
    found: Counter[int] = Counter()
    for bins, counts in parts:
        for bin_, count in zip(bins, counts, strict=True):
            found[bin_] += count
    return dict(found)


def quantile(histogram: Mapping[int, int], q: float) -> float | None:
    """The smallest value that at least the share `q` of all are no longer than. None of nothing."""
    whole = sum(histogram.values())
    if whole <= 0:
        return None
    # The nearest rank; the rounding keeps 0.95 * 100 from being a little more than 95.
    rank = max(1, math.ceil(round(q * whole, 6)))
    for bin_ in sorted(histogram):
        rank -= histogram[bin_]
        if rank <= 0:
            return value_of(bin_)
    return value_of(max(histogram))

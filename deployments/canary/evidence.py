"""How much a share above its limit is proven, at every look, without the looks adding up to noise.

A test of "is the rate above 2 %?" repeated each minute finds something in the end, whatever the
truth. So the judge keeps a bet instead of a p-value: `e` says by how much a gambler who bet on
"worse than the limit" has multiplied the stake. If the rate is at or below the limit, the chance
that the stake ever grows to 1/alpha is at most alpha, however often one looks.

Two bets run side by side, each spread evenly over how much worse it might be:

- `total` counts from the beginning of a step: strongest for what is broken from the start;
- `recent` (Shiryaev-Roberts) begins anew at each look: it hears of what breaks late, under a long
  good history that would outweigh it in the first.

Kept as logarithms: both pass what a float can hold within an hour of heavy traffic.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp, inf, log, log1p, sqrt
from typing import Any

# How much worse than the limit it might be. Those that pass `HIGHEST` as a share are left out.
FACTORS = (1.25, 1.5, 2, 3, 4, 6, 9, 14, 22, 35, 45)
HIGHEST = 0.95


@lru_cache(maxsize=256)
def stakes(limit: float) -> tuple[tuple[float, float], ...]:
    """What one failed and one good request add to the logarithm of each bet."""
    shares = [limit * factor for factor in FACTORS if limit * factor < HIGHEST]
    return tuple((log(share / limit), log((1 - share) / (1 - limit))) for share in shares)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of one share in one step so far."""

    n: int = 0
    bad: int = 0
    # Looks in a row at which the share of all so far was above the limit, and of enough requests.
    above: int = 0
    total: tuple[float, ...] = ()
    recent: tuple[float, ...] = ()

    @property
    def share(self) -> float:
        return self.bad / self.n if self.n else 0.0

    def after(self, n: int, bad: int, *, limit: float, enough: int = 0) -> Evidence:
        """With one look more."""
        bets = stakes(limit)
        total = self.total or (0.0,) * len(bets)
        recent = self.recent or (-inf,) * len(bets)
        added = [bad * lost + (n - bad) * won for lost, won in bets]
        all_n, all_bad = self.n + n, self.bad + bad
        return Evidence(
            n=all_n,
            bad=all_bad,
            above=self.above + 1 if all_n >= enough and all_bad > limit * all_n else 0,
            total=tuple(old + more for old, more in zip(total, added, strict=True)),
            recent=tuple(_plus_one(old) + more for old, more in zip(recent, added, strict=True)),
        )

    @property
    def log_total(self) -> float:
        return _log_mean(self.total)

    @property
    def log_recent(self) -> float:
        return _log_mean(self.recent)

    def written(self) -> dict[str, Any]:
        """As JSON, which has no minus infinity: a bet that never began is null."""
        return {
            "n": self.n,
            "bad": self.bad,
            "above": self.above,
            "total": list(self.total),
            "recent": [None if value == -inf else value for value in self.recent],
        }

    @classmethod
    def read(cls, given: dict[str, Any]) -> Evidence:
        if not given:
            return cls()
        return cls(
            n=given["n"],
            bad=given["bad"],
            above=given["above"],
            total=tuple(given["total"]),
            recent=tuple(-inf if value is None else value for value in given["recent"]),
        )


def _plus_one(logarithm: float) -> float:
    """log(1 + exp(x)), where exp(x) may be too large for a float."""
    if logarithm > 36:  # one more is lost in its last digit
        return logarithm
    return log1p(exp(logarithm))


def _log_mean(logarithms: tuple[float, ...]) -> float:
    """The logarithm of the mean of what the given are logarithms of."""
    if not logarithms or (largest := max(logarithms)) == -inf:
        return 0.0 if not logarithms else -inf
    return largest + log(sum(exp(each - largest) for each in logarithms) / len(logarithms))


def interval(bad: int, n: int, *, z: float = 2.5758) -> tuple[float, float]:
    """Wilson's interval of a share, at 99 % unless said otherwise: for people to see. The judge
    decides by its bets, since this one does not stand being looked at every minute."""
    if not n:
        return 0.0, 1.0
    share, zz = bad / n, z * z
    middle = (share + zz / (2 * n)) / (1 + zz / n)
    half = z * sqrt(share * (1 - share) / n + zz / (4 * n * n)) / (1 + zz / n)
    # The share itself is inside; only rounding could put it out.
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))

"""Figures of one way of asking, each beside what the other server came to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from controlplane.base.bench import Row
from missions.threads.benches.driving import Heard
from missions.threads.benches.report import percentile
from missions.threads.benches.serving import Cpu

BASELINE = "DRF and ORM"


@dataclass(slots=True)
class Found:
    """What one way of asking came to, over all rounds."""

    heard: Heard = field(default_factory=Heard)
    cpu: Cpu = field(default_factory=lambda: Cpu(0.0, 0.0))

    def add(self, found: tuple[Heard, Cpu]) -> None:
        self.heard.add(found[0])
        self.cpu = self.cpu.plus(found[1])


def posts(name: str, ours: Found, other: Found, baseline: str = BASELINE) -> Iterator[Row]:
    yield Row(
        f"posts, {name}", ours.heard.posts_per_second, "posts/s", baseline,
        other.heard.posts_per_second,
    )  # fmt: skip
    yield from _cpu(f"a post, {name}", ours, other, lambda f: len(f.heard.post), baseline)


def pairs(name: str, ours: Found, other: Found, baseline: str = BASELINE) -> Iterator[Row]:
    for what in ("post", "read", "visible"):
        title = "post to visible" if what == "visible" else what
        for share in (0.5, 0.95):
            yield Row(
                f"{title} p{share * 100:.0f}, {name}",
                percentile(getattr(ours.heard, what), share), "ms",
                baseline, percentile(getattr(other.heard, what), share),
            )  # fmt: skip
    yield Row(
        f"errors, {name}", ours.heard.errors, f"of {len(ours.heard.post):,} pairs",
        note=f"{baseline}: {other.heard.errors} beside {len(other.heard.post):,}",
    )  # fmt: skip


def pages(name: str, ours: Found, other: Found, baseline: str = BASELINE) -> Iterator[Row]:
    def rate(found: Found) -> float:
        return len(found.heard.read) / found.heard.seconds

    yield Row(f"reads of 50, {name}", rate(ours), "reads/s", baseline, rate(other))
    yield from _cpu(f"a read of 50, {name}", ours, other, lambda f: len(f.heard.read), baseline)


def _cpu(
    figure: str, ours: Found, other: Found, count: Callable[[Found], int], baseline: str
) -> Iterator[Row]:
    def each(found: Found, seconds: float) -> float:
        return seconds / max(1, count(found)) * 1_000

    yield Row(
        f"CPU of the web process for {figure}", each(ours, ours.cpu.web), "ms", baseline,
        each(other, other.cpu.web),
    )  # fmt: skip
    if ours.cpu.database is not None and other.cpu.database is not None:
        yield Row(
            f"CPU of PostgreSQL for {figure}", each(ours, ours.cpu.database), "ms", baseline,
            each(other, other.cpu.database),
        )  # fmt: skip

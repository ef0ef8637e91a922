"""Telemetry's own counters on `/metrics`, and the names kept for what apps above will count.

Nothing is counted here before it happens: a name that is only reserved is not on the page, since
a zero would say that there were none.
"""

from __future__ import annotations

import time
from collections import Counter as Counts
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

# First the package that settles where values live; the client decides when it is imported.
from controlplane.jobs import metrics as _settled  # noqa: F401  # isort: skip
from prometheus_client import Counter, Histogram

from controlplane.lib.errors import Unavailable

if TYPE_CHECKING:
    from telemetry.ingest.receipts import Receipt

EVENTS = Counter(
    "controlplane_telemetry_events",
    "Events by who sent them and what became of them.",
    ["sender", "fate"],
)
INGEST = Histogram(
    "controlplane_telemetry_ingest_duration_seconds",
    "Time to take in a batch.",
    ["sender"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
REDACTIONS = Counter(
    "controlplane_telemetry_redactions", "Values replaced in events, by kind.", ["kind"]
)
TURNED_AWAY = Counter(
    "controlplane_telemetry_turned_away", "Batches answered with 503: the portal asked to wait."
)


@contextmanager
def timed(sender: str) -> Iterator[None]:
    """Around a batch of this kind of sender. What raises is no batch that was taken."""
    began = time.perf_counter()
    try:
        yield
    except Unavailable:
        TURNED_AWAY.inc()
        raise
    INGEST.labels(sender).observe(time.perf_counter() - began)


def count(sender: str, receipt: Receipt) -> None:
    for fate, number in (
        ("accepted", receipt.accepted),
        ("duplicate", receipt.duplicates),
        ("rejected", receipt.rejected),
    ):
        if number:
            EVENTS.labels(sender, fate).inc(number)
    kinds: Counts[str] = receipt.kinds
    for kind, number in kinds.items():
        REDACTIONS.labels(kind).inc(number)


@dataclass(frozen=True, slots=True)
class Reserved:
    """A name that an app above will fill: its type, labels and what it says."""

    type: str
    labels: tuple[str, ...]
    help: str


# What the bridge's plan asks of threads. That app makes them under these names when it comes.
RESERVED: dict[str, Reserved] = {
    "controlplane_messages_posted": Reserved("counter", ("kind",), "Messages posted."),
    "controlplane_thread_read_duration_seconds": Reserved(
        "histogram", (), "Time to read a thread's messages."
    ),
    "controlplane_deliveries": Reserved(
        "counter", ("way", "result"), "Wakes and pushes attempted, delivered or failed."
    ),
    "controlplane_threads": Reserved("gauge", ("state",), "Threads by state."),
    "controlplane_thread_escalations": Reserved("counter", ("reason",), "Threads escalated."),
    "controlplane_thread_loops": Reserved("counter", ("rule",), "Loops detected."),
    "controlplane_wake_attempts": Reserved(
        "counter", ("result",), "Wakes: triggered, already_active, failed, fallback_spawned."
    ),
}

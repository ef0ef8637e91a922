"""What `/metrics` says of threads, under the names that were kept for it."""

from __future__ import annotations

# First the package that settles where values live; the client decides when it is imported.
from controlplane.jobs import metrics as _settled  # noqa: F401  # isort: skip
from prometheus_client import Counter, Gauge, Histogram

POSTED = Counter("controlplane_messages_posted", "Messages posted.", ["kind"])
REFUSED = Counter("controlplane_messages_refused", "Messages that were not taken.", ["code"])
POST_SECONDS = Histogram(
    "controlplane_thread_post_duration_seconds",
    "Time to post a message.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0),
)
READ_SECONDS = Histogram(
    "controlplane_thread_read_duration_seconds",
    "Time to read a thread's messages.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0),
)
DELIVERIES = Counter(
    "controlplane_deliveries",
    "Wakes and pushes attempted, delivered or failed.",
    ["way", "result"],
)
ESCALATIONS = Counter("controlplane_thread_escalations", "Threads escalated.", ["reason"])
LOOPS = Counter("controlplane_thread_loops", "Loops detected.", ["rule"])
WAKES = Counter(
    "controlplane_wake_attempts",
    "Wakes: triggered, already_active, failed, fallback_spawned.",
    ["result"],
)
UNTOLD = Counter(
    "controlplane_wakes_untold", "Wakes that could not be stored as events and were left out."
)
HELD = Counter("controlplane_wakes_held", "Wakes held back, by what they wait for.", ["reason"])
WAKE_SECONDS = Histogram(
    "controlplane_message_to_wake_seconds",
    "From a message to the moment when its sleeping reader was reached.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0),
)
WAITING = Gauge(
    "controlplane_thread_waiting",
    "Readers that wait for messages, by long-poll, stream or listening.",
    ["way"],
    multiprocess_mode="livesum",
)

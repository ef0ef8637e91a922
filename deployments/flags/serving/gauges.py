"""What `/metrics` says of flags. Written to the shared files of all processes, so that it counts
while the database is away."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from deployments.flags.serving.store import Store

AGE = Gauge(
    "controlplane_flags_snapshot_age_seconds",
    "How long ago the process furthest behind compared its flags with the database.",
    multiprocess_mode="livemax",
)
HELD = Gauge(
    "controlplane_flags_environments_held",
    "Environments whose flags a process holds, at most.",
    multiprocess_mode="livemax",
)
UNREADABLE = Gauge(
    "controlplane_flags_unreadable",
    "Flags that are off because their rows can't be read, in the process that holds most.",
    multiprocess_mode="livemax",
)
STREAMS = Gauge(
    "controlplane_flags_streams",
    "SDKs that are told of changes as they happen.",
    multiprocess_mode="livesum",
)
EVALUATIONS = Counter(
    "controlplane_flags_evaluations_total", "Flags evaluated for others, by door.", ["door"]
)
UNCHANGED = Counter(
    "controlplane_flags_unchanged_total",
    "Answers that nothing has changed, without evaluating anything, by door.",
    ["door"],
)
READ_SECONDS = Histogram(
    "controlplane_flags_read_seconds",
    "Time to read an environment's flags after a change.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0),
)


def watched(store: Store) -> None:
    state = store.state()
    AGE.set(state.age)
    HELD.set(state.environments)
    UNREADABLE.set(sum(len(each.unreadable) for each in store.held()))

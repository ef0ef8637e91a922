"""What the telemetry analyst owes."""

from __future__ import annotations

from controlplane.jobs import obligations

obligations.register(
    "telemetry.weekly_audit",
    title="Read and sign the weekly telemetry audit",
    owner_role="telemetry_analyst",
    cadence="weekly",
    evidence="The signed run: its coverage, its gaps and who works on them.",
    why="A gap found within the week can still be filled; at a quarter's end it can't.",
)
obligations.register(
    "telemetry.spot_check",
    title="Look over System Health, Mission Lifecycle and Integration Health",
    owner_role="telemetry_analyst",
    cadence="weekly",
    evidence="A health snapshot, and what was noticed on each of the three dashboards.",
    why="Somebody who knows these dashboards sees what no threshold was set for.",
)

"""What deployments keep about people, and for how long they keep what."""

from __future__ import annotations

from controlplane.base.personal import holds, nothing, rows_of
from controlplane.base.retention import keep_always

holds(
    "deployments.watched",
    "deployments.deployment",
    "which deployments somebody watched",
    rows_of("deployments.deployment", "watcher_id", "ref", "title", "status", "started_at"),
    "part of the record of the release; the name goes with the account",
)
nothing(
    "deployments.parts",
    "deployments.deploymentcomponent",
    "deployments.gate",
    "deployments.step",
    "deployments.stepattempt",
    "deployments.snapshot",
    "deployments.adapter",
    "deployments.freeze",
    why="who did it stands there by an opaque ref; what was pasted is redacted",
)
keep_always(
    "deployments.record",
    "deployments.deployment",
    "deployments.deploymentcomponent",
    "deployments.gate",
    "deployments.step",
    "deployments.stepattempt",
    "deployments.snapshot",
    "deployments.adapter",
    "deployments.freeze",
    why="what ran where and when, who let it and what was seen: evidence behind every incident",
)

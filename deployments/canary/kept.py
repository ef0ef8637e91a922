"""What rollouts keep about people, and for how long they keep what."""

from __future__ import annotations

from controlplane.base.data_rules import Reach
from controlplane.base.personal import nothing
from controlplane.base.retention import keep_always, keep_rows

nothing(
    "canary.rollouts",
    "deployments.rollout",
    "deployments.rolloutstep",
    "deployments.rolloutsample",
    "deployments.rolloutevent",
    why="who planned, promoted and decided stands there by an opaque ref; figures are sums",
)
keep_always(
    "canary.rollouts",
    "deployments.rollout",
    "deployments.rolloutstep",
    "deployments.rolloutevent",
    why="how a release came to everybody, or did not: what later rollouts are compared with",
)
keep_rows(
    "canary.samples",
    "deployments.rolloutsample",
    "at",
    days=400,
    what="measurements of canaries",
    why="the curves of a rollout, for a year's comparison; its verdicts and snapshots stay",
    reach=Reach(workspace="step__rollout__workspace_id"),
)

"""The playbooks' numbers."""

from __future__ import annotations

from controlplane.lib import defaults

WATCH = defaults.define(
    "deployments.watch_minutes",
    30,
    unit="minutes",
    why="The playbook watches error rate and latency for half an hour after a deployment.",
)
WATCH_TIER_3 = defaults.define(
    "deployments.watch_minutes_tier_3",
    60,
    unit="minutes",
    why="A tier 3 release is watched for a whole hour.",
)
DOCS_HOURS = defaults.define(
    "deployments.docs_hours",
    24,
    unit="hours",
    why="A hotfix is documented within a day of being live.",
)
DOCS_NAG_HOURS = defaults.define(
    "deployments.docs_nag_hours",
    4,
    unit="hours",
    why="Reminded of six times before it is late, and as often each day after.",
)
AUDIT_DAYS = defaults.define(
    "deployments.audit_fresh_days",
    7,
    unit="days",
    why="The telemetry audit is weekly; an older one is last week's.",
)
MAX_ERROR_RATE = defaults.define(
    "deployments.max_error_rate",
    0.02,
    unit="share",
    why="The playbook's trigger for a rollback: more than 2 % of requests fail.",
)
MAX_SLOWDOWN = defaults.define(
    "deployments.max_slowdown",
    2.0,
    unit="times",
    why="The playbook's trigger for a rollback: p95 above twice what it was before.",
)
MIN_REQUESTS = defaults.define(
    "deployments.min_requests",
    50,
    unit="requests",
    why="Two rates of fewer requests say nothing; the verdict is then that nobody knows.",
)
SNAPSHOT_MINUTES = defaults.define(
    "deployments.snapshot_minutes",
    30,
    unit="minutes",
    why="As long before as is watched after, so that the two can be compared.",
)
LOOK_MINUTES = defaults.define(
    "deployments.look_minutes",
    5,
    unit="minutes",
    why="How often a deployment that is watched is looked at for a breach.",
)
OUTPUT_CHARS = defaults.define(
    "deployments.output_chars",
    64_000,
    unit="characters",
    why="The end of a long log tells what went wrong; the whole stands at the pipeline.",
)
LOG_SECONDS = defaults.define(
    "deployments.log_seconds",
    1.0,
    unit="seconds",
    why="How often a running command's log is written down for those who look on.",
)
LEASE_SECONDS = defaults.define(
    "deployments.step_lease_s",
    30.0,
    unit="seconds",
    why="A worker that runs a step says so this often; silent for longer, it is taken for dead.",
)
UNCLAIMED_SECONDS = defaults.define(
    "deployments.step_unclaimed_s",
    15.0,
    unit="seconds",
    why="A step nobody began after this long is offered to the workers again.",
)
HEALTH_SECONDS = defaults.define(
    "deployments.health_timeout_s",
    10.0,
    unit="seconds",
    why="A health address that takes longer is not healthy.",
)
RELEASES_MIN = defaults.define(
    "deployments.releases_per_week_min",
    2,
    unit="releases",
    why="Production is released two or three times a week; the upper end is the environment's.",
)
LAUNCH_BASELINE_DAYS = defaults.define(
    "deployments.launch_baseline_days",
    84,
    unit="days",
    why="Twelve weeks before a launch tell what was usual, whatever one week was like.",
)
LAUNCH_REVIEW_DAYS = defaults.define(
    "deployments.launch_review_days",
    14,
    unit="days",
    why="The playbook reviews a launch within two weeks of it.",
)
DORA_LEAST = defaults.define(
    "deployments.dora_least",
    5,
    unit="changes",
    why="The middle of fewer, or the share of them that failed, is one change's luck.",
)

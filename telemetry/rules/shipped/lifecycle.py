"""Missions: how they get on, and whether they stay safe. Judged over a week, looked at every few
minutes."""

from __future__ import annotations

from telemetry.rules.shipped.form import HOUR, WEEK, rule

_REGRESSION = {"comment_on_release": True}

rule(
    "stage-completion",
    "Missions get stuck in a stage",
    "warning",
    "stage.completion",
    "lt",
    85.0,
    group_by="stage",
    window_s=WEEK,
    resolve_for_s=HOUR,
    min_sample=10,
    hooks=_REGRESSION,
    runbook="kpi_miss",
    about="Fewer than 85 % of the missions that entered a stage in a week went on.",
)
rule(
    "stage-duration",
    "A stage takes long",
    "warning",
    "stage.time_p50",
    "gt",
    multiple=2.0,
    group_by="stage",
    window_s=WEEK,
    resolve_for_s=HOUR,
    min_sample=10,
    hooks=_REGRESSION,
    runbook="kpi_miss",
    about="The median time in a stage is over twice what it was in four weeks.",
)
rule(
    "safeguard-violations",
    "Safeguards are violated",
    "warning",
    "safeguard.violations",
    "gt",
    5.0,
    window_s=WEEK,
    resolve_for_s=HOUR,
    min_sample=10,
    notify_roles=["governance_validator"],
    hooks=_REGRESSION,
    runbook="safeguard_violation",
    about="Over 5 % of the missions that executed had a finding nobody fixed.",
)
rule(
    "undo-failures",
    "Undo fails",
    "warning",
    "undo.failures",
    "gt",
    5.0,
    window_s=WEEK,
    resolve_for_s=HOUR,
    min_sample=10,
    notify_roles=["governance_validator"],
    hooks=_REGRESSION,
    runbook="undo_failure",
    about="Over 5 % of undo runs fail; the goal is 98 % success.",
)

"""What telemetry keeps about people, and for how long it keeps what."""

from __future__ import annotations

from controlplane.base.personal import nothing
from controlplane.base.retention import keep_always, keep_rows

# --- Alert rules --------------------------------------------------------------------------------

nothing(
    "telemetry.rules",
    "telemetry.alertrule",
    "telemetry.rulechange",
    why="names of rules; who changed one stands in the audit log",
)
keep_always(
    "telemetry.rules",
    "telemetry.alertrule",
    "telemetry.rulestate",
    "telemetry.rulereadings",
    why="what is asked and how it stands: a row a rule, series or workspace, replaced by the next",
)
keep_rows(
    "telemetry.rule_changes",
    "telemetry.rulechange",
    "at",
    days=365,
    why="alerts of a year: how often a rule fired, and whether its limit is the right one",
)

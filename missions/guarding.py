"""Numbers and tables of what guards a mission: safeguards, findings, overrides, toolkits."""

from __future__ import annotations

from controlplane.lib import defaults

COVERAGE = defaults.define(
    "missions.coverage_percent",
    85.0,
    unit="%",
    why="Below it plans are made on what is not there. A workspace's template data-coverage, or a "
    "mission's own safeguard from it, may ask for more or less.",
)
VERIFY_HOURS = defaults.define(
    "missions.verify_hours",
    24.0,
    unit="hours",
    why="Scopes that somebody widens outside are seen within a day.",
)
CONNECT_MINUTES = defaults.define(
    "missions.connect_minutes",
    30.0,
    unit="minutes",
    why="Whoever was sent to the provider's page has answered by then, or never will.",
)
INSPECTION_DAYS = defaults.define(
    "missions.inspection_days",
    30.0,
    unit="days",
    why="Older, and the data that was looked at is no longer the data that is there.",
)
OVERRIDE_DAYS = defaults.define(
    "missions.override_days",
    7.0,
    unit="days",
    why="An exception that nobody looks at again becomes the rule.",
)
OVERRIDE_DAYS_MOST = defaults.define(
    "missions.override_days_most", 30.0, unit="days", why="Longer than that is a change of policy."
)
SESSION_SILENT = defaults.define(
    "missions.session_silent_s",
    90.0,
    unit="seconds",
    why="Three heartbeats of 30 seconds that did not come.",
)

# What may be let pass at a gate, and in which role. Signatures, evidence, what was connected
# without a look and what is held beyond what was approved are let pass by nobody.
VALIDATOR, OPERATIONS = "governance_validator", "operations_command"
GATES: dict[str, str] = {
    "toolkits_decided": OPERATIONS,
    "scopes_fresh": OPERATIONS,
    "data_coverage": VALIDATOR,
    "findings_closed": VALIDATOR,
    "governance_green": VALIDATOR,
}
# For how grave a finding stops a mission whoever reports it.
GRAVE = ("high", "critical")
SEVERITIES = ("low", "medium", "high", "critical")
CATEGORIES: dict[str, str] = {
    "access": "Access and scopes",
    "brand": "Tone and brand",
    "compliance": "Law and compliance",
    "data": "Data and coverage",
    "money": "Money",
    "privacy": "Privacy",
    "rate": "Load and limits",
    "quality": "Quality",
    "safety": "Safety",
}
COVERAGE_TEMPLATE = "data-coverage"
# Figures of safeguards that the portal itself holds missions to.
PERCENT, RATE, OF_TOOLKIT = "minimum_percent", "max_calls_per_minute", "toolkit"


def graver(one: str, other: str) -> str:
    return max(one, other, key=SEVERITIES.index)

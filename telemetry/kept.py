"""What telemetry keeps about people, and for how long it keeps what."""

from __future__ import annotations

from controlplane.base.personal import nothing
from controlplane.base.retention import keep_always, keep_rows
from telemetry import trimming  # noqa: F401  (events and minutes)

# --- Events and what is summed up of them -------------------------------------------------------

nothing(
    "telemetry.events",
    "telemetry.event",
    "telemetry.refusal",
    "telemetry.partition",
    "telemetry.dirty",
    "telemetry.dirtymission",
    why="texts are redacted before they are stored; people stand there by a keyed pseudonym",
)
nothing(
    "telemetry.rollups",
    "telemetry.rollupminute",
    "telemetry.rolluphour",
    "telemetry.rollupday",
    "telemetry.missionday",
    why="sums",
)
keep_always(
    "telemetry.rollups",
    "telemetry.rolluphour",
    "telemetry.rollupday",
    "telemetry.missionday",
    "telemetry.partition",
    why="aggregates for ever, by the playbook; and which days there were",
)
keep_always(
    "telemetry.dirty", "telemetry.dirty", "telemetry.dirtymission", why="worked off in minutes"
)
keep_rows(
    "telemetry.refusals",
    "telemetry.refusal",
    "hour",
    days=90,
    what="telemetry that was refused",
    why="a quarter, to see whether a sender was mended",
)

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
    what="changes of telemetry alerts",
    why="alerts of a year: how often a rule fired, and whether its limit is the right one",
)

# --- Audits -------------------------------------------------------------------------------------

nothing(
    "telemetry.audits",
    "telemetry.auditrun",
    "telemetry.gap",
    why="what events lacked; who signed a run stands there by an opaque ref",
)
keep_rows(
    "telemetry.audit_runs",
    "telemetry.auditrun",
    "started_at",
    days=730,
    what="weekly audits of telemetry",
    why="two years of weekly audits, the evidence behind a sign-off; those a gap names stay",
    found__isnull=True,
)
keep_always(
    "telemetry.gaps",
    "telemetry.gap",
    why="one row for a rule and what it is about, reopened when it is found again",
)

# --- Key figures --------------------------------------------------------------------------------

nothing("telemetry.kpis", "telemetry.kpivalue", why="figures of whole workspaces")
keep_always(
    "telemetry.kpis",
    "telemetry.kpivalue",
    why="aggregates: a row for a figure and a period, which trends and reviews look back on",
)

# --- Tool sessions and health snapshots ---------------------------------------------------------

nothing(
    "telemetry.sessions",
    "telemetry.toolsession",
    "telemetry.healthsnapshot",
    why="sums of what agents did; who took a snapshot stands there by an opaque ref",
)
keep_rows(
    "telemetry.tool_sessions",
    "telemetry.toolsession",
    "last_at",
    days=365,
    what="tool sessions and what they cost",
    why="a year of what sessions cost; the events behind them go earlier",
)
keep_always(
    "telemetry.snapshots",
    "telemetry.healthsnapshot",
    why="one a day and workspace: what reviews and reports of incidents point at",
)

# --- Saved queries ------------------------------------------------------------------------------

nothing(
    "telemetry.queries",
    "telemetry.savedquery",
    why="names of questions; who saved one stands there by an opaque ref",
)
keep_always("telemetry.queries", "telemetry.savedquery", why="a workspace's own, until removed")

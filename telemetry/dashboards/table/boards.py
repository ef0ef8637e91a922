"""The boards of the mission guide: safeguards, undo, feedback."""

from __future__ import annotations

from telemetry.dashboards.kinds import Dashboard, Panel, define

define(
    Dashboard(
        slug="safeguard-compliance",
        title="Safeguard Compliance",
        about="What validators found, what mended itself, what people overrode and why.",
        headline="safeguard.violations",
        keywords=("validator", "overrides", "governance"),
        sources="Alerts and overrides that validators report.",
        panels=(
            Panel(
                "figures",
                "Compliance",
                "figures",
                (
                    "safeguard.violations",
                    "safeguard.auto_fix",
                    "safeguard.escalated",
                    "safeguard.alerts",
                    "safeguard.overrides",
                    "safeguard.edited",
                ),
                size="full",
            ),
            Panel("violations", "Missions with a violation", "lines", ("safeguard.violations",)),
            Panel("auto-fix", "Fixed by itself", "lines", ("safeguard.auto_fix",)),
            Panel(
                "reasons",
                "Override reasons",
                "bars",
                ("safeguard.overrides",),
                group_by="code",
                about="Why people asked to override a safeguard.",
            ),
            Panel(
                "outcomes",
                "Alerts, by what became of the fix",
                "bars",
                ("safeguard.alerts",),
                group_by="code",
            ),
            Panel(
                "governance",
                "Governance",
                "figures",
                (
                    "governance.overrides",
                    "safeguard.reviews",
                    "scopes.misaligned",
                    "approvals.rejected",
                ),
            ),
            Panel("alerts", "Validator alerts", "area", ("safeguard.alerts",)),
        ),
    )
)

define(
    Dashboard(
        slug="undo-readiness",
        title="Undo Readiness",
        about="Whether what is done can be undone, and how undoing went.",
        headline="undo.coverage",
        keywords=("rollback", "coverage"),
        sources="Undo plans, requests and runs that executors report.",
        panels=(
            Panel(
                "figures",
                "Readiness",
                "figures",
                (
                    "undo.coverage",
                    "undo.rollback_ratio",
                    "undo.success",
                    "undo.failures",
                    "undo.p95",
                    "undo.runs",
                ),
                size="full",
            ),
            Panel("coverage", "Executions with an undo plan", "lines", ("undo.coverage",)),
            Panel(
                "ratio",
                "Executions against rollbacks",
                "lines",
                ("executions.started", "undo.runs"),
                names={"executions.started": "executions", "undo.runs": "undo runs"},
            ),
            Panel("success", "Undo success", "lines", ("undo.success",)),
            Panel("rollbacks", "Undone of executed", "lines", ("undo.rollback_ratio",)),
            Panel(
                "steps",
                "Undo coverage of steps",
                "later",
                waits="Plans that live in the portal: which changing step has an undo step ready.",
            ),
        ),
    )
)

define(
    Dashboard(
        slug="feedback-insights",
        title="Feedback Insights",
        about="The effort missions saved, how satisfied people were, what the library gained.",
        headline="feedback.effort_saved",
        keywords=("satisfaction", "effort", "library"),
        sources="Feedback and contributions that people give when a mission ends.",
        panels=(
            Panel(
                "figures",
                "Feedback",
                "figures",
                (
                    "feedback.effort_saved",
                    "feedback.effort_mean",
                    "feedback.rating",
                    "feedback.participation",
                    "library.contributions",
                    "library.reuse_potential",
                ),
                size="full",
            ),
            Panel("effort", "Effort saved", "area", ("feedback.effort_saved",)),
            Panel("satisfaction", "Satisfaction", "lines", ("feedback.rating",)),
            Panel("ratings", "Ratings", "bars", ("feedback.count",), group_by="code"),
            Panel(
                "library",
                "Library, by category",
                "bars",
                ("library.contributions",),
                group_by="code",
            ),
            Panel(
                "after",
                "Afterwards",
                "figures",
                ("evidence.opened", "followups.scheduled", "retrospectives.logged"),
            ),
            Panel("participation", "Missions with feedback", "lines", ("feedback.participation",)),
        ),
    )
)

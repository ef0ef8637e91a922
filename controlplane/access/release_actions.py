"""What may be done to flags, deployments, launches, freezes, maintenance and canaries."""

from __future__ import annotations

from controlplane.access.role_table import (
    ADMIN,
    EVERYBODY,
    OPERATORS,
    PEOPLE,
    SECURITY,
    WORKERS,
    define,
)

FLAG_EDITORS = OPERATORS | {"product_manager"}
define(
    "flag",
    [
        ("view", "See feature flags", EVERYBODY),
        ("ask", "Ask what a flag says", EVERYBODY),
        ("create", "Make feature flags", FLAG_EDITORS),
        ("change", "Change feature flags and segments", FLAG_EDITORS),
        ("kill", "Switch a flag off everywhere", OPERATORS),
        ("enable", "Switch a flag on again", OPERATORS),
    ],
)
define(
    "flag",
    [
        (
            "override",
            "Change a flag in spite of a freeze",
            frozenset({"release_manager", "engineering_lead"}),
        ),
        ("tokens", "Make and revoke SDK tokens", ADMIN | {"engineering_lead"}),
        (
            "govern",
            "Say where changes of flags need consent",
            ADMIN | {"engineering_lead", "compliance"},
        ),
    ],
    by_key=False,
)
define(
    "deployment",
    [
        ("view", "See deployments", EVERYBODY),
        ("create", "Plan deployments", OPERATORS),
        ("change", "Prepare deployments, say what they bring", OPERATORS),
        ("start", "Start a deployment and run its steps", OPERATORS),
        ("tick", "Say that a check of a deployment holds", OPERATORS | {"telemetry_analyst", "ux"}),
        ("close", "Close a deployment", OPERATORS),
        ("rollback", "Roll a deployment back", OPERATORS),
    ],
)
define(
    "deployment",
    [
        (
            "override",
            "Waive a check of a deployment",
            frozenset({"release_manager", "engineering_lead"}),
        ),
        ("adapters", "Say what may be run for deployments", ADMIN | {"engineering_lead"}),
        ("feed", "Subscribe to releases and their calendar", PEOPLE),
    ],
    by_key=False,
)
define(
    "launch",
    [
        ("view", "See launches", EVERYBODY),
        (
            "tick",
            "Show that a line of a launch holds",
            OPERATORS | {"product_manager", "security_lead", "docs_lead", "ux"},
        ),
        ("manage", "Plan launches and ask for their sign-off", OPERATORS | {"product_manager"}),
    ],
)
define(
    "launch",
    [("review", "Sign the review after a launch", OPERATORS | {"product_manager"})],
    by_key=False,
)
define("server", [("report", "Report who was on a server", OPERATORS | SECURITY)])
define("freeze", [("view", "See freezes", EVERYBODY), ("manage", "Freeze changes", OPERATORS)])
define(
    "freeze",
    [
        (
            "override",
            "Start a deployment in spite of a freeze",
            frozenset({"release_manager", "engineering_lead"}),
        )
    ],
    by_key=False,
)
define(
    "maintenance",
    [
        ("view", "See maintenance windows", EVERYBODY),
        ("plan", "Plan maintenance windows", OPERATORS),
        ("change", "Change, move and cancel maintenance windows", OPERATORS),
        ("announce", "Announce maintenance before its notice is due", OPERATORS),
        ("rollback", "Take maintenance back", OPERATORS),
    ],
)
define(
    "maintenance",
    [
        ("run", "Start, finish and close maintenance", OPERATORS),
        (
            "waive",
            "Let maintenance go without a rule",
            frozenset({"release_manager", "engineering_lead"}),
        ),
    ],
    by_key=False,
)
define(
    "rollout",
    [
        ("view", "See canary rollouts", EVERYBODY),
        ("plan", "Plan a canary rollout", FLAG_EDITORS),
        ("report", "Post figures of a canary", WORKERS),
        ("promote", "Start a canary and let it go on", OPERATORS),
        ("pause", "Pause a canary", OPERATORS),
        ("rollback", "Roll a canary back", OPERATORS),
    ],
)
define(
    "rollout",
    [
        (
            "override",
            "Let a canary go on before its time, or in a freeze",
            frozenset({"release_manager", "engineering_lead"}),
        ),
    ],
    by_key=False,
)

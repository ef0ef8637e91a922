"""Every action of the product and the roles that may do it: the whole permission matrix, printed on
the console's matrix page and walked by tests."""

from __future__ import annotations

from controlplane.access.role_table import (
    ADMIN,
    AGENTS,
    EVERYBODY,
    ON_CALL,
    OPERATORS,
    OUTSIDE,
    OVERSIGHT,
    PEOPLE,
    SECURITY,
    WORKERS,
    define,
)

define(
    "workspace",
    [
        ("view", "See the workspace", EVERYBODY),
        ("manage", "Change the workspace", ADMIN),
        # By no role: it belongs to the installation, hence to superusers.
        ("create", "Create a workspace", frozenset()),
    ],
)
define("console", [("enter", "Enter the console", PEOPLE - OUTSIDE)], by_key=False)
define(
    "member",
    [
        ("view", "See members and roles", PEOPLE),
        ("manage", "Add, change and remove members", ADMIN | SECURITY),
        ("grant", "Grant a role", ADMIN | SECURITY),
        ("revoke", "Revoke a role", ADMIN | SECURITY),
        ("reset_factor", "Reset a person's second factor", ADMIN | SECURITY),
        ("make_superuser", "Make a superuser", frozenset()),
        ("lock", "Lock an account", ADMIN | SECURITY | ON_CALL),
        ("unlock", "Unlock an account", ADMIN | SECURITY),
        ("end_session", "End a person's sessions", ADMIN | SECURITY),
    ],
    by_key=False,
)
define(
    "agent",
    [
        ("view", "See agents and service accounts", EVERYBODY),
        ("manage", "Create and change agents", ADMIN | {"operations_command", "engineering_lead"}),
    ],
)
define(
    "key",
    [
        ("view", "See API keys (never their secrets)", ADMIN | SECURITY | {"engineering_lead"}),
        ("manage", "Create, rotate and revoke API keys", ADMIN | SECURITY),
        ("own", "Create, rotate and revoke one's own API keys", PEOPLE),
        ("trust_issuer", "Trust an outside token issuer", ADMIN | SECURITY),
    ],
    by_key=False,
)
define(
    "access_review",
    [
        ("view", "See access reviews", ADMIN | OVERSIGHT),
        ("manage", "Make an access review and decide its lines", ADMIN | SECURITY),
        ("sign", "Sign an access review", ADMIN | SECURITY),
    ],
    by_key=False,
)
define(
    "break_glass",
    [
        ("view", "See who opened the workspace by break-glass", ADMIN | OVERSIGHT),
        ("open", "Enter a workspace by break-glass", frozenset()),
        ("close", "End a break-glass", ADMIN | SECURITY),
    ],
    by_key=False,
)
define(
    "audit",
    [
        ("view", "Read the audit log", ADMIN | OVERSIGHT | OPERATORS),
        ("export", "Export the audit log", ADMIN | OVERSIGHT),
        ("verify", "Verify the audit log", ADMIN | OVERSIGHT),
    ],
)
define("audit", [("review", "Sign the weekly audit review", SECURITY)], by_key=False)
define(
    "notify",
    [
        ("view", "See channels, outbox and dead letters", OPERATORS | OVERSIGHT),
        ("replay", "Replay a dead letter", OPERATORS),
        ("manage_channels", "Change and test channels", ADMIN | {"operations_command"}),
        ("remove_methods", "Remove a way somebody is reached by", ADMIN),
    ],
)
define(
    "contact",
    [
        ("view", "See contacts", PEOPLE),
        ("manage", "Change contacts", OPERATORS),
    ],
)
define(
    "job",
    [
        ("view", "See timers, jobs and their runs", OPERATORS | OVERSIGHT),
        ("manage", "Run a job now, cancel a timer", OPERATORS),
    ],
)
define(
    "obligation",
    [
        ("view", "See recurring obligations", PEOPLE),
        ("fulfil", "Record an obligation of one's role", PEOPLE),
        ("manage", "Change recurring obligations", ADMIN | {"compliance"}),
    ],
)
define(
    "obligation", [("sign", "Sign what another recorded for an obligation", PEOPLE)], by_key=False
)
define(
    "view",
    [
        ("save", "Save lists under a name", PEOPLE),
        ("share", "Share saved lists with the workspace", PEOPLE - {"viewer"}),
    ],
    by_key=False,
)
define(
    "settings",
    [
        ("view", "See every default and where its value comes from", PEOPLE),
        ("secrets", "See how old each secret of the portal is", ADMIN | OVERSIGHT),
    ],
    by_key=False,
)
define(
    "throttle",
    [
        ("view", "See rate limits", OPERATORS | OVERSIGHT),
        ("manage", "Set temporary rate limits", OPERATORS),
    ],
)
define(
    "catalog",
    [
        ("view", "See services, components and integrations", EVERYBODY),
        ("manage", "Change services, components and integrations", OPERATORS),
        ("trip", "Open or close a circuit breaker", OPERATORS),
        ("report", "Report probe and tool-call outcomes", OPERATORS | AGENTS),
    ],
)
define(
    "vault",
    [
        ("view", "See which secrets there are and how old", OPERATORS | OVERSIGHT),
        ("manage", "Note and change which secrets there are", ADMIN | SECURITY),
        ("rotate", "Say that a secret was changed in its vault", OPERATORS | SECURITY),
    ],
)
define(
    "telemetry",
    [
        ("view", "See dashboards, series and events", EVERYBODY - OUTSIDE),
        ("view_installation", "See the installation's own health", OPERATORS | OVERSIGHT),
        ("ingest", "Report events", OPERATORS | AGENTS | {"telemetry_analyst"}),
        ("manage_rules", "Change and try alert rules", OPERATORS | {"telemetry_analyst"}),
        ("manage_queries", "Save queries for the workspace", OPERATORS | {"telemetry_analyst"}),
        ("audit", "Audit telemetry", OPERATORS | {"telemetry_analyst", "coordinator"}),
        ("sign_audit", "Sign telemetry audits", frozenset({"telemetry_analyst"})),
        ("snapshot", "Keep a health snapshot", OPERATORS | {"telemetry_analyst", "coordinator"}),
    ],
)
define(
    "telemetry",
    [("erase", "Erase the events of a workspace or mission", ADMIN | {"privacy_officer"})],
    by_key=False,
)
define(
    "privacy",
    [
        ("view", "See requests for erasure, consents and sanitised copies", ADMIN | OVERSIGHT),
        ("ask", "Ask that one's own data is erased, and withdraw that", PEOPLE),
        ("export", "Hand out what is held about a person", frozenset({"privacy_officer"})),
        ("erase", "Erase what is held about a person", frozenset({"privacy_officer"})),
        ("hold", "Hold an erasure back, and release it", frozenset({"privacy_officer", "legal"})),
        ("publish", "Publish a privacy policy", ADMIN | {"privacy_officer"}),
        ("record", "Record what somebody agreed to on paper", frozenset({"privacy_officer"})),
    ],
    by_key=False,
)
define(
    "privacy",
    [("copy", "Report a sanitised copy of production", OPERATORS | {"privacy_officer"})],
)
define(
    "legal_hold",
    [
        ("view", "See legal holds", ADMIN | OVERSIGHT | {"legal"}),
        ("place", "Place a legal hold on data", frozenset({"legal", "compliance"})),
        ("lift", "Lift a legal hold", frozenset({"legal", "compliance"})),
    ],
    by_key=False,
)
define(
    "compliance",
    [
        ("view", "See controls and their evidence", OPERATORS | OVERSIGHT | {"legal"}),
        ("attach", "Add evidence to a control", OPERATORS | OVERSIGHT | {"legal"}),
        ("report", "Make a compliance report", ADMIN | OVERSIGHT | {"legal"}),
    ],
)
define(
    "compliance",
    [("scope", "Say that a control does not apply", ADMIN | {"compliance"})],
    by_key=False,
)
define(
    "backup",
    [
        ("view", "See backups and restore drills", OPERATORS | OVERSIGHT),
        ("report", "Report a backup made elsewhere", OPERATORS),
    ],
)
define(
    "signal",
    [
        ("view", "See signals between apps", OPERATORS | OVERSIGHT),
        ("replay", "Replay a dead signal", OPERATORS),
    ],
)
define(
    "retention",
    [
        ("view", "See what clean-up deleted", OPERATORS | OVERSIGHT),
        # By no role: it reaches into every workspace, hence superusers.
        ("run", "Run clean-up now, or try it dry", frozenset()),
    ],
    by_key=False,
)
define(
    "work",
    [
        ("view", "See work items", EVERYBODY),
        ("create", "Open work items", WORKERS),
        ("update", "Change work items", WORKERS),
        ("claim", "Claim work items", WORKERS),
        ("comment", "Comment on work items and add evidence", WORKERS),
        ("link", "Link work items", WORKERS),
        ("close", "Close work items", WORKERS),
        ("reopen", "Reopen work items", WORKERS),
        ("watch", "Follow work items", EVERYBODY),
        (
            "force",
            "Close a work item over open blockers",
            OPERATORS | {"mission_owner", "coordinator", "executor", "executioner"},
        ),
        ("delete", "Delete work items", OPERATORS | {"coordinator"}),
        ("import", "Import work items", OPERATORS | {"coordinator"}),
        ("start_project", "Start a project or a sandbox", WORKERS),
        ("manage", "Configure projects", OPERATORS),
    ],
)
define(
    "work",
    [
        (
            "hooks",
            "Say which repositories' webhooks are believed",
            ADMIN | {"release_manager", "engineering_lead", "operations_command"},
        )
    ],
    by_key=False,
)
define(
    "approval",
    [
        ("view", "See what waits for consent and what was signed", EVERYBODY),
        ("ask", "Ask for consent, revise what was asked", WORKERS),
        ("withdraw", "Withdraw what was asked", WORKERS),
        ("comment", "Comment on what waits for consent", WORKERS),
    ],
)
define(
    "approval",
    [
        ("sign", "Sign where one's role is asked", PEOPLE),
        ("delegate", "Let somebody sign for one", PEOPLE),
        ("manage", "Change approval policies, end delegations", ADMIN | {"compliance"}),
    ],
    by_key=False,
)
define(
    "oncall",
    [
        ("view", "See who is on call", EVERYBODY),
        ("manage", "Change on-call schedules, rotations and everybody's shifts", OPERATORS),
    ],
)
define(
    "oncall",
    [
        ("override", "Take a shift, or hand over one's own", PEOPLE),
        ("feed", "Subscribe to a calendar of shifts", PEOPLE),
    ],
    by_key=False,
)

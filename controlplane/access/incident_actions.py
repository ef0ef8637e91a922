"""Who may do what with alerts, incidents, and who is called for them."""

from __future__ import annotations

from controlplane.access.role_table import (
    ADMIN,
    AGENTS,
    EVERYBODY,
    ON_CALL,
    OPERATORS,
    OUTSIDE,
    PEOPLE,
    SECURITY,
    define,
)

_LEADS = {"vp_engineering", "product_manager"}
RESPONDERS = OPERATORS | SECURITY | _LEADS
# The second level decides what customers are told, and the product's people word it with them.
PUBLISHERS = ADMIN | _LEADS | {"engineering_lead", "product_partner", "product_vp"}
# The third level decides how business goes on.
DECIDERS = RESPONDERS | {"product_vp", "cto", "head_of_product", "legal", "compliance"}
define(
    "alert",
    [
        ("view", "See alerts", (PEOPLE - OUTSIDE) | AGENTS),
        ("send", "Send alerts", OPERATORS | AGENTS),
        ("resolve", "Say that an alert is over", RESPONDERS),
        ("silence", "Silence alerts", RESPONDERS),
    ],
)
define(
    "alert",
    [
        ("source", "Keep the sources of alerts and their keys", ADMIN | {"sre_liaison"}),
        ("route", "Keep the rules of what becomes of alerts", ADMIN | {"sre_liaison"}),
        ("reread", "Read a message again that was given up", OPERATORS),
    ],
    by_key=False,
)
define(
    "incident",
    [
        ("view", "See incidents", EVERYBODY - OUTSIDE),
        ("open", "Open incidents", RESPONDERS | AGENTS | {"operations_command"}),
        ("comment", "Write on an incident's timeline", (PEOPLE - OUTSIDE) | AGENTS),
        ("acknowledge", "Acknowledge incidents", RESPONDERS),
        ("triage", "Say how grave an incident is", RESPONDERS),
        ("mitigate", "Work on an incident", RESPONDERS),
        ("resolve", "Resolve incidents, and open them again", RESPONDERS),
        ("escalate", "Call others to an incident", RESPONDERS),
        ("update", "Say how an incident goes on", RESPONDERS),
    ],
)
define(
    "incident",
    [
        ("lead", "Say who leads an incident", RESPONDERS),
        ("merge", "Merge and split incidents", RESPONDERS),
        ("cancel", "Say that an incident was a false alarm", RESPONDERS),
        ("close", "Close incidents", RESPONDERS),
        ("review", "Write the review of an incident", RESPONDERS),
        ("conclude", "Publish the review of an incident", RESPONDERS),
        ("levels", "Keep the ladder of severities", ADMIN),
        (
            "respond",
            "Say what happens by itself when an incident opens",
            ADMIN | {"sre_liaison", "engineering_lead"},
        ),
        ("decide", "Decide how it goes on while an incident lasts", DECIDERS),
        ("publish", "Publish what customers are told of an incident", PUBLISHERS),
    ],
    by_key=False,
)
define(
    "paging",
    [
        ("view", "See who was called", (PEOPLE - OUTSIDE) | AGENTS),
        ("rules", "Say how one is called oneself", PEOPLE - OUTSIDE),
        ("policy", "Keep the policies of escalation", ADMIN | {"sre_liaison", "engineering_lead"}),
        ("drill", "Drill the paging", ADMIN | ON_CALL | {"sre_liaison", "engineering_lead"}),
    ],
    by_key=False,
)
define(
    "runbook",
    [
        ("view", "Read runbooks and what was run of them", (PEOPLE - OUTSIDE) | AGENTS),
        ("run", "Work through a runbook", RESPONDERS),
    ],
)
define(
    "runbook",
    [
        (
            "edit",
            "Write runbooks, and put them away",
            ADMIN | SECURITY | {"sre_liaison", "engineering_lead", "database_lead", "docs_lead"},
        ),
        ("validate", "Say whether a runbook works", RESPONDERS),
    ],
    by_key=False,
)
# By no role: connections belong to the installation, hence to superusers.
define("database", [("terminate", "End a query of the database", frozenset())], by_key=False)
define(
    "status",
    [("keep", "Keep the public status page", ADMIN | {"sre_liaison", "product_partner"})],
    by_key=False,
)
define(
    "support",
    [
        ("hours", "Keep the hours of support and its holidays", ADMIN | {"sre_liaison"}),
        ("door", "Keep the public page of support", ADMIN | {"sre_liaison", "product_partner"}),
        (
            "write",
            "Write articles and canned replies",
            ADMIN | ON_CALL | {"sre_liaison", "docs_lead", "release_manager"},
        ),
    ],
    by_key=False,
)
# Whoever answers at the desk; documentation questions are the docs lead's.
ANSWERERS = RESPONDERS | {"docs_lead"}
define(
    "ticket",
    [
        ("view", "See support tickets", (PEOPLE - OUTSIDE) | AGENTS),
        ("open", "Ask support, and say more of what one asked", PEOPLE | AGENTS),
        ("respond", "Answer support tickets, and say whose they are", ANSWERERS),
        ("triage", "Say what a support ticket is about and how grave it is", ANSWERERS),
        ("resolve", "Resolve, close and merge support tickets", ANSWERERS),
        ("escalate", "Make a support ticket an incident", RESPONDERS),
    ],
)
define(
    "ticket",
    [("forget", "Erase who asked for support, and their words", ADMIN | {"privacy_officer"})],
    by_key=False,
)

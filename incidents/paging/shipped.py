"""The playbooks' ladders of calls. What level calls whom first stands in its first step; waits are
counted from the step before. Where the playbooks differ, more people are called and sooner."""

from __future__ import annotations

from typing import Any

MINUTE, HOUR = 60, 3_600
LAST = "everybody"  # called where nothing else is known
NAMED = "named"

_ADMINS = [{"kind": "role", "ref": "workspace_admin"}]
PRIMARY, SECONDARY = "primary_operator", "secondary_operator"


def _step(wait_s: int, *roles: str, contacts: tuple[str, ...] = ()) -> dict[str, Any]:
    targets = [{"kind": "role", "ref": role} for role in roles]
    targets += [{"kind": "contact", "ref": purpose} for purpose in contacts]
    return {"targets": targets, "wait_s": wait_s}


def _policy(slug: str, title: str, about: str, *steps: dict[str, Any], repeats: int = 3) -> Any:
    return {
        "slug": slug, "title": title, "about": about, "steps": list(steps), "repeats": repeats,
        "catch_all": _ADMINS,
    }  # fmt: skip


SHIPPED: list[dict[str, Any]] = [
    _policy(
        "sev1", "SEV-1", "A complete outage, data lost, or a breach: three people at once.",
        _step(5 * MINUTE, PRIMARY, "engineering_lead", "security_lead"),
        _step(55 * MINUTE, SECONDARY),
        _step(15 * MINUTE, "vp_engineering", "product_vp"),
    ),
    _policy(
        "sev2", "SEV-2", "A part is out: the primary and the engineering lead at once.",
        _step(5 * MINUTE, PRIMARY, "engineering_lead"),
        _step(55 * MINUTE, SECONDARY),
        _step(15 * MINUTE, "vp_engineering"),
    ),
    _policy(
        "sev3", "SEV-3", "It works worse, and there is a way around it: the primary alone.",
        _step(5 * MINUTE, PRIMARY),
        _step(15 * MINUTE, SECONDARY),
        _step(30 * MINUTE, "engineering_lead"),
        repeats=1,
    ),
    _policy(
        "engineering-lead", "Second level",
        "Coordinates grave incidents, decides about hotfixes and what customers are told.",
        _step(15 * MINUTE, "engineering_lead"),
        _step(15 * MINUTE, "vp_engineering"),
    ),
    _policy(
        "executives", "Third level", "Outages of more than an hour: how business goes on.",
        _step(15 * MINUTE, "vp_engineering", "product_vp"),
        _step(15 * MINUTE, "cto"),
    ),
    _policy(
        "security", "Security", "Somebody was where they should not be.",
        _step(5 * MINUTE, PRIMARY, "security_lead"),
        _step(10 * MINUTE, SECONDARY, "engineering_lead"),
        _step(45 * MINUTE, "compliance", "privacy_officer", "vp_engineering"),
    ),
    _policy(
        "database", "Database", "The database is out, or loses what it was given.",
        _step(5 * MINUTE, PRIMARY, "database_lead"),
        _step(5 * MINUTE, SECONDARY),
        _step(50 * MINUTE, "engineering_lead"),
    ),
    _policy(
        "data", "Data", "Evidence or other data may be lost.",
        _step(5 * MINUTE, PRIMARY, "database_lead", contacts=("data_lead",)),
        _step(5 * MINUTE, SECONDARY),
        _step(50 * MINUTE, "engineering_lead"),
    ),
    _policy(
        "partner", "Partner", "What a partner is touched by, or has to mend.",
        _step(15 * MINUTE, "partner_success"),
        _step(30 * MINUTE, "product_partner", "release_manager"),
        repeats=1,
    ),
    _policy(
        "legal", "Legal", "A matter of law, or of what we have signed.",
        _step(15 * MINUTE, "legal", "compliance"),
        _step(45 * MINUTE, "privacy_officer", "vp_engineering"),
        repeats=1,
    ),
    _policy(
        "governance", "Governance", "A safeguard was passed, or something was not undone.",
        _step(15 * MINUTE, "governance_validator"),
        _step(30 * MINUTE, "operations_command", "compliance"),
        repeats=1,
    ),
    _policy(
        "p0", "P0", "Support: production is out. The pager, then the release manager.",
        _step(5 * MINUTE, PRIMARY),
        _step(10 * MINUTE, "release_manager"),
        _step(15 * MINUTE, SECONDARY, "engineering_lead"),
    ),
    _policy(
        "p1", "P1", "Support: something important does not work. Primary, then secondary.",
        _step(15 * MINUTE, PRIMARY),
        _step(15 * MINUTE, SECONDARY),
        _step(30 * MINUTE, "release_manager"),
        repeats=1,
    ),
    _policy(
        "p2", "P2", "Support: a question, or a fault with a way around it.",
        _step(4 * HOUR, PRIMARY),
        _step(4 * HOUR, "docs_lead"),
        repeats=0,
    ),
    _policy(
        NAMED, "Whoever is named", "Calls the role that a rule or somebody names, and no one else.",
        _step(15 * MINUTE),
        repeats=0,
    ),
    _policy(
        LAST, "Everybody on duty", "Called where a rule or a level names a policy that is gone.",
        _step(5 * MINUTE, PRIMARY, SECONDARY),
        _step(5 * MINUTE, "engineering_lead"),
    ),
]  # fmt: skip

"""Roles in the playbook's words, groups of them, and how an action is declared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# slug -> (label, family)
ROLES: dict[str, tuple[str, str]] = {
    "workspace_admin": ("Workspace admin", "administration"),
    "viewer": ("Viewer", "administration"),
    "mission_owner": ("Mission Owner (MO)", "mission"),
    "governance_validator": ("Governance Validator (GV)", "mission"),
    "operations_command": ("Operations Command (OC)", "mission"),
    "telemetry_analyst": ("Telemetry Analyst (TA)", "mission"),
    "knowledge_curator": ("Knowledge Curator (KC)", "mission"),
    "primary_operator": ("Primary operator (on-call)", "operations"),
    "secondary_operator": ("Secondary operator", "operations"),
    "release_manager": ("Release manager", "operations"),
    "sre_liaison": ("SRE liaison", "operations"),
    "engineering_lead": ("Engineering lead", "operations"),
    "security_lead": ("Security lead", "operations"),
    "database_lead": ("Database lead", "operations"),
    "vp_engineering": ("VP engineering", "operations"),
    "product_manager": ("Product manager", "operations"),
    "product_vp": ("Product VP", "operations"),
    "ux": ("UX", "operations"),
    "docs_lead": ("Docs lead", "operations"),
    "product_partner": ("Product partner", "operations"),
    "partner_success": ("Partner success", "operations"),
    "legal": ("Legal", "operations"),
    "compliance": ("Compliance", "operations"),
    "privacy_officer": ("Privacy officer", "operations"),
    "cto": ("CTO", "operations"),
    "head_of_product": ("Head of product", "operations"),
    "coordinator": ("Coordinator agent", "agent"),
    "planner": ("Planner agent", "agent"),
    "executor": ("Executor agent", "agent"),
    "validator": ("Validator agent", "agent"),
    "evidence": ("Evidence agent", "agent"),
    "inspector": ("Inspector agent", "agent"),
    "reviewer": ("Reviewer agent", "agent"),
    "executioner": ("Executioner agent", "agent"),
}

PEOPLE = frozenset(slug for slug, (_, family) in ROLES.items() if family != "agent")
AGENTS = frozenset(slug for slug, (_, family) in ROLES.items() if family == "agent")


def role_label(slug: str) -> str:
    """What people call a role; one that this release no longer has stays as it is kept."""
    return ROLES[slug][0] if slug in ROLES else slug


def purpose_label(slug: str) -> str:
    """A role's words; of a purpose that a workspace named itself those its slug is made of."""
    known = role_label(slug)
    return slug.replace("_", " ").capitalize() if known == slug and "_" in slug else known


EVERYBODY = PEOPLE | AGENTS
WORKERS = EVERYBODY - {"viewer"}
ADMIN = frozenset({"workspace_admin"})
ON_CALL = frozenset({"primary_operator", "secondary_operator"})
OPERATORS = (
    ADMIN
    | ON_CALL
    | {"operations_command", "release_manager", "sre_liaison", "engineering_lead", "database_lead"}
)
SECURITY = frozenset({"security_lead"})
# People of other houses: they sign on the desk, and don't walk about in the console.
OUTSIDE = frozenset({"product_partner", "partner_success"})
OVERSIGHT = SECURITY | {"compliance", "privacy_officer", "cto", "vp_engineering"}


@dataclass(frozen=True, slots=True)
class Action:
    label: str
    roles: frozenset[str]
    # Keys may carry it as a scope. Signatures and the handling of access itself never travel
    # on a key without a person behind it.
    by_key: bool = True


ACTIONS: dict[str, Action] = {}


def define(
    area: str, rows: Iterable[tuple[str, str, frozenset[str]]], *, by_key: bool = True
) -> None:
    for name, label, roles in rows:
        unknown = roles - ROLES.keys()
        if unknown:
            raise ValueError(f"{area}.{name}: unknown roles {sorted(unknown)}")
        ACTIONS[f"{area}.{name}"] = Action(label, frozenset(roles), by_key)

"""Who may do what: one table, one question.

`ACTIONS` (`action_table`) is the whole permission matrix, keyed by action. `can()` answers from it;
object rules (separation of duties) are predicates in `RULES`, beside the table and named, so that a
denial says which rule refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.access import action_table as _table  # noqa: F401 - fills ACTIONS
from controlplane.access import incident_actions as _incidents  # noqa: F401 - and incidents'
from controlplane.access import mission_actions as _missions  # noqa: F401 - and missions'
from controlplane.access import release_actions as _releases  # noqa: F401 - and releases'
from controlplane.access import thread_actions as _threads  # noqa: F401 - and threads'
from controlplane.access.role_table import (
    ACTIONS,
    ADMIN,
    AGENTS,
    EVERYBODY,
    ON_CALL,
    OPERATORS,
    OVERSIGHT,
    PEOPLE,
    ROLES,
    SECURITY,
    Action,
    purpose_label,
    role_label,
)
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotAllowed

__all__ = [
    "ACTIONS",
    "ADMIN",
    "AGENTS",
    "EVERYBODY",
    "ON_CALL",
    "OPERATORS",
    "OVERSIGHT",
    "PEOPLE",
    "ROLES",
    "RULES",
    "SECURITY",
    "Action",
    "Decision",
    "Rule",
    "can",
    "matrix",
    "purpose_label",
    "require",
    "role_label",
    "rule",
    "scope_covers",
    "workspace_of",
]


NAMED = 4  # roles, where a refusal says who might


@dataclass(frozen=True, slots=True)
class Decision:
    allowed: bool
    rule: str
    reason: str

    def __bool__(self) -> bool:
        return self.allowed


# (actor, object) -> the sentence that refuses, or None. Named after the action they guard.
Rule = Callable[[Actor, Any], str | None]
RULES: dict[str, list[Rule]] = {}


def rule(*actions: str) -> Callable[[Rule], Rule]:
    """Register an object rule beside the table."""

    def register(function: Rule) -> Rule:
        for action in actions:
            RULES.setdefault(action, []).append(function)
        return function

    return register


def scope_covers(scopes: frozenset[str], action: str) -> bool:
    area = action.split(".", 1)[0]
    return "*" in scopes or action in scopes or f"{area}.*" in scopes


def workspace_of(obj: Any) -> int | None:
    """The workspace an object stands in. Objects without one belong to the installation."""
    if obj is None:
        return None
    workspace_id: int | None = getattr(obj, "workspace_id", None)
    return workspace_id


def can(actor: Actor, action: str, obj: Any = None) -> Decision:
    """May this actor do this to this object? Unknown actions are a bug, not a denial."""
    entry = ACTIONS[action]
    if actor.kind == "job":
        return Decision(True, "job", "the portal itself")
    granted = _granted(actor, action, entry, obj)
    if not granted:
        return granted
    for check in RULES.get(action, ()):
        refusal = check(actor, obj)
        if refusal:
            return Decision(False, check.__name__, refusal)
    return granted


def _granted(actor: Actor, action: str, entry: Action, obj: Any) -> Decision:
    workspace_id = workspace_of(obj)
    if workspace_id is not None and workspace_id not in actor.workspace_ids:
        return Decision(False, "workspace", "belongs to another workspace")
    if actor.scopes is not None:
        if not entry.by_key:
            return Decision(False, "not_by_key", f"{entry.label}: not with a key")
        if not scope_covers(actor.scopes, action):
            return Decision(False, "scope", f"the key lacks the scope {action}")
    if workspace_id is not None and workspace_id in actor.break_glass:
        return Decision(True, "break_glass", "superuser with an open break-glass")
    if obj is not None and workspace_id is None and not action.endswith(".view"):
        # A role in one workspace must not reach, through what all share, into the others.
        if actor.superuser:
            return Decision(True, "superuser", "changes what belongs to the whole installation")
        return Decision(False, "installation", f"{entry.label}: needs a superuser here")
    # Have no role: what a key carries, or what somebody was called for, has been asked above.
    if actor.kind in {"service", "contact"}:
        return Decision(True, "scope", action)
    matching = _roles(actor, workspace_id) & entry.roles
    if matching:
        return Decision(True, "role", min(matching))
    return Decision(False, "role", f"{entry.label}: needs {_wanted(entry.roles)}")


def _wanted(roles: Iterable[str]) -> str:
    """Who would do: all of a few, the first of many. Each action's page names them all."""
    names = sorted(ROLES[role][0] for role in roles)
    if len(names) <= NAMED:
        return ", ".join(names)
    return f"{', '.join(names[: NAMED - 1])} or one of {len(names) - NAMED + 1} other roles"


def _roles(actor: Actor, workspace_id: int | None) -> frozenset[str]:
    """Roles that count. Without a workspace (a list's heading, an "add" button, a row all share)
    any workspace's role answers; services ask again with the row they change."""
    if workspace_id is not None:
        return actor.roles_in(workspace_id)
    return frozenset().union(*actor.roles.values()) if actor.roles else frozenset()


def require(actor: Actor, action: str, obj: Any = None) -> None:
    """Raise `NotAllowed` unless `can`. The door that answers writes the denial to the audit."""
    decision = can(actor, action, obj)
    if decision:
        return
    code = "WORKSPACE_MISMATCH" if decision.rule == "workspace" else "FORBIDDEN"
    raise NotAllowed(
        decision.reason,
        code=code,
        denial={
            "actor": actor,
            "action": action,
            "subject": obj,
            "rule": decision.rule,
            "reason": decision.reason,
        },
    )


def matrix() -> Mapping[str, tuple[Action, dict[str, bool]]]:
    """action -> (entry, role -> allowed), for the console's page and the tests."""
    return {
        name: (entry, {role: role in entry.roles for role in ROLES})
        for name, entry in ACTIONS.items()
    }

"""What a key may carry, and what somebody may hand out: rules over the permission table."""

from __future__ import annotations

from collections.abc import Iterable

from controlplane.access import policy
from controlplane.access.models import Agent
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid, NotAllowed

LIMIT = 50


def checked(scopes: Iterable[str]) -> list[str]:
    """The scopes in order, each once. Refuses whatever covers no action a key may carry."""
    if isinstance(scopes, str):
        raise Invalid("Scopes are a list.", details={"scopes": "A list of texts."})
    wanted = sorted({str(scope).strip() for scope in scopes})
    if len(wanted) > LIMIT:
        raise Invalid("Too many scopes.", details={"scopes": f"At most {LIMIT}."})
    for scope in wanted:
        reason = _refusal(scope)
        if reason:
            raise Invalid(reason, details={"scopes": reason})
    return wanted


def _refusal(scope: str) -> str:
    covered = [name for name in policy.ACTIONS if policy.scope_covers(frozenset({scope}), name)]
    if not covered:
        return f"No action is named {scope[:60]!r}. Write area.verb, area.* or *."
    if not any(policy.ACTIONS[name].by_key for name in covered):
        return f"{scope}: never done with a key."
    return ""


def rights_of(agent: Agent, scopes: Iterable[str]) -> frozenset[str]:
    """Actions that this agent's key with these scopes may do."""
    wanted = frozenset(scopes) or (frozenset({"*"}) if agent.role else frozenset())
    covered = covered_by(wanted)
    return covered if agent.kind == Agent.Kind.SERVICE else covered & rights_of_role(agent.role)


def rights_of_role(role: str) -> frozenset[str]:
    return frozenset(name for name, entry in policy.ACTIONS.items() if role in entry.roles)


def covered_by(carried: Iterable[str]) -> frozenset[str]:
    """Actions that a key with these scopes may carry."""
    wanted = frozenset(carried)
    return frozenset(
        name
        for name, entry in policy.ACTIONS.items()
        if entry.by_key and policy.scope_covers(wanted, name)
    )


def within(role: str, most: str) -> bool:
    """Is `role` an agent role that allows nothing that `most` doesn't? A role nobody has heard
    of allows nothing, and is refused for that very reason."""
    if role not in policy.AGENTS:
        return False
    return role == most or rights_of_role(role) <= rights_of_role(most)


def require_handing_out(actor: Actor, action: str, agent: Agent, rights: Iterable[str]) -> None:
    """Nobody arms a machine with more than they hold: the key would be their way up.

    The workspace's admin may, since the admin could take any role. What only agents do (no
    person's role has it) raises nobody.
    """
    workspace_id = agent.workspace_id
    held = actor.roles_in(workspace_id)
    if actor.kind == "job" or "workspace_admin" in held or workspace_id in actor.break_glass:
        return
    beyond = sorted(
        name
        for name in rights
        if policy.ACTIONS[name].roles & policy.PEOPLE and not policy.ACTIONS[name].roles & held
    )
    if beyond:
        reason = f"gives more than you may do yourself: {', '.join(beyond[:5])}"
        raise NotAllowed(
            reason,
            code="INSUFFICIENT_AUTHORITY",
            details={"actions": beyond},
            denial={
                "actor": actor,
                "action": action,
                "subject": agent,
                "rule": "handing_out",
                "reason": reason,
            },
        )

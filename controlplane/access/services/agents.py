"""Agents and service accounts: made, changed, retired and brought back."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from controlplane.access import credential_cache, policy, scopes
from controlplane.access.models import Agent, User, Workspace
from controlplane.audit.services import record
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid

CHANGEABLE = ("name", "role", "description", "owner")


@transaction.atomic
def create_agent(
    workspace: Workspace,
    *,
    actor: Actor,
    name: str,
    kind: str = Agent.Kind.AGENT,
    role: str = "",
    description: str = "",
    owner: User | None = None,
) -> Agent:
    """An agent has one agent role; a service account has none and lives by its keys' scopes."""
    agent = Agent(
        workspace=workspace,
        name=_text("name", name, 80),
        kind=kind,
        role=role,
        description=_text("description", description, 300, empty=True),
        owner=owner,
    )
    policy.require(actor, "agent.manage", agent)
    _check_role(agent)
    _check_owner(agent)
    scopes.require_handing_out(actor, "agent.create", agent, scopes.rights_of(agent, ()))
    _save(agent)
    record(actor, "agent.create", agent, after=_picture(agent))
    return agent


@transaction.atomic
def change_agent(agent: Agent, *, actor: Actor, reason: str = "", **changes: Any) -> Agent:
    """Another role ends the tokens that name the old one; keys go on with the new."""
    agent = _locked(agent)
    policy.require(actor, "agent.manage", agent)
    unknown = changes.keys() - set(CHANGEABLE)
    if unknown:
        raise Invalid("Cannot be changed.", details=dict.fromkeys(unknown, "Cannot be changed."))
    before = _picture(agent)
    for field, value in changes.items():
        if field in ("name", "description"):
            value = _text(field, value, 80 if field == "name" else 300, empty=field != "name")
        setattr(agent, field, value)
    if before == _picture(agent):
        return agent
    _check_role(agent)
    _check_owner(agent)
    if agent.role != before["role"]:
        scopes.require_handing_out(actor, "agent.change", agent, scopes.rights_of(agent, ()))
        agent.token_epoch += 1
    _save(agent)
    record(actor, "agent.change", agent, before=before, after=_picture(agent), reason=reason)
    credential_cache.forget(f"agent:{agent.pk}")
    return agent


@transaction.atomic
def deactivate_agent(agent: Agent, *, actor: Actor, reason: str = "") -> Agent:
    """Every key and token of the agent stops working."""
    return _set_active(agent, False, actor=actor, action="agent.deactivate", reason=reason)


@transaction.atomic
def reactivate_agent(agent: Agent, *, actor: Actor, reason: str = "") -> Agent:
    """Its keys work again; tokens from before do not."""
    return _set_active(agent, True, actor=actor, action="agent.reactivate", reason=reason)


@transaction.atomic
def end_tokens(agent: Agent, *, actor: Actor, reason: str = "") -> Agent:
    """End every token we have issued to this agent. Its keys go on."""
    agent = _locked(agent)
    policy.require(actor, "agent.manage", agent)
    Agent.objects.filter(pk=agent.pk).update(token_epoch=F("token_epoch") + 1)
    record(actor, "agent.end_tokens", agent, reason=reason)
    credential_cache.forget(f"agent:{agent.pk}")
    agent.refresh_from_db(fields=["token_epoch"])
    return agent


def _set_active(agent: Agent, active: bool, *, actor: Actor, action: str, reason: str) -> Agent:
    agent = _locked(agent)
    policy.require(actor, "agent.manage", agent)
    if agent.is_active == active:
        return agent
    if active:
        # Whoever retired it may have been wrong; whoever brings it back answers for its rights.
        scopes.require_handing_out(actor, action, agent, _rights_of_keys(agent))
    agent.is_active = active
    agent.token_epoch += 1
    agent.save(update_fields=["is_active", "token_epoch"])
    record(
        actor, action, agent, before={"is_active": not active}, after={"is_active": active},
        reason=reason,
    )  # fmt: skip
    credential_cache.forget(f"agent:{agent.pk}")
    return agent


def _rights_of_keys(agent: Agent) -> frozenset[str]:
    live = agent.keys.in_force().values_list("scopes", flat=True)
    return frozenset().union(*(scopes.rights_of(agent, carried) for carried in live))


def _locked(agent: Agent) -> Agent:
    return (
        Agent.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=agent.pk)
    )


def _save(agent: Agent) -> None:
    try:
        with transaction.atomic():
            agent.save()
    except IntegrityError:
        message = "An agent of this workspace has this name already."
        raise Conflict(message, details={"name": message}) from None


def _check_role(agent: Agent) -> None:
    if agent.kind not in Agent.Kind.values:
        raise Invalid("Unknown kind.", details={"kind": "agent or service."})
    if agent.kind == Agent.Kind.SERVICE:
        if agent.role:
            message = "A service account has no role: its keys carry scopes."
            raise Invalid(message, details={"role": message})
        return
    if agent.role not in policy.AGENTS:
        message = f"An agent has one of the agent roles: {', '.join(sorted(policy.AGENTS))}."
        raise Invalid(message, details={"role": message})


def _check_owner(agent: Agent) -> None:
    """The person who answers for an agent is one of its workspace."""
    if agent.owner is None:
        return
    member = agent.owner.memberships.filter(workspace_id=agent.workspace_id, left_at=None)
    if not agent.owner.is_active or not member.exists():
        raise Invalid("No such member.", details={"owner": "Not a member of this workspace."})


def _text(field: str, value: Any, limit: int, *, empty: bool = False) -> str:
    text = str(value or "").strip()
    if (not text and not empty) or len(text) > limit or not text.isprintable():
        message = f"One line of at most {limit} characters."
        raise Invalid(message, details={field: message})
    return text


def _picture(agent: Agent) -> dict[str, Any]:
    return {
        "name": agent.name,
        "kind": str(agent.kind),
        "role": agent.role,
        "description": agent.description,
        "owner": f"user:{agent.owner_id}" if agent.owner_id else None,
        "is_active": agent.is_active,
    }

"""From accounts to actors: the roles somebody holds now, gathered once per request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from controlplane.access.models import Agent, ApiKey, BreakGlass, Grant, User
from controlplane.lib import clock
from controlplane.lib.actors import Actor


def actor_for_user(
    user: User, *, session_id: str = "", second_factor_at: float | None = None
) -> Actor:
    roles: dict[int, set[str]] = defaultdict(set)
    held = Grant.objects.held().filter(membership__user=user)
    for workspace_id, role in held.values_list("membership__workspace_id", "role"):
        roles[workspace_id].add(role)
    glass: Iterable[int] = ()
    if user.is_superuser:
        glass = BreakGlass.objects.filter(
            user=user, ended_at=None, ends_at__gt=clock.now()
        ).values_list("workspace_id", flat=True)
    return Actor(
        kind="person",
        ref=f"user:{user.pk}",
        label=user.email,
        roles={workspace: frozenset(held) for workspace, held in roles.items()},
        user_id=user.pk,
        session_id=session_id,
        superuser=user.is_superuser,
        break_glass=frozenset(glass),
        second_factor_at=second_factor_at,
    )


def actor_for_agent(
    agent: Agent, *, key: ApiKey | None = None, scopes: Iterable[str] = ()
) -> Actor:
    """An agent acts in its one workspace. Without a role it has scopes only."""
    scope_set = frozenset(scopes)
    return Actor(
        kind="service" if agent.kind == Agent.Kind.SERVICE or not agent.role else "agent",
        ref=f"agent:{agent.pk}",
        label=agent.name,
        roles={agent.workspace_id: frozenset({agent.role} if agent.role else ())},
        scopes=scope_set if scope_set or not agent.role else None,
        agent_id=agent.pk,
        key_id=key.pk if key else None,
    )

"""From accounts to actors: the roles somebody holds now, gathered once per request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet, Value

from controlplane.access.models import Agent, ApiKey, BreakGlass, Grant, User
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.kept import Question

_GLASS = "break glass"  # with a space: no slug of a role has one


def actor_for_user(
    user: User, *, session_id: str = "", second_factor_at: float | None = None
) -> Actor:
    roles: dict[int, set[str]] = defaultdict(set)
    glass = set()
    asked = _HELD_OR_BROKEN if user.is_superuser else _HELD
    for workspace_id, role in asked.rows(user.pk):
        if role == _GLASS:
            glass.add(workspace_id)
        else:
            roles[workspace_id].add(role)
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


def _held(user_id: int) -> QuerySet[Grant, tuple[int, str]]:
    held = Grant.objects.held().filter(membership__user=user_id)
    return held.values_list("membership__workspace_id", "role")


def _held_or_broken(user_id: int) -> QuerySet[Any, tuple[int, str]]:
    """In one question: every request asks it. What stands open is no role."""
    broken = BreakGlass.objects.filter(user=user_id, ended_at=None, ends_at__gt=clock.now())
    open_ones = broken.order_by().values_list("workspace_id", Value(_GLASS))
    return _held(user_id).order_by().union(open_ones, all=True)


_HELD: Question[tuple[int, str]] = Question(_held)
_HELD_OR_BROKEN: Question[tuple[int, str]] = Question(_held_or_broken)


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


def by_address(labels: Iterable[str]) -> dict[str, User]:
    """Of what rows keep as a name, those that are somebody's address, and whose. Asks nothing where
    none is one."""
    wanted = {label for label in labels if "@" in label}
    found = User.objects.filter(email__in=wanted) if wanted else ()
    return {person.email: person for person in found}

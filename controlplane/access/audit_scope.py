"""Which rows of the audit log somebody may read: the log's question, answered with the table.

Rows of a workspace need `audit.view` there. Rows of the whole installation (sign-ins, people,
backups) are read in full by superusers; oversight roles see those that concern the portal's own
jobs or people of their workspaces, since a workspace is one domain of trust and the sign-ins of
its neighbours' people are none of its business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from controlplane.access.models import Membership
from controlplane.access.policy import OVERSIGHT, can, require, scope_covers
from controlplane.audit import scope
from controlplane.lib.actors import Actor


@dataclass(frozen=True)
class _In:
    """Something that stands in this workspace."""

    workspace_id: int


def readable(actor: Actor) -> Q | None:
    ids = [each for each in actor.workspace_ids if can(actor, "audit.view", _In(each))]
    by_key = actor.scopes is None or scope_covers(actor.scopes, "audit.view")
    if actor.superuser and by_key:
        return Q(workspace_id__in=ids) | Q(workspace_id=None)
    if not ids:
        return None
    overseen = [each for each in ids if actor.roles_in(each) & OVERSIGHT]
    if not overseen:
        return Q(workspace_id__in=ids)
    shared = (
        (Q(actor_kind="job") & ~Q(subject_type="access.user"))
        | Q(actor_ref__in=_members(overseen, "user:"))
        | Q(subject_ref__in=_members(overseen, "access.user:"))
    )
    return Q(workspace_id__in=ids) | (Q(workspace_id=None) & shared)


def _members(workspaces: Iterable[int], prefix: str) -> QuerySet[Any, Any]:
    named = Concat(Value(prefix), Cast("user_id", CharField()), output_field=CharField())
    held = Membership.objects.filter(workspace_id__in=workspaces, left_at=None)
    return held.annotate(named=named).values("named")


scope.provide(scope.Policy(readable=readable, require=require))

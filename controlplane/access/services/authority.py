"""Whose authority reaches a person. People are shared by workspaces; roles are not."""

from __future__ import annotations

from controlplane.access import policy
from controlplane.access.models import Membership, User
from controlplane.lib.actors import Actor


def require_over_person(actor: Actor, action: str, user: User, *, former: bool = False) -> None:
    """For what changes a person everywhere: the right in *every* workspace he is in.

    An admin of one workspace must not reach, through somebody both share, into another. Over
    superusers and people without a workspace only superusers act; with `former`, over somebody
    who has left all of them whoever may in each that they were in.
    """
    memberships = list(Membership.objects.current().filter(user=user).select_related("user"))
    if former and not memberships:
        memberships = list(Membership.objects.filter(user=user).select_related("user"))
    if actor.superuser or user.is_superuser or not memberships:
        policy.require(actor, action, user)
        return
    for membership in memberships:
        policy.require(actor, action, membership)


def require_near_person(actor: Actor, action: str, user: User) -> Membership | None:
    """For what protects: the right in *one* workspace he is in suffices. Returns that
    membership, or None when the authority is the portal's or a superuser's."""
    if actor.kind == "job":
        return None
    memberships = list(Membership.objects.current().filter(user=user).select_related("user"))
    for membership in memberships:
        if policy.can(actor, action, membership):
            return membership
    shared = [row for row in memberships if row.workspace_id in actor.workspace_ids]
    # Nobody may: let the policy say why, by a row the actor may know of.
    policy.require(actor, action, shared[0] if shared and not actor.superuser else user)
    return None

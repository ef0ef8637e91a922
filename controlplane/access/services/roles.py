"""Granting and revoking roles."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from controlplane.access import credential_cache, policy
from controlplane.access.models import Grant, Membership, Workspace
from controlplane.access.services.saving import by, invalid, save_checked
from controlplane.audit import services as audit
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict


@transaction.atomic
def grant_role(
    membership: Membership,
    role: str,
    *,
    actor: Actor,
    reason: str = "",
    expires_at: datetime | None = None,
) -> Grant:
    policy.require(actor, "member.grant", membership)
    if role not in policy.PEOPLE:
        raise invalid("role", "This is not a role that people hold.")
    if expires_at is not None and expires_at <= clock.now():
        raise invalid("expires_at", "The end lies in the past.")
    lock_roles(membership.workspace_id)
    membership.refresh_from_db(fields=["left_at"])
    if membership.left_at is not None:
        raise Conflict("Not a member of this workspace any more.")
    _close_expired(membership, role)
    grant = Grant(
        membership=membership,
        role=role,
        granted_by=by(actor),
        reason=reason[:300],
        expires_at=expires_at,
    )
    save_checked(grant, conflict=f"{policy.ROLES[role][0]} is held already.")
    audit.record(
        actor,
        "member.grant",
        grant,
        after={"person": membership.user.email, "role": role, "expires_at": expires_at},
        reason=reason,
    )
    return grant


@transaction.atomic
def revoke_role(grant: Grant, *, actor: Actor, reason: str = "") -> Grant:
    """End a role now. Revoking what is revoked changes nothing."""
    policy.require(actor, "member.revoke", grant)
    lock_roles(grant.workspace_id)
    grant = Grant.objects.select_for_update(of=("self",)).get(pk=grant.pk)
    if grant.revoked_at is not None:
        return grant
    one = Grant.objects.filter(pk=grant.pk)
    keep_an_admin(grant.workspace_id, without=one)
    end_grants(one, actor=actor)
    grant.refresh_from_db()
    audit.record(
        actor,
        "member.revoke",
        grant,
        before={"person": grant.membership.user.email, "role": grant.role},
        reason=reason,
    )
    return grant


def lock_roles(workspace_id: int) -> None:
    """One change of roles at a time per workspace, so that two admins who remove each other at
    the same moment do not leave it without any."""
    Workspace.objects.select_for_update().get(pk=workspace_id)


def keep_an_admin(workspace_id: int, *, without: QuerySet[Grant]) -> None:
    """Refuse to end the last admin's role: nobody could grant it again but a superuser."""
    admins = Grant.objects.held().of_active_people().filter(role="workspace_admin")
    here = admins.filter(membership__workspace_id=workspace_id)
    ending = here.filter(pk__in=without.values("pk"))
    if ending.exists() and not here.exclude(pk__in=without.values("pk")).exists():
        raise Conflict(
            "This is the workspace's last admin. Make somebody else workspace admin first."
        )


def end_grants(grants: QuerySet[Grant], *, actor: Actor) -> int:
    credential_cache.forget()  # personal keys carry their owner's roles
    return grants.filter(revoked_at=None).update(revoked_at=clock.now(), revoked_by=by(actor))


def _close_expired(membership: Membership, role: str) -> None:
    """An expired row still holds the place of the unique constraint: it ends when it expired."""
    for old in Grant.objects.filter(
        membership=membership, role=role, revoked_at=None, expires_at__lte=clock.now()
    ):
        old.revoked_at = old.expires_at
        old.revoked_by = "expired"
        old.save(update_fields=["revoked_at", "revoked_by"])

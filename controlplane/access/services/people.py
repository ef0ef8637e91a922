"""Workspaces, people and membership."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Grant, Membership, User, Workspace
from controlplane.access.services.authority import require_over_person
from controlplane.access.services.passwords import check_strength
from controlplane.access.services.roles import end_grants, grant_role, keep_an_admin, lock_roles
from controlplane.access.services.saving import by, save_checked
from controlplane.access.services.sessions import end_sessions_of
from controlplane.audit import services as audit
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid, NotFound

# What apps above put into a new workspace, in its own transaction. Each fills it in `apps.py`;
# called as `(workspace, actor=…)`.
furnishers: list[Callable[..., Any]] = []


@transaction.atomic
def create_workspace(
    slug: str, *, actor: Actor, name: str = "", time_zone: str = "UTC", is_demo: bool = False
) -> Workspace:
    workspace = Workspace(slug=slug, name=name or slug, time_zone=time_zone, is_demo=is_demo)
    policy.require(actor, "workspace.create", workspace)
    save_checked(workspace, conflict=f"There is a workspace {slug} already.")
    audit.record(
        actor,
        "workspace.create",
        workspace,
        after={"slug": workspace.slug, "name": workspace.name, "time_zone": workspace.time_zone},
    )
    for furnish in furnishers:
        furnish(workspace, actor=actor)
    return workspace


@transaction.atomic
def change_workspace(
    workspace: Workspace, *, actor: Actor, name: str | None = None, time_zone: str | None = None
) -> Workspace:
    workspace = Workspace.objects.select_for_update().get(pk=workspace.pk)
    policy.require(actor, "workspace.manage", workspace)
    _change(workspace, actor, "workspace.manage", {"name": name, "time_zone": time_zone})
    return workspace


@transaction.atomic
def create_user(
    email: str,
    *,
    actor: Actor,
    name: str,
    workspace: Workspace | None = None,
    roles: Iterable[str] = (),
    password: str | None = None,
    superuser: bool = False,
    time_zone: str = "UTC",
) -> User:
    """Add a person. Without a password they set one by the link of a password reset mail."""
    user = User(email=email.strip(), name=name.strip(), time_zone=time_zone, is_superuser=superuser)
    policy.require(actor, "member.manage", workspace or user)
    if superuser:
        policy.require(actor, "member.make_superuser", user)
    if roles and workspace is None:
        raise Invalid("A role is held in a workspace: name one.")
    if password is None:
        user.set_unusable_password()
    else:
        check_strength(password, user)
        user.set_password(password)
        user.password_changed_at = clock.now()
    save_checked(user, conflict="There is an account with this e-mail address already.")
    audit.record(
        actor,
        "member.create_user",
        user,
        workspace_id=workspace.pk if workspace else None,
        after={"email": user.email, "name": user.name, "superuser": superuser},
    )
    if workspace is not None:
        membership = add_member(workspace, user, actor=actor)
        for role in roles:
            grant_role(membership, role, actor=actor)
    return user


@transaction.atomic
def invite(
    workspace: Workspace, *, actor: Actor, email: str, name: str, roles: Iterable[str] = ()
) -> tuple[Membership, bool]:
    """Bring somebody in, whether or not the portal knows them. True: the account is new."""
    policy.require(actor, "member.manage", workspace)
    user = User.objects.by_email(email).first()
    if user is None:
        user = create_user(email, actor=actor, name=name, workspace=workspace, roles=roles)
        return Membership.objects.get(user=user, workspace=workspace), True
    membership = add_member(workspace, user, actor=actor)
    for role in roles:
        grant_role(membership, role, actor=actor)
    return membership, False


@transaction.atomic
def change_user(
    user: User,
    *,
    actor: Actor,
    name: str | None = None,
    time_zone: str | None = None,
    email: str | None = None,
) -> User:
    """Oneself may change name and time zone. The e-mail address is the way to a new password,
    so changing it takes an admin of every workspace of that person."""
    user = User.objects.select_for_update().get(pk=user.pk)
    is_self = actor.user_id == user.pk and actor.scopes is None
    if not is_self or (email is not None and email.strip() != user.email):
        require_over_person(actor, "member.manage", user)
    changed = {"name": name, "time_zone": time_zone, "email": email.strip() if email else None}
    _change(user, actor, "member.change_user", changed)
    return user


@transaction.atomic
def deactivate_user(user: User, *, actor: Actor, reason: str = "") -> User:
    """Close an account: no sign-in, no session, no key. History keeps its name."""
    user = User.objects.select_for_update().get(pk=user.pk)
    require_over_person(actor, "member.manage", user)
    for membership in Membership.objects.current().filter(user=user):
        lock_roles(membership.workspace_id)
        keep_an_admin(membership.workspace_id, without=membership.grants.all())
    user.is_active = False
    user.save(update_fields=["is_active"])
    end_sessions_of(user, by=by(actor))
    audit.record(
        actor,
        "member.deactivate",
        user,
        before={"is_active": True},
        after={"is_active": False},
        reason=reason,
    )
    return user


@transaction.atomic
def reactivate_user(user: User, *, actor: Actor, reason: str = "") -> User:
    user = User.objects.select_for_update().get(pk=user.pk)
    require_over_person(actor, "member.manage", user)
    user.is_active = True
    user.save(update_fields=["is_active"])
    audit.record(
        actor,
        "member.reactivate",
        user,
        before={"is_active": False},
        after={"is_active": True},
        reason=reason,
    )
    return user


@transaction.atomic
def add_member(workspace: Workspace, user: User, *, actor: Actor) -> Membership:
    """Make somebody a member, or a member again. Being one already changes nothing."""
    policy.require(actor, "member.manage", workspace)
    membership, made = Membership.objects.select_for_update().get_or_create(
        workspace=workspace, user=user
    )
    if not made and membership.left_at is not None:
        membership.left_at = None
        membership.save(update_fields=["left_at"])
        made = True
    if made:
        audit.record(actor, "member.add", membership, after={"person": user.email})
    return membership


@transaction.atomic
def remove_member(membership: Membership, *, actor: Actor, reason: str = "") -> Membership:
    """Take somebody out: every role ends, the row stays for access reviews."""
    policy.require(actor, "member.manage", membership)
    lock_roles(membership.workspace_id)
    membership = Membership.objects.select_for_update().get(pk=membership.pk)
    if membership.left_at is not None:
        return membership
    grants = Grant.objects.filter(membership=membership, revoked_at=None)
    keep_an_admin(membership.workspace_id, without=grants)
    roles = sorted(grants.values_list("role", flat=True))
    end_grants(grants, actor=actor)
    membership.left_at = clock.now()
    membership.save(update_fields=["left_at"])
    audit.record(
        actor,
        "member.remove",
        membership,
        before={"person": membership.user.email, "roles": roles},
        reason=reason,
    )
    return membership


def member_of(workspace: Workspace, user: User) -> Membership:
    found = Membership.objects.current().filter(workspace=workspace, user=user).first()
    if found is None:
        raise NotFound("Not a member of this workspace.")
    return found


def _change(obj: Workspace | User, actor: Actor, action: str, values: Mapping[str, Any]) -> None:
    """Save the given fields that differ, with one audit row of what they were and are."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for field, value in values.items():
        if value is not None and value != getattr(obj, field):
            before[field], after[field] = getattr(obj, field), value
            setattr(obj, field, value)
    if not after:
        return
    if isinstance(obj, AbstractBaseUser) and "email" in after:
        end_sessions_of(obj, by=by(actor))
    save_checked(obj, conflict="There is an account with this e-mail address already.")
    audit.record(actor, action, obj, before=before, after=after)
